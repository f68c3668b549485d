//! All experiments, and the tables that go into docs/audits.md.

use crate::{
    detection,
    proofs::{proof_sizes, ProofError},
    year::{run, Kind, KindOutcome, Outcome, Setup},
    Detection, ProofSizes, HOUR, MILLION,
};
use lunarx_core::AuditRules;
use serde::Serialize;
use std::fmt::{self, Write};

/// The fractions that are lost in the search for losses, in millionths.
const LOSSES: [u32; 8] = [1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000, 1_000_000];
/// The years that are compared: windows that a miner has for its answer,
const DEADLINES: [u32; 3] = [24, 72, 168];
/// and how many of 100 trackers lie.
const LIARS: [u32; 4] = [0, 5, 10, 20];
/// Answers of which the bytes are measured.
const MEASURED: u32 = 100;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// All chance comes from it.
    pub seed: u64,
    /// Miners of a year.
    pub miners: u32,
    /// Days of a year.
    pub days: u32,
    /// Contracts in the search for losses, for each fraction.
    pub contracts: u32,
    /// Whether other years are compared with the one of 10 liars.
    pub variants: bool,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Findings {
    /// Where all chance came from.
    pub seed: u64,
    /// How long losses stayed unnoticed.
    pub detections: Vec<Detection>,
    /// What an answer weighs.
    pub proofs: ProofSizes,
    /// The year with 10 liars of 100 trackers.
    pub year: Outcome,
    /// Years with other liars and times.
    pub variants: Vec<Outcome>,
}

/// Does all of it.
pub fn examine(request: &Request) -> Result<Findings, ProofError> {
    let Request { seed, miners, days, contracts, variants } = *request;
    let setup = Setup::new(seed, miners, days);
    let year = run(&setup);
    let pairs = DEADLINES.into_iter().flat_map(|windows| LIARS.map(|liars| (windows, liars)));
    let others = pairs.filter(|_| variants).map(|(windows, liars)| {
        let rules = AuditRules { return_within: HOUR * windows, ..setup.rules };
        match liars == setup.liars && rules == setup.rules {
            true => year.clone(),
            false => run(&Setup { liars, rules, ..setup.clone() }),
        }
    });
    Ok(Findings {
        seed,
        variants: others.collect(),
        detections: LOSSES
            .into_iter()
            .map(|lost| detection(seed, lost, contracts, setup.bytes(), &setup.rules))
            .collect(),
        proofs: proof_sizes(seed, setup.pieces, setup.piece_bytes, setup.rules.samples, MEASURED)?,
        year,
    })
}

impl Findings {
    /// The tables.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        let Outcome { miners, days, trackers, liars, .. } = self.year;
        writeln!(text, "Seed {}.\n", self.seed)?;
        detections(text, &self.detections)?;
        writeln!(text, "\n{miners} miners, {days} days; {liars} of {trackers} trackers lie.")?;
        writeln!(text, "Money is LX a miner, of one contract at a time.\n")?;
        kinds(text, &self.year)?;
        writeln!(text)?;
        money(text, &self.year)?;
        if !self.variants.is_empty() {
            writeln!(text)?;
            variants(text, &self.variants)?;
        }
        writeln!(text)?;
        self.bytes(text)
    }

    fn bytes(&self, text: &mut String) -> fmt::Result {
        let answer = self.proofs.answer_mean;
        let megabytes = |challenges: f64, trackers: f64| challenges * answer * trackers / 1e6;
        let (mean, busy) = (self.year.challenges_mean, f64::from(self.year.challenges_p99));
        writeln!(text, "| audit bytes | |\n| --- | ---: |")?;
        writeln!(
            text,
            "| a proof, mean and longest | {:.0} B, {} B |",
            self.proofs.proof_mean, self.proofs.proof_max
        )?;
        writeln!(
            text,
            "| an answer with its signature, mean and longest | {answer:.0} B, {} B |",
            self.proofs.answer_max
        )?;
        writeln!(text, "| challenges a contract and day, mean and p99 | {mean:.2}, {busy:.0} |")?;
        writeln!(text, "| a contract and day, one tracker | {:.2} MB |", megabytes(mean, 1.0))?;
        writeln!(text, "| a contract and day, three trackers | {:.2} MB |", megabytes(mean, 3.0))?;
        writeln!(text, "| the same on a day of the p99 | {:.2} MB |", megabytes(busy, 3.0))?;
        let load = 3.0 * f64::from(self.year.miners) / f64::from(self.year.trackers);
        writeln!(text, "| a tracker and day, with {load:.0} seats | {:.0} MB |", megabytes(mean, load))
    }
}

fn detections(text: &mut String, rows: &[Detection]) -> fmt::Result {
    let contracts = rows.first().map_or(0, |row| row.contracts);
    writeln!(text, "{contracts} contracts a row, the real draw of every block; simulated / formula.\n")?;
    writeln!(text, "| lost | found within a day | standard errors | mean, h | median, h | p99, h |")?;
    writeln!(text, "| ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for row in rows {
        writeln!(
            text,
            "| {} % | {:.2} / {:.2} % | {:+.1} | {:.2} / {:.2} | {:.2} / {:.2} | {:.1} / {:.1} |",
            f64::from(row.lost) * 100.0 / f64::from(MILLION),
            row.within_a_day * 100.0,
            row.within_a_day_formula * 100.0,
            row.deviations,
            row.mean,
            row.mean_formula,
            row.median,
            row.median_formula,
            row.p99,
            row.p99_formula,
        )?;
    }
    Ok(())
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Honest => "honest, 99 % online",
        Kind::Flaky => "honest, 90 % online",
        Kind::DeletesSome => "deletes 1 %",
        Kind::DeletesAll => "deletes all",
        Kind::Hides => "deletes 1 %, hides when asked",
        Kind::Surrenders => "deletes 1 %, surrenders when asked",
        Kind::Selective => "answers two seats of three",
        Kind::OnChain => "answers on chain only",
    }
}

fn kinds(text: &mut String, year: &Outcome) -> fmt::Result {
    writeln!(
        text,
        "| kind | miners | losses found | median, h | p99, h \
         | closed after: median, h | p99, h | convicted | surrendered | evicted |"
    )?;
    writeln!(text, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for kind in &year.kinds {
        write!(text, "| {} | {} | {} ", name(kind.kind), kind.miners, kind.found)?;
        match kind.found {
            0 => write!(text, "| – | – | – | – ")?,
            _ => write!(
                text,
                "| {:.1} | {:.1} | {:.1} | {:.1} ",
                kind.found_median, kind.found_p99, kind.closed_median, kind.closed_p99
            )?,
        }
        writeln!(text, "| {} | {} | {} |", kind.convicted, kind.surrendered, kind.evicted)?;
    }
    Ok(())
}

fn money(text: &mut String, year: &Outcome) -> fmt::Result {
    writeln!(
        text,
        "| kind | online | windows paid | pay lost beyond downtime \
         | earned, LX | slashed, LX | net, LX | net, honest = 100 |"
    )?;
    writeln!(text, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    let honest = year.of(Kind::Honest).map_or(0.0, |kind| kind.net);
    for kind in &year.kinds {
        let beyond = match kind.kind.is_honest() {
            true => format!("{:.2} %", kind.lost_beyond_downtime * 100.0),
            false => "–".into(),
        };
        writeln!(
            text,
            "| {} | {:.2} % | {:.2} % | {} | {:.5} | {:.5} | {:.5} | {:.1} |",
            name(kind.kind),
            kind.up * 100.0,
            kind.paid * 100.0,
            beyond,
            kind.earned,
            kind.slashed,
            kind.net,
            kind.net * 100.0 / honest,
        )?;
    }
    trackers(text, year)
}

fn trackers(text: &mut String, year: &Outcome) -> fmt::Result {
    writeln!(text, "\n| trackers, each | honest | lying |\n| --- | ---: | ---: |")?;
    writeln!(text, "| net of the year, LX | {:.2} | {:.2} |", year.honest_tracker, year.lying_tracker)?;
    writeln!(text, "| of it fines, LX | {:.2} | {:.2} |", year.honest_fines, year.lying_fines)?;
    writeln!(
        text,
        "\nTrackers were suspended {} times. A tracker's share of fees is {:.2} LX on average. An answer on chain \
         costs {:.4} LX.",
        year.suspensions, year.fees, year.answer_fee
    )?;
    writeln!(
        text,
        "\n| questions on chain that were answered, asked by | honest trackers | liars | clients |"
    )?;
    writeln!(text, "| --- | ---: | ---: | ---: |")?;
    for kind in &year.kinds {
        let KindOutcome { answered_honest, answered_liars, answered_clients, .. } = kind;
        writeln!(
            text,
            "| {} | {answered_honest} | {answered_liars} | {answered_clients} |",
            name(kind.kind)
        )?;
    }
    Ok(())
}

fn variants(text: &mut String, years: &[Outcome]) -> fmt::Result {
    let miners = |kind| years.first().and_then(|year| year.of(kind)).map_or(0, |kind| kind.miners);
    writeln!(
        text,
        "Honest miners that had everything, and were convicted all the same: of {} that are 99 % online / \
         of {} that are 90 % online. Beside it what cheats that delete 1 % gain by the time.\n",
        miners(Kind::Honest),
        miners(Kind::Flaky)
    )?;
    writeln!(
        text,
        "| windows to answer | lying trackers | convicted while online | convicted while down \
         | pay lost beyond downtime | cheat closed after: median, p99, h | who hides: median, p99, h \
         | cheat's net, LX |"
    )?;
    writeln!(text, "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for year in years {
        let kind = |kind| year.of(kind);
        let (Some(good), Some(poor), Some(cheat), Some(hides)) =
            (kind(Kind::Honest), kind(Kind::Flaky), kind(Kind::DeletesSome), kind(Kind::Hides))
        else {
            continue;
        };
        writeln!(
            text,
            "| {} | {} of {} | {} / {} | {} / {} | {:.2} / {:.2} % | {:.1}, {:.1} | {:.1}, {:.1} | {:.5} |",
            year.return_within / HOUR,
            year.liars,
            year.trackers,
            good.wronged_online,
            poor.wronged_online,
            good.wronged_down,
            poor.wronged_down,
            good.lost_beyond_downtime * 100.0,
            poor.lost_beyond_downtime * 100.0,
            cheat.closed_median,
            cheat.closed_p99,
            hides.closed_median,
            hides.closed_p99,
            cheat.net,
        )?;
    }
    Ok(())
}
