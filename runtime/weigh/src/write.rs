//! The file of a pallet's weights.

use crate::{
    fit::{self, Line},
    Measured, REPEATS, STEPS,
};
use std::fmt::Write;

/// Groups digits by three: `1_234_567`.
fn digits(value: u128) -> String {
    let text = value.to_string();
    let mut out = String::new();
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at) % 3 == 0 {
            out.push('_');
        }
        out.push(digit);
    }
    out
}

/// One line of Rust a slope that is not zero.
fn slopes(out: &mut String, line: &Line, term: impl Fn(&str, &str) -> String) -> std::fmt::Result {
    for (name, slope) in line.slopes.iter().filter(|(_, slope)| *slope > 0) {
        writeln!(out, "            .saturating_add({})", term(&digits(*slope), name))?;
    }
    Ok(())
}

fn function(out: &mut String, measured: &Measured) -> anyhow::Result<()> {
    let fitted = fit::all(measured)?;
    let arguments: Vec<String> = fitted.time.slopes.iter().map(|(name, _)| format!("{name}: u32")).collect();
    let used = |name: &String| {
        [&fitted.time, &fitted.reads, &fitted.writes]
            .iter()
            .any(|line| line.slopes.iter().any(|(other, slope)| other == name && *slope > 0))
    };
    let arguments: Vec<String> = arguments
        .iter()
        .zip(&fitted.time.slopes)
        .map(|(argument, (name, _))| if used(name) { argument.clone() } else { format!("_{argument}") })
        .collect();
    writeln!(out, "    fn {}({}) -> Weight {{", measured.name, arguments.join(", "))?;
    writeln!(out, "        Weight::from_parts({}, 0)", digits(fitted.time.base))?;
    slopes(out, &fitted.time, |slope, name| {
        format!("Weight::from_parts({slope}, 0).saturating_mul({name}.into())")
    })?;
    for (what, line) in [("reads", &fitted.reads), ("writes", &fitted.writes)] {
        if line.base > 0 {
            writeln!(out, "            .saturating_add(T::DbWeight::get().{what}({}))", digits(line.base))?;
        }
        slopes(out, line, |slope, name| {
            format!("T::DbWeight::get().{what}({slope}).saturating_mul({name}.into())")
        })?;
    }
    writeln!(out, "    }}\n")?;
    Ok(())
}

/// The whole file, in Rust.
pub fn file(pallet: &str, measured: &[Measured]) -> anyhow::Result<String> {
    let mut out = String::new();
    writeln!(out, "//! Weights of `{pallet}`: written by `scripts/benchmark weights`, not by hand.")?;
    writeln!(out, "//!")?;
    writeln!(out, "//! Measured on the runtime's compiled Wasm, {STEPS} steps, {REPEATS} repeats.")?;
    writeln!(out, "\nuse core::marker::PhantomData;")?;
    writeln!(out, "use frame_support::{{traits::Get, weights::Weight}};\n")?;
    writeln!(out, "/// Measured weights.\npub struct WeightInfo<T>(PhantomData<T>);\n")?;
    writeln!(out, "impl<T: frame_system::Config> {pallet}::WeightInfo for WeightInfo<T> {{")?;
    for one in measured {
        function(&mut out, one)?;
    }
    out.truncate(out.trim_end().len());
    writeln!(out, "\n}}")?;
    Ok(out)
}
