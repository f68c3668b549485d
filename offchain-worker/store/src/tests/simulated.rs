//! A file system in memory that loses what was not synced, names and folders too: power can be cut at any of its
//! operations, the process can be killed there, any operation can fail, and a sync can fail as Linux's do.

use crate::store::medium::{Access, Medium, MediumFile};
use rand::{rngs::StdRng, Rng, SeedableRng};
use redb::{Database, DatabaseError, StorageBackend};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

const SECTOR: usize = 512;

/// The file system.
#[derive(Clone, Debug, Default)]
pub(super) struct Simulated(Arc<Mutex<State>>);

#[derive(Clone, Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    /// As processes see it.
    names: BTreeMap<PathBuf, usize>,
    /// As it is on the disk.
    durable: BTreeMap<PathBuf, usize>,
    /// What lies between the two, in order.
    journal: Vec<Change>,
    folders: BTreeSet<PathBuf>,
    durable_folders: BTreeSet<PathBuf>,
    /// Of each operation so far, whether it was the database's.
    operations: Vec<bool>,
    syncs: u64,
    cut_at: Option<u64>,
    fail_sync: Option<u64>,
    fail_at: Option<u64>,
    dead: bool,
    holes: bool,
    free: u64,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Write>,
}

#[derive(Clone, Debug)]
enum Write {
    Bytes(usize, Vec<u8>),
    Len(usize),
}

impl Write {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Bytes(offset, new) => put_at(bytes, *offset, new),
            Self::Len(len) => bytes.resize(*len, 0),
        }
    }

    /// As much of it as a disk that loses power may have written.
    fn apply_torn(&self, bytes: &mut Vec<u8>, chance: &mut StdRng) {
        match self {
            Self::Bytes(offset, new) => {
                for (at, sector) in new.chunks(SECTOR).enumerate() {
                    if chance.gen() {
                        put_at(bytes, offset + at * SECTOR, sector);
                    }
                }
            }
            Self::Len(_) if chance.gen() => self.apply(bytes),
            Self::Len(_) => {}
        }
    }
}

fn put_at(bytes: &mut Vec<u8>, offset: usize, new: &[u8]) {
    if bytes.len() < offset + new.len() {
        bytes.resize(offset + new.len(), 0);
    }
    bytes[offset..offset + new.len()].copy_from_slice(new);
}

#[derive(Clone, Debug)]
enum Change {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf, usize),
    Remove(PathBuf),
    Folder(PathBuf),
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>, folders: &mut BTreeSet<PathBuf>) {
        match self {
            Self::Create(path, inode) => {
                names.insert(path.clone(), *inode);
            }
            Self::Rename(from, to, inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
            Self::Remove(path) => {
                names.remove(path);
            }
            Self::Folder(path) => {
                folders.insert(path.clone());
            }
        }
    }

    /// The names that it changes.
    fn paths(&self) -> Vec<&PathBuf> {
        match self {
            Self::Create(path, _) | Self::Remove(path) | Self::Folder(path) => vec![path],
            Self::Rename(from, to, _) => vec![from, to],
        }
    }
}

impl State {
    /// Counts an operation that changes something. At the cut it is done still, and may be torn.
    fn operate(&mut self, is_database: bool) -> io::Result<()> {
        self.alive()?;
        self.operations.push(is_database);
        let operation = u64::try_from(self.operations.len()).unwrap();
        if self.cut_at == Some(operation) {
            self.dead = true;
        }
        match self.fail_at == Some(operation) {
            true => Err(io::Error::other("a fault of the disk")),
            false => Ok(()),
        }
    }

    /// Makes changes in a folder durable, and what they rest on; all else may come later.
    fn sync_names(&mut self, folder: &Path) {
        let mut needed: Vec<PathBuf> = Vec::new();
        let mut is_done = vec![false; self.journal.len()];
        for (at, change) in self.journal.iter().enumerate().rev() {
            let paths = change.paths();
            if paths.iter().any(|path| path.parent() == Some(folder) || needed.contains(path)) {
                needed.extend(paths.into_iter().cloned());
                is_done[at] = true;
            }
        }
        for (change, is_done) in std::mem::take(&mut self.journal).into_iter().zip(is_done) {
            match is_done {
                true => change.apply(&mut self.durable, &mut self.durable_folders),
                false => self.journal.push(change),
            }
        }
    }

    fn alive(&self) -> io::Result<()> {
        match self.dead {
            true => Err(io::Error::other("the power is cut")),
            false => Ok(()),
        }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.names, &mut self.folders);
        self.journal.push(change);
    }
}

impl Simulated {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { holes: true, free: u64::MAX, ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Cuts the power at this operation, the first being 1.
    pub(super) fn cut_at(&self, operation: u64) {
        self.state().cut_at = Some(operation);
    }

    /// Fails this sync of a file that is no database, the first being 1: the kernel forgets what it could not write.
    pub(super) fn fail_sync(&self, sync: u64) {
        self.state().fail_sync = Some(sync);
    }

    /// Fails this operation, the first being 1: nothing of it is done.
    pub(super) fn fail_at(&self, operation: u64) {
        self.state().fail_at = Some(operation);
    }

    /// Of each operation so far, whether it was the database's.
    pub(super) fn operations(&self) -> Vec<bool> {
        self.state().operations.clone()
    }

    /// What another process finds after this one was killed: all that was done, synced or not.
    pub(super) fn after_kill(&self) -> Self {
        let mut state = self.state().clone();
        (state.cut_at, state.fail_at, state.fail_sync, state.dead) = (None, None, None, false);
        state.operations.clear();
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn without_holes(&self) {
        self.state().holes = false;
    }

    pub(super) fn set_free(&self, free: u64) {
        self.state().free = free;
    }

    pub(super) fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Operations so far, and syncs of files that are no database.
    pub(super) fn counts(&self) -> (u64, u64) {
        let state = self.state();
        (u64::try_from(state.operations.len()).unwrap(), state.syncs)
    }

    /// What is on the disk after a cut: all that was synced, and by chance some of what was not. Names in the order
    /// in which they changed, as journals have it; bytes in any order.
    pub(super) fn after_cut(&self, seed: Option<u64>) -> Self {
        let state = self.state();
        let mut chance = seed.map(StdRng::seed_from_u64);
        let mut names = state.durable.clone();
        let mut folders = state.durable_folders.clone();
        let survived = chance.as_mut().map_or(0, |chance| chance.gen_range(0..=state.journal.len()));
        state.journal[..survived].iter().for_each(|change| change.apply(&mut names, &mut folders));
        // A folder needs all above it, a file its folder.
        let all = folders.clone();
        let stands = |path: &Path| {
            path.ancestors().skip(1).all(|above| above.parent().is_none() || all.contains(above))
        };
        folders.retain(|folder| stands(folder));
        names.retain(|path, _| stands(path));
        // Files without a name are gone.
        let mut inodes = Vec::new();
        for inode in names.values_mut() {
            let old = &state.inodes[*inode];
            let mut bytes = old.durable.clone();
            if let Some(chance) = &mut chance {
                for write in &old.unsynced {
                    write.apply_torn(&mut bytes, chance);
                }
            }
            *inode = inodes.len();
            inodes.push(Inode { durable: bytes.clone(), bytes, unsynced: Vec::new() });
        }
        let (holes, free) = (state.holes, state.free);
        Self(Arc::new(Mutex::new(State {
            inodes,
            names: names.clone(),
            durable: names,
            folders: folders.clone(),
            durable_folders: folders,
            holes,
            free,
            ..State::default()
        })))
    }

    /// All files, with their lengths.
    pub(super) fn files(&self) -> BTreeMap<PathBuf, usize> {
        let state = self.state();
        state.names.iter().map(|(path, inode)| (path.clone(), state.inodes[*inode].bytes.len())).collect()
    }

    /// Changes one bit of a file, as a bad disk does.
    pub(super) fn rot(&self, path: &Path, at: usize) {
        let mut state = self.state();
        let inode = state.names[path];
        state.inodes[inode].bytes[at] ^= 1;
    }
}

impl Medium for Simulated {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.alive()?;
        let missing = |path: &&Path| path.parent().is_some() && !state.folders.contains(*path);
        let missing: Vec<PathBuf> = folder.ancestors().take_while(missing).map(PathBuf::from).collect();
        for folder in missing.iter().rev() {
            state.operate(false)?;
            state.change(Change::Folder(folder.clone()));
        }
        for folder in missing.iter().map(PathBuf::as_path).chain([folder]) {
            if let Some(parent) = folder.parent() {
                state.operate(false)?;
                state.sync_names(parent);
            }
        }
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.operate(false)?;
        if folder.parent().is_some() && !state.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.sync_names(folder);
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        state.alive()?;
        let below = state.names.keys().filter_map(|path| path.strip_prefix(folder).ok());
        let mut names: Vec<_> =
            below.filter_map(|path| Some(path.iter().next()?.to_str()?.to_string())).collect();
        names.dedup();
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.operate(false)?;
        let inode = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        if !state.folders.contains(to.parent().unwrap()) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change(Change::Rename(from.into(), to.into(), inode));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.operate(false)?;
        if state.names.contains_key(path) {
            state.change(Change::Remove(path.into()));
        }
        Ok(())
    }

    fn file_len(&self, path: &Path) -> io::Result<Option<u64>> {
        let state = self.state();
        state.alive()?;
        Ok(state.names.get(path).map(|inode| state.inodes[*inode].bytes.len().try_into().unwrap()))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn MediumFile>> {
        self.open_file(path, access, false).map(|file| Arc::new(file) as Arc<dyn MediumFile>)
    }

    fn lock(&self, _: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        self.state().alive()?;
        Ok(Some(Box::new(())))
    }

    fn database(&self, path: &Path, builder: &redb::Builder) -> Result<Database, DatabaseError> {
        let access = if self.state().names.contains_key(path) { Access::Write } else { Access::Create };
        builder.create_with_backend(self.open_file(path, access, true)?)
    }

    fn free(&self) -> io::Result<u64> {
        Ok(self.state().free)
    }
}

impl Simulated {
    fn open_file(&self, path: &Path, access: Access, is_database: bool) -> io::Result<SimulatedFile> {
        let mut state = self.state();
        let inode = match (state.names.get(path).copied(), access) {
            (Some(inode), Access::Create) => {
                state.operate(is_database)?;
                state.inodes[inode].bytes.clear();
                state.inodes[inode].unsynced.push(Write::Len(0));
                inode
            }
            (None, Access::Create) if !state.folders.contains(path.parent().unwrap()) => {
                return Err(io::ErrorKind::NotFound.into());
            }
            (None, Access::Create) => {
                state.operate(is_database)?;
                state.inodes.push(Inode::default());
                let inode = state.inodes.len() - 1;
                state.change(Change::Create(path.into(), inode));
                inode
            }
            (Some(inode), _) => {
                state.alive()?;
                inode
            }
            (None, _) => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(SimulatedFile { system: self.clone(), inode, is_database })
    }
}

#[derive(Debug)]
struct SimulatedFile {
    system: Simulated,
    inode: usize,
    is_database: bool,
}

impl SimulatedFile {
    fn write(&self, write: Write) -> io::Result<()> {
        let mut state = self.system.state();
        state.operate(self.is_database)?;
        let inode = &mut state.inodes[self.inode];
        write.apply(&mut inode.bytes);
        inode.unsynced.push(write);
        Ok(())
    }
}

impl MediumFile for SimulatedFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let state = self.system.state();
        state.alive()?;
        let held = &state.inodes[self.inode].bytes;
        let rest = held.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let len = rest.len().min(bytes.len());
        bytes[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write(Write::Bytes(usize::try_from(offset).unwrap(), bytes.to_vec()))
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.system.state();
        state.alive()?;
        Ok(state.inodes[self.inode].bytes.len().try_into().unwrap())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.write(Write::Len(usize::try_from(len).unwrap()))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.system.state();
        state.operate(self.is_database)?;
        let mut fails = false;
        if !self.is_database {
            state.syncs += 1;
            fails = state.fail_sync == Some(state.syncs);
        }
        // A cut in the middle of a sync leaves what was under way as torn as without it.
        if state.dead {
            return Err(io::Error::other("the power is cut"));
        }
        let inode = &mut state.inodes[self.inode];
        let unsynced = std::mem::take(&mut inode.unsynced);
        if fails {
            return Err(io::ErrorKind::StorageFull.into());
        }
        unsynced.iter().for_each(|write| write.apply(&mut inode.durable));
        Ok(())
    }

    fn punch(&self, offset: u64, len: u64) -> io::Result<()> {
        if !self.system.state().holes {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let range: Range<usize> = usize::try_from(offset).unwrap()..usize::try_from(offset + len).unwrap();
        assert!(range.end <= self.system.state().inodes[self.inode].bytes.len(), "a hole within the file");
        self.write(Write::Bytes(range.start, vec![0; range.len()]))
    }
}

impl StorageBackend for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        MediumFile::len(self)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match self.read_at(offset, out)? {
            read if read == out.len() => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        MediumFile::set_len(self, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.write_at(offset, data)
    }
}
