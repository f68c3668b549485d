//! A miner's day in minutes: clients reserve, upload, give up and come back, contracts begin and end, the collector
//! and the scrubber take their turns, the power fails. One tick stands for a second.
//!
//! `scripts/churn [HOURS] [SEED]` runs it for longer; the short form is part of the tests.

use super::{simulated::Simulated, *};
use crate::StoreError;
use rand::{rngs::StdRng, seq::IteratorRandom, Rng, SeedableRng};
use std::{collections::BTreeMap, env, sync::Arc, time::Instant};

const QUOTA: u64 = 48 << 20;
const FOLDER: &str = "/store";
/// Ticks between two turns of the collector and the scrubber.
const UPKEEP: u64 = 5;
/// Ticks between two looks at everything.
const INSPECTION: u64 = 900;
/// Ticks between two power cuts, on average.
const BETWEEN_CUTS: u64 = 240;

#[derive(Clone, Debug, PartialEq)]
struct Held {
    max_bytes: u64,
    kept: bool,
    /// The tick at which the reservation lapses, or the contract is over.
    ends: u64,
    /// Finished pieces: seeds of their bytes, and sizes.
    pieces: BTreeMap<u32, (u64, usize)>,
    /// A piece on its way.
    under_way: Option<(u32, u64, usize)>,
}

#[derive(Debug, Default)]
struct Tale {
    reserved: u64,
    refused: u64,
    finished: u64,
    kept: u64,
    ended: u64,
    cuts: u64,
    bytes: u64,
    collected: u64,
    scrubbed: u64,
}

struct Churn {
    system: Simulated,
    store: Option<Store>,
    chance: StdRng,
    model: BTreeMap<u16, Held>,
    next: u16,
    tick: u64,
    tale: Tale,
}

fn contract_id(n: u16) -> ContractId {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    ContractId(bytes)
}

fn number(contract: ContractId) -> u16 {
    u16::from_be_bytes([contract.0[0], contract.0[1]])
}

fn open_on(system: &Simulated) -> Store {
    let config = StoreConfig { floor: 0, ..StoreConfig::new(QUOTA) };
    Store::open_on(Arc::new(system.clone()), Path::new(FOLDER), config).unwrap()
}

/// Whether a call did what it should, or the power went.
fn survived(result: Result<(), StoreError>, system: &Simulated) -> bool {
    match result {
        Ok(()) => true,
        Err(_) if system.is_dead() => false,
        Err(error) => panic!("{error}"),
    }
}

impl Churn {
    fn new(seed: u64) -> Self {
        let system = Simulated::new();
        let store = Some(open_on(&system));
        let mut churn = Self {
            system,
            store,
            chance: StdRng::seed_from_u64(seed),
            model: BTreeMap::new(),
            next: 0,
            tick: 0,
            tale: Tale::default(),
        };
        churn.set_cut();
        churn
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn set_cut(&mut self) {
        // About a dozen operations a tick.
        let (operations, _) = self.system.counts();
        let cut = operations + self.chance.gen_range(1..BETWEEN_CUTS * 24);
        self.system.cut_at(cut);
    }

    /// A size as clients have them: mostly small, some large.
    fn size(&mut self) -> usize {
        match self.chance.gen_range(0..10) {
            0..=5 => self.chance.gen_range(1..20_000),
            6..=8 => self.chance.gen_range(20_000..140_000),
            _ => self.chance.gen_range(140_000..900_000),
        }
    }

    fn step(&mut self) {
        self.tick += 1;
        let over: Vec<_> =
            self.model.iter().filter(|(_, held)| held.ends <= self.tick).map(|(n, _)| *n).collect();
        for n in over {
            if !self.end(n) {
                return self.recover();
            }
        }
        let lives = match self.chance.gen_range(0..10) {
            0..=1 => self.reserve(),
            2..=7 => self.upload(),
            8 => self.keep(),
            _ => self.read(),
        };
        if !lives {
            return self.recover();
        }
        if self.tick.is_multiple_of(UPKEEP) && !self.upkeep() {
            return self.recover();
        }
        if self.tick.is_multiple_of(INSPECTION) {
            self.inspect();
        }
    }

    fn reserve(&mut self) -> bool {
        let max_bytes = self.chance.gen_range(1..2_000_000);
        let (n, ends) = (self.next, self.tick + self.chance.gen_range(30..1_200));
        self.next = self.next.wrapping_add(1);
        match self.store().reserve(contract_id(n), reservation(max_bytes)) {
            Err(StoreError::QuotaExceeded { .. }) => {
                self.tale.refused += 1;
                true
            }
            result => {
                self.model.insert(
                    n,
                    Held { max_bytes, kept: false, ends, pieces: BTreeMap::new(), under_way: None },
                );
                self.tale.reserved += 1;
                survived(result, &self.system)
            }
        }
    }

    /// Some bytes of some piece of some reservation, to its end at times.
    fn upload(&mut self) -> bool {
        let open = self.model.iter().filter(|(_, held)| !held.kept).map(|(n, _)| *n);
        let Some(n) = open.choose(&mut self.chance) else { return true };
        let (size, seed) = (self.size(), self.chance.gen());
        let held = &self.model[&n];
        let (index, seed, size) = held.under_way.unwrap_or_else(|| {
            let index = (0..).find(|index| !held.pieces.contains_key(index)).unwrap();
            (index, seed, size)
        });
        let used: usize = held.pieces.values().map(|(_, size)| size).sum();
        let fits = u64::try_from(used + size).unwrap() <= held.max_bytes
            && index < crate::rules::max_pieces(held.max_bytes);
        if !fits {
            return true;
        }
        let bytes = content(seed, size);
        let id = contract_id(n);
        let Ok(written) = self.store().written(id, index) else { return false };
        let from = usize::try_from(written).unwrap();
        let to = if self.chance.gen_bool(0.7) { size } else { self.chance.gen_range(from..=size) };
        self.model.get_mut(&n).unwrap().under_way = Some((index, seed, size));
        let sent = self.store().append(id, index, written, &bytes[from..to]).map(drop);
        if !survived(sent, &self.system) {
            return false;
        }
        self.tale.bytes += u64::try_from(to - from).unwrap();
        if to < size {
            return true;
        }
        let finished = self.store().finish(id, index, len(&bytes)).map(drop);
        let held = self.model.get_mut(&n).unwrap();
        held.under_way = None;
        held.pieces.insert(index, (seed, size));
        self.tale.finished += 1;
        survived(finished, &self.system)
    }

    fn keep(&mut self) -> bool {
        let ready =
            self.model.iter().filter(|(_, held)| !held.kept && !held.pieces.is_empty()).map(|(n, _)| *n);
        let Some(n) = ready.choose(&mut self.chance) else { return true };
        let kept = self.store().keep(contract_id(n));
        let ends = self.tick + self.chance.gen_range(60..7_200);
        let held = self.model.get_mut(&n).unwrap();
        (held.kept, held.ends, held.under_way) = (true, ends, None);
        self.tale.kept += 1;
        survived(kept, &self.system)
    }

    fn end(&mut self, n: u16) -> bool {
        let removed = self.store().remove(contract_id(n));
        self.model.remove(&n);
        self.tale.ended += 1;
        survived(removed, &self.system)
    }

    fn read(&mut self) -> bool {
        let all = self
            .model
            .iter()
            .flat_map(|(n, held)| held.pieces.iter().map(|(index, piece)| (*n, *index, *piece)));
        let Some((n, index, (seed, size))) = all.choose(&mut self.chance) else { return true };
        let bytes = content(seed, size);
        let piece = self.store().finish(contract_id(n), index, len(&bytes)).unwrap();
        assert!(read_all(self.store(), piece, len(&bytes)) == bytes, "piece {index} of {n}");
        true
    }

    fn upkeep(&mut self) -> bool {
        match self.store().collect(2 << 20) {
            Ok(collected) => self.tale.collected += collected.bytes,
            Err(error) => return survived(Err(error), &self.system),
        }
        match self.store().scrub(500_000) {
            Ok(scrubbed) => {
                assert!(scrubbed.faults.is_empty() && scrubbed.unread == 0, "{scrubbed:?}");
                self.tale.scrubbed += scrubbed.bytes;
                true
            }
            Err(error) => survived(Err(error), &self.system),
        }
    }

    /// The power is gone: what the disk has is opened again, and what was under way is there or not.
    fn recover(&mut self) {
        assert!(self.system.is_dead());
        self.tale.cuts += 1;
        self.store = None;
        let seed = self.chance.gen_bool(0.8).then(|| self.chance.gen());
        self.system = self.system.after_cut(seed);
        self.store = Some(open_on(&self.system));
        let stored: BTreeMap<_, _> =
            contracts(self.store()).into_iter().map(|stored| (number(stored.contract), stored)).collect();
        // At most one call was cut short, so at most one contract, piece or mark may differ.
        let mut differs = 0;
        for n in stored.keys() {
            if !self.model.contains_key(n) {
                // A removal that was cut short: it is asked for again, as the miner does with what no contract covers.
                self.store().remove(contract_id(*n)).unwrap();
                differs += 1;
            }
        }
        for n in self.model.keys().copied().collect::<Vec<_>>() {
            let Some(stored) = stored.get(&n) else {
                let held = self.model.remove(&n).unwrap();
                assert!(!held.kept && held.pieces.is_empty() && held.under_way.is_none(), "{n}: {held:?}");
                differs += 1;
                continue;
            };
            let held = self.model.get_mut(&n).unwrap();
            if held.kept != stored.kept {
                assert!(held.kept, "{n} is kept, and nobody asked for it");
                held.kept = false;
                held.ends = self.tick + 600;
                differs += 1;
            }
            let batch = self.store.as_ref().unwrap().batch(contract_id(n)).unwrap();
            let sizes: u64 = batch.iter().map(|entry| entry.len).sum();
            if batch.len() + 1 == held.pieces.len() {
                let (index, (seed, size)) = held.pieces.pop_last().unwrap();
                held.under_way = Some((index, seed, size));
                differs += 1;
            }
            let expected: usize = held.pieces.values().map(|(_, size)| size).sum();
            assert_eq!((batch.len(), sizes), (held.pieces.len(), u64::try_from(expected).unwrap()), "{n}");
        }
        assert!(differs <= 1, "{differs} things differ after one cut");
        // Whoever was sending goes on from where the store says.
        for (n, held) in &mut self.model {
            if let Some((index, _, size)) = held.under_way {
                let written = self.store.as_ref().unwrap().written(contract_id(*n), index).unwrap();
                if usize::try_from(written).unwrap() > size {
                    panic!("{written} bytes of {size}");
                }
            }
        }
        self.restart_torn();
        self.set_cut();
    }

    /// A power cut may damage the tail of what was not finished: such a piece gets another id, and its sender drops
    /// the reservation.
    fn restart_torn(&mut self) {
        let torn: Vec<_> = self
            .model
            .iter()
            .filter(|(_, held)| held.under_way.is_some() && !held.kept)
            .map(|(n, _)| *n)
            .collect();
        for n in torn {
            let (index, seed, size) = self.model[&n].under_way.unwrap();
            let id = contract_id(n);
            let written = self.store().written(id, index).unwrap();
            let bytes = content(seed, size);
            self.store().append(id, index, written, &bytes[usize::try_from(written).unwrap()..]).unwrap();
            let piece = self.store().finish(id, index, len(&bytes)).unwrap();
            let (expected, _) = lunarx_proof::commit(bytes.as_slice(), len(&bytes)).unwrap();
            let held = self.model.get_mut(&n).unwrap();
            held.under_way = None;
            if piece == expected {
                held.pieces.insert(index, (seed, size));
            } else {
                assert!(written > 0, "nothing was damaged");
                self.store().remove(id).unwrap();
                self.model.remove(&n);
            }
        }
    }

    /// Everything is read and compared, and nothing is on the disk that nobody knows of.
    fn inspect(&mut self) {
        // No cut in the middle of it.
        self.system.cut_at(0);
        let store = self.store();
        while store.collect(u64::MAX).unwrap().entries > 0 {}
        store.verify();
        assert_eq!(store.usage().garbage, 0);
        assert_eq!(contracts(store).len(), self.model.len());
        let (mut own, mut packed) = (0, 0);
        for (n, held) in &self.model {
            let batch = store.batch(contract_id(*n)).unwrap();
            assert_eq!(batch.len(), held.pieces.len(), "{n}");
            for (entry, (seed, size)) in batch.iter().zip(held.pieces.values()) {
                assert!(read_all(store, entry.piece, entry.len) == content(*seed, *size), "{n}");
                if entry.len > 128 << 10 {
                    own += 1;
                } else {
                    packed += 1;
                }
            }
        }
        let files = self.system.files();
        let of = |extension: &str| {
            files.iter().filter(|(path, _)| path.extension().is_some_and(|found| found == extension)).count()
        };
        assert_eq!(of("piece"), own);
        assert!(of("pack") <= packed + 2, "{} packs for {packed} pieces", of("pack"));
        let open = self.model.values().filter(|held| held.under_way.is_some()).count();
        assert!(of("part") <= open, "{} partial files, {open} pieces under way", of("part"));
        self.set_cut();
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_ended_is_kept() {
    let setting = |name, default: f64| env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let hours = setting("LUNARX_CHURN_HOURS", 0.5);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let (ticks, seed) = ((hours * 3_600.0) as u64, setting("LUNARX_CHURN_SEED", 1.0) as u64);
    println!("churn of {hours} hours, seed {seed}");
    let begun = Instant::now();
    let mut churn = Churn::new(seed);
    for _ in 0..ticks {
        churn.step();
    }
    churn.inspect();
    churn.system.cut_at(0);
    for n in churn.model.keys().copied().collect::<Vec<_>>() {
        assert!(churn.end(n));
    }
    churn.inspect();
    churn.system.cut_at(0);
    let usage = churn.store().usage();
    assert_eq!((usage.reserved, usage.stored, usage.garbage), (0, 0, 0));
    let Tale { reserved, refused, finished, kept, ended, cuts, bytes, collected, scrubbed } = churn.tale;
    println!(
        "{reserved} reservations, {refused} refused; {finished} pieces of {} MiB; {kept} kept, {ended} ended; \
         {cuts} power cuts; {} MiB collected, {} MiB scrubbed; {:.1} s",
        bytes >> 20,
        collected >> 20,
        scrubbed >> 20,
        begun.elapsed().as_secs_f64()
    );
    assert!(ticks < 1_000 || (cuts > 0 && finished > 100 && refused > 0), "something never happened");
}
