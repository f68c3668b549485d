//! Packs: large files to which the bodies of small pieces are appended, each at a multiple of a block.
//!
//! A pack holds nothing but bodies; the metadata says what lies where, and how far the pack is written: beyond
//! that is what an interruption left, and it is written over. Many threads that finish pieces share one write, one
//! sync and one commit: whoever has the lock works for all that wait.
//!
//! The space of a removed piece is given back as a hole in its pack, so nothing is ever moved. A pack that takes
//! no more and in which nothing lives is deleted. Where the file system knows no holes, that alone frees space.

use super::{
    body::{body_bytes, Unpublished},
    cache::Cache,
    lock, mark,
    medium::{Access, Medium, MediumFile},
    metadata::Metadata,
    record::{Location, PieceRecord},
    Place,
};
use crate::{rules::len_u64, space::BLOCK_BYTES, StoreError};
use lunarx_core::PieceId;
use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, PoisonError},
};

/// Longest piece in a pack.
pub(super) const MOST_PACKED: u64 = 128 << 10;
/// A pack takes no more once it is this long.
const PACK_BYTES: u64 = 64 << 20;
/// Most pieces and bytes in one commit.
const MOST_IN_COMMIT: usize = 512;
const MOST_BYTES_IN_COMMIT: u64 = 8 << 20;
/// Most packs held open.
const MAX_OPEN_PACKS: usize = 64;

const FOLDER: &str = "packs";
const SUFFIX: &str = ".pack";

/// Bytes of a pack that a piece of `len` bytes takes.
pub(super) fn packed_bytes(len: u64) -> u64 {
    body_bytes(len).next_multiple_of(BLOCK_BYTES)
}

/// All packs.
pub(super) struct Packs {
    medium: Arc<dyn Medium>,
    folder: PathBuf,
    queue: Mutex<Queue>,
    /// Told after every commit.
    turn: Condvar,
    /// The pack that is written to. Held by whoever writes.
    active: Mutex<Option<Active>>,
    open: Mutex<Cache<u64, dyn MediumFile>>,
}

/// Who waits, and whether somebody writes.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Arc<Job>>,
    writes: bool,
}

/// The pack that is written to.
struct Active {
    pack: u64,
    file: Arc<dyn MediumFile>,
    end: u64,
}

/// A piece to be added.
struct Job {
    place: Place,
    piece: PieceId,
    len: u64,
    body: Vec<u8>,
    result: Mutex<Option<Result<PieceRecord, Unpublished>>>,
}

impl Packs {
    /// Makes the folder if need be.
    pub(super) fn new(medium: Arc<dyn Medium>, root: &Path) -> Result<Self, StoreError> {
        let folder = root.join(FOLDER);
        medium.create_folder(&folder).map_err(StoreError::at(&folder))?;
        Ok(Self {
            medium,
            folder,
            queue: Mutex::default(),
            turn: Condvar::new(),
            active: Mutex::default(),
            open: Mutex::new(Cache::new(MAX_OPEN_PACKS, u64::MAX)),
        })
    }

    /// Deletes packs that nothing refers to, and what lies beyond the end of the last one.
    pub(super) fn restore(&self, metadata: &Metadata) -> Result<(), StoreError> {
        let mut orphans = Vec::new();
        for name in self.medium.list(&self.folder).map_err(StoreError::at(&self.folder))? {
            match parse(&name) {
                Some(pack) if !metadata.has_pack(pack)? => orphans.push(pack),
                Some(_) => {}
                None if name.starts_with(mark::MARK) => {}
                None => tracing::warn!(name, "left alone: not a pack of the piece store"),
            }
        }
        self.remove(&orphans)?;
        if let Some((pack, record)) = metadata.last_pack()? {
            *lock(&self.active) = self.resume(pack, record.end)?;
        }
        Ok(())
    }

    /// The mark of the folder, if there is one.
    pub(super) fn mark(&self) -> Result<Option<Vec<u8>>, StoreError> {
        mark::read(self.medium.as_ref(), &self.folder)
    }

    /// Marks it, durably.
    pub(super) fn set_mark(&self, mark: &[u8]) -> Result<(), StoreError> {
        mark::write(self.medium.as_ref(), &self.folder, mark)
    }

    /// Goes on with a pack, unless it is full or damaged.
    fn resume(&self, pack: u64, end: u64) -> Result<Option<Active>, StoreError> {
        let path = self.path(pack);
        match self.medium.file_len(&path).map_err(StoreError::at(&path))? {
            Some(len) if len >= end && end < PACK_BYTES => {
                let file = self.medium.open(&path, Access::Write).map_err(StoreError::at(&path))?;
                file.set_len(end).map_err(StoreError::at(&path))?;
                Ok(Some(Active { pack, file, end }))
            }
            Some(len) if len >= end => Ok(None),
            len => {
                tracing::error!(path = %path.display(), ?len, expected = end, "a pack is missing or cut short");
                Ok(None)
            }
        }
    }

    fn path(&self, pack: u64) -> PathBuf {
        self.folder.join(file_name(pack))
    }

    /// Whether there is any pack.
    pub(super) fn any(medium: &dyn Medium, root: &Path) -> Result<bool, StoreError> {
        let folder = root.join(FOLDER);
        let names = medium.list(&folder).map_err(StoreError::at(folder))?;
        Ok(names.iter().any(|name| parse(name).is_some()))
    }

    /// Writes a body durably and commits its record, together with those of whoever else waits.
    pub(super) fn add(
        &self,
        metadata: &Metadata,
        place: Place,
        piece: PieceId,
        len: u64,
        body: Vec<u8>,
    ) -> Result<PieceRecord, Unpublished> {
        let job = Arc::new(Job { place, piece, len, body, result: Mutex::default() });
        let mut queue = lock(&self.queue);
        queue.waiting.push_back(job.clone());
        loop {
            if let Some(result) = lock(&job.result).take() {
                return result;
            }
            if queue.writes {
                queue = self.turn.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            queue.writes = true;
            let group = queue.next_group();
            drop(queue);
            let writing = Writing { packs: self, group };
            let result = self.write(metadata, &mut lock(&self.active), &writing.group);
            for (at, job) in writing.group.iter().enumerate() {
                let record = match &result {
                    Ok(records) => Ok(records[at]),
                    Err(error) => Err(error.again()),
                };
                *lock(&job.result) = Some(record);
            }
            drop(writing);
            queue = lock(&self.queue);
        }
    }

    /// Writes a group into the active pack, or into a new one.
    fn write(
        &self,
        metadata: &Metadata,
        active: &mut Option<Active>,
        group: &[Arc<Job>],
    ) -> Result<Vec<PieceRecord>, Unpublished> {
        let Active { pack, file, end } = match active {
            Some(active) if active.end < PACK_BYTES => active,
            _ => active.insert(self.begin(metadata)?),
        };
        let path = self.path(*pack);
        let (mut bytes, mut added) = (Vec::new(), Vec::with_capacity(group.len()));
        for job in group {
            let location = Location::Packed { pack: *pack, offset: *end + len_u64(&bytes) };
            added.push((job.place, PieceRecord { piece: job.piece, len: job.len, location }));
            bytes.extend_from_slice(&job.body);
            let padded = len_u64(&bytes).next_multiple_of(BLOCK_BYTES);
            bytes.resize(usize::try_from(padded).expect("MOST_BYTES_IN_COMMIT at most; qed"), 0);
        }
        let new_end = *end + len_u64(&bytes);
        file.write_at(*end, &bytes).map_err(StoreError::at(&path))?;
        if let Err(error) = file.sync() {
            // The kernel forgets what it could not write: nothing is written behind it any more, so that no
            // later sync vouches for it. No record names what was written, so it need not stay either.
            let undone = match *end {
                0 => self.medium.remove(&path),
                end => file.set_len(end),
            };
            if let Err(error) = undone {
                tracing::error!(path = %path.display(), %error, "a pack keeps bytes of nobody until the next start");
            }
            *active = None;
            return Err(Unpublished::Dropped(StoreError::at(&path)(error)));
        }
        if let Err(error) = metadata.add(&added, Some((*pack, new_end))) {
            // It may have reached the disk all the same: nothing is written over what it names.
            *active = None;
            return Err(error.into());
        }
        *end = new_end;
        Ok(added.into_iter().map(|(_, record)| record).collect())
    }

    fn begin(&self, metadata: &Metadata) -> Result<Active, StoreError> {
        let pack = metadata.number();
        let path = self.path(pack);
        let file = self.medium.open(&path, Access::Create).map_err(StoreError::at(&path))?;
        if let Err(error) = self.medium.sync_folder(&self.folder) {
            // Swept at the next start if it resists.
            let _ = self.medium.remove(&path);
            return Err(StoreError::at(&self.folder)(error));
        }
        Ok(Active { pack, file, end: 0 })
    }

    /// A pack, open for reading, if it reaches up to `end`.
    pub(super) fn reading(&self, pack: u64, end: u64) -> io::Result<Arc<dyn MediumFile>> {
        let generation = {
            let mut open = lock(&self.open);
            if let Some(file) = open.get(&pack) {
                return Ok(file);
            }
            open.generation()
        };
        let file = self.medium.open(&self.path(pack), Access::Read)?;
        let len = file.len()?;
        if len < end {
            let what = format!("{len} bytes, expected {end}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        lock(&self.open).insert(pack, file.clone(), 0, generation);
        Ok(file)
    }

    /// Opens a pack to make holes in it; `None` if it is gone.
    pub(super) fn writing(&self, pack: u64) -> Result<Option<Arc<dyn MediumFile>>, StoreError> {
        let path = self.path(pack);
        match self.medium.open(&path, Access::Write) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::at(path)(error)),
        }
    }

    /// Deletes packs, durably.
    pub(super) fn remove(&self, packs: &[u64]) -> Result<(), StoreError> {
        for pack in packs {
            lock(&self.open).remove(pack);
            let path = self.path(*pack);
            self.medium.remove(&path).map_err(StoreError::at(path))?;
        }
        match packs.is_empty() {
            true => Ok(()),
            false => self.medium.sync_folder(&self.folder).map_err(StoreError::at(&self.folder)),
        }
    }
}

impl Queue {
    fn next_group(&mut self) -> Vec<Arc<Job>> {
        let mut bytes: u64 = 0;
        let fits = |job: &&Arc<Job>| {
            bytes = bytes.saturating_add(packed_bytes(job.len));
            bytes <= MOST_BYTES_IN_COMMIT
        };
        let most = self.waiting.iter().take(MOST_IN_COMMIT).take_while(fits).count();
        self.waiting.drain(..most).collect()
    }
}

/// Held while somebody writes; lets the next one write, and all look. Should the writer panic, nobody waits for ever.
struct Writing<'a> {
    packs: &'a Packs,
    group: Vec<Arc<Job>>,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for job in &self.group {
                let died =
                    StoreError::at(&self.packs.folder)(io::Error::other("the writer of the group died"));
                lock(&job.result).get_or_insert(Err(Unpublished::Dropped(died)));
            }
        }
        lock(&self.packs.queue).writes = false;
        self.packs.turn.notify_all();
    }
}

fn file_name(pack: u64) -> String {
    format!("{pack:016x}{SUFFIX}")
}

/// Reads a name that [`file_name`] makes, and no other.
fn parse(name: &str) -> Option<u64> {
    let pack = u64::from_str_radix(name.strip_suffix(SUFFIX)?, 16).ok()?;
    (file_name(pack) == name).then_some(pack)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_no_other() {
        assert_eq!(file_name(0xab), "00000000000000ab.pack");
        assert_eq!(parse("00000000000000ab.pack"), Some(0xab));
        for name in
            ["ab.pack", "00000000000000AB.pack", "+0000000000000ab.pack", "00000000000000ab", "notes.txt"]
        {
            assert_eq!(parse(name), None, "{name}");
        }
    }

    #[test]
    fn bodies_take_whole_blocks() {
        for (len, bytes) in [(1, 4_096), (4_096, 4_096), (4_097, 8_192), (16_384, 16_384), (16_385, 20_480)] {
            assert_eq!(packed_bytes(len), bytes, "{len}");
        }
    }
}
