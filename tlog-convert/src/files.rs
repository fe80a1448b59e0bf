//! Many files in one folder, written together: few are open at a time, what is kept back of all is bounded together, and
//! none is in its place before it is whole.
//!
//! They are written in a hidden folder inside of theirs, so that a process that ends leaves one thing to remove. A file
//! that is not open is opened again for appending. At the end each is made to last and renamed into its place.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tempfile::{TempDir, TempPath};

use crate::{Error, Result};

/// How many files are made to last at a time.
const SYNCED_TOGETHER: usize = 8;

/// What many files may take, and what may be in their way.
#[derive(Clone, Debug)]
pub struct FilesOptions {
    /// How many are open at a time.
    pub max_open: usize,
    /// How many bytes of all of them are kept back in memory.
    pub max_buffered: usize,
    /// How many bytes of one are kept back.
    pub max_buffered_each: usize,
    /// How many there may be.
    pub max_files: usize,
    /// Replace files that are in their places.
    pub force: bool,
    /// Files that are never replaced, such as those that are read.
    pub protected: Vec<PathBuf>,
}

impl Default for FilesOptions {
    fn default() -> Self {
        Self {
            max_open: 64,
            max_buffered: 32 << 20,
            max_buffered_each: 256 << 10,
            max_files: 1 << 16,
            force: false,
            protected: Vec::new(),
        }
    }
}

/// A file of [`Files`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId(usize);

/// Files that come into one folder together.
///
/// ```
/// use tlog_convert::files::{Files, FilesOptions};
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let mut files = Files::new(folder, FilesOptions::default())?;
/// let a = files.add("a.txt")?;
/// files.with(a, |buffer| buffer.extend(b"text"))?;
/// assert!(!folder.join("a.txt").exists());
/// files.finish()?;
/// assert_eq!(std::fs::read(folder.join("a.txt"))?, b"text");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Files {
    place: PathBuf,
    /// Whether the folder was made for this, and is to go if nothing comes into it.
    is_new: bool,
    /// Gone only when this is dropped.
    temporary: Option<TempDir>,
    options: FilesOptions,
    files: Vec<Entry>,
    /// Those that are open, the one used last at the end.
    open: VecDeque<(usize, File)>,
    /// How much memory the buffers take together.
    held: usize,
    /// How much memory they took together at most.
    most_held: usize,
    /// Whether something of a file is lost, so that none of them may come into its place.
    has_failed: bool,
}

#[derive(Debug)]
struct Entry {
    name: String,
    /// What is not written yet.
    buffer: Vec<u8>,
}

impl Files {
    /// Files in this folder, which is made if it is not there.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(place: &Path, options: FilesOptions) -> Result<Self> {
        let is_new = !place.is_dir();
        let at_place = |e| Error::Log(tlog::Error::io_at(place, e));
        fs::create_dir_all(place).map_err(at_place)?;
        let mut builder = tempfile::Builder::new();
        // The system's message would tell the name of the temporary folder.
        let temporary = builder.prefix(".tlog-").suffix(".tmp").tempdir_in(place);
        let temporary = temporary.map_err(|e| at_place(io::Error::from(e.kind())))?;
        let place = place.to_owned();
        let (files, open) = (Vec::new(), VecDeque::new());
        Ok(Self {
            place,
            is_new,
            temporary: Some(temporary),
            options,
            files,
            open,
            held: 0,
            most_held: 0,
            has_failed: false,
        })
    }

    /// Where the files are until they are whole: for who must remove them when the process is ended.
    pub fn temporary_folder(&self) -> Option<&Path> {
        self.temporary.as_ref().map(TempDir::path)
    }

    /// How much memory what was kept back took at most, in bytes.
    pub const fn most_held(&self) -> usize {
        self.most_held
    }

    /// One more file, with this name inside of the folder.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is such a file that is not to be replaced, and [`Error::Limit`] for one too many.
    pub fn add(&mut self, name: &str) -> Result<FileId> {
        if self.files.len() >= self.options.max_files {
            let size = self.files.len() as u64 + 1;
            return Err(Error::Limit { what: "the number of files", size, limit: self.options.max_files as u64 });
        }
        self.check_place(&self.place.join(name))?;
        self.files.push(Entry { name: name.to_owned(), buffer: Vec::new() });
        Ok(FileId(self.files.len() - 1))
    }

    fn check_place(&self, place: &Path) -> Result<()> {
        let Ok(there) = place.metadata() else { return Ok(()) };
        let shown = place.display();
        let same = |kept: &PathBuf| matches!((kept.canonicalize(), place.canonicalize()), (Ok(a), Ok(b)) if a == b);
        match () {
            () if self.options.protected.iter().any(same) => {
                Err(Error::Usage(format!("{shown}: input and output are the same file")))
            }
            () if !there.is_file() => Err(Error::Usage(format!("{shown} is not a regular file"))),
            () if !self.options.force => Err(Error::Usage(format!("{shown} exists"))),
            () => Ok(()),
        }
    }

    /// Appends to a file: what `append` puts behind the bytes that it is given, which it may not take away.
    ///
    /// # Errors
    /// What the system says.
    pub fn with<T>(&mut self, file: FileId, append: impl FnOnce(&mut Vec<u8>) -> T) -> Result<T> {
        let Some(entry) = self.files.get_mut(file.0) else { return Err(Error::Usage("there is no such file".into())) };
        let before = entry.buffer.capacity();
        let result = append(&mut entry.buffer);
        self.held = self.held - before + entry.buffer.capacity();
        self.most_held = self.most_held.max(self.held);
        if entry.buffer.len() >= self.options.max_buffered_each {
            self.write_out(file.0)?;
        }
        if self.held > self.options.max_buffered {
            (0..self.files.len()).try_for_each(|at| self.release(at))?;
        }
        Ok(result)
    }

    /// Writes what is kept back of a file, and gives the memory back.
    fn release(&mut self, at: usize) -> Result<()> {
        self.write_out(at)?;
        if let Some(entry) = self.files.get_mut(at) {
            self.held -= entry.buffer.capacity();
            entry.buffer = Vec::new();
        }
        Ok(())
    }

    /// Writes what is kept back of a file.
    fn write_out(&mut self, at: usize) -> Result<()> {
        let Some(mut buffer) = self.files.get_mut(at).map(|entry| std::mem::take(&mut entry.buffer)) else {
            return Ok(());
        };
        if !buffer.is_empty() {
            self.check()?;
            self.has_failed = true;
            self.opened(at)?.write_all(&buffer).map_err(|e| self.failed(at, e))?;
            self.has_failed = false;
            buffer.clear();
        }
        let most = self.options.max_buffered_each.saturating_mul(2);
        let before = buffer.capacity();
        buffer.shrink_to(most);
        self.held -= before - buffer.capacity();
        if let Some(entry) = self.files.get_mut(at) {
            entry.buffer = buffer;
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        match self.has_failed {
            true => Err(Error::Usage(format!("{}: writing has failed before", self.place.display()))),
            false => Ok(()),
        }
    }

    fn opened(&mut self, at: usize) -> Result<&File> {
        let file = match self.open.iter().rposition(|(open, _)| *open == at).and_then(|found| self.open.remove(found)) {
            Some((_, file)) => file,
            None => {
                if self.open.len() >= self.options.max_open.max(1) {
                    self.open.pop_front();
                }
                let path = self.temporary_path(at);
                OpenOptions::new().create(true).append(true).open(path).map_err(|e| self.failed(at, e))?
            }
        };
        self.open.push_back((at, file));
        self.open.back().map(|(_, file)| file).ok_or_else(|| Error::Io(io::ErrorKind::NotFound.into()))
    }

    fn temporary_path(&self, at: usize) -> PathBuf {
        self.temporary_folder().unwrap_or(&self.place).join(at.to_string())
    }

    fn place_of(&self, at: usize) -> PathBuf {
        self.files.get(at).map_or_else(|| self.place.clone(), |entry| self.place.join(&entry.name))
    }

    fn failed(&self, at: usize, error: io::Error) -> Error {
        Error::Log(tlog::Error::io_at(self.place_of(at), error))
    }

    /// Makes the files last. Systems do that for several together in hardly more time than for one.
    fn make_last(&self) -> Result<()> {
        let next = AtomicUsize::new(0);
        let failure = Mutex::new(None);
        let work = || {
            while let Some(at) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < self.files.len()) {
                if let Err(e) = OpenOptions::new().append(true).open(self.temporary_path(at)).and_then(|f| f.sync_all())
                {
                    *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.failed(at, e));
                    return;
                }
            }
        };
        std::thread::scope(|scope| {
            let workers = SYNCED_TOGETHER.min(self.options.max_open).min(self.files.len());
            // Where no thread can be had, this one does it all.
            (1..workers).for_each(|_| drop(std::thread::Builder::new().spawn_scoped(scope, work)));
            work();
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// Puts all files in their places, each whole and lasting.
    ///
    /// # Errors
    /// What the system says, also when a file has come in the way meanwhile that is not to be replaced. What is in its
    /// place then is whole; the rest is removed.
    pub fn finish(mut self) -> Result<()> {
        self.check()?;
        for at in 0..self.files.len() {
            self.release(at)?;
            // Also makes the files into which nothing was written.
            self.opened(at)?;
        }
        self.open.clear();
        self.make_last()?;
        for at in 0..self.files.len() {
            let (from, to) = (self.temporary_path(at), self.place_of(at));
            let from = TempPath::try_from_path(from).map_err(|e| self.failed(at, e))?;
            let renamed = if self.options.force { from.persist(&to) } else { from.persist_noclobber(&to) };
            renamed.map_err(|e| self.failed(at, e.error))?;
        }
        if let Some(temporary) = self.temporary.take() {
            temporary.close().map_err(|e| Error::Log(tlog::Error::io_at(&self.place, e)))?;
        }
        sync_folder(&self.place).map_err(|e| Error::Log(tlog::Error::io_at(&self.place, e)))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.open.clear();
        drop(self.temporary.take());
        if self.is_new {
            // Works only if nothing is in it.
            let _ = fs::remove_dir(&self.place);
        }
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(max_buffered: usize) -> FilesOptions {
        FilesOptions { max_open: 3, max_buffered, max_buffered_each: 100, ..FilesOptions::default() }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn many_files_are_few_handles_and_little_memory() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("deep/er");
        let mut files = Files::new(&place, options(4000)).unwrap();
        let ids: Vec<FileId> = (0..300).map(|n| files.add(&format!("{n:03}")).unwrap()).collect();
        for round in 0..50 {
            for (n, id) in ids.iter().enumerate().filter(|(n, _)| n % (round + 1) == 0) {
                files.with(*id, |out| out.extend(format!("{n}:{round},").bytes())).unwrap();
                assert!(files.open.len() <= 3);
                assert_eq!(files.held, files.files.iter().map(|entry| entry.buffer.capacity()).sum::<usize>());
            }
        }
        files.with(ids[7], |out| out.extend([b'x'; 100_000])).unwrap();
        assert!(files.held <= 4000, "{}", files.held);
        assert!(files.most_held() < 110_000);
        assert_eq!(names(&place).len(), 1);
        files.finish().unwrap();
        assert_eq!(names(&place), (0..300).map(|n| format!("{n:03}")).collect::<Vec<_>>());
        for n in 0..300 {
            let mut text: String = (0..50).filter(|r| n % (r + 1) == 0).map(|round| format!("{n}:{round},")).collect();
            if n == 7 {
                text.push_str(&"x".repeat(100_000));
            }
            assert_eq!(fs::read_to_string(place.join(format!("{n:03}"))).unwrap(), text);
        }
    }

    #[test]
    fn what_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new");
        let mut files = Files::new(&place, options(1)).unwrap();
        let id = files.add("a").unwrap();
        files.with(id, |out| out.extend([0; 1000])).unwrap();
        drop(files);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn nothing_is_replaced_unless_asked() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path();
        fs::write(place.join("a"), "old").unwrap();
        fs::create_dir(place.join("folder")).unwrap();
        let refused = |files: &mut Files, name| matches!(files.add(name), Err(Error::Usage(_)));
        let mut files = Files::new(place, options(100)).unwrap();
        assert!(refused(&mut files, "a") && refused(&mut files, "folder"));
        let late = files.add("late").unwrap();
        files.with(late, |out| out.extend(b"mine")).unwrap();
        fs::write(place.join("late"), "theirs").unwrap();
        assert!(files.finish().is_err());
        assert_eq!(fs::read(place.join("late")).unwrap(), b"theirs");

        let force = FilesOptions { force: true, protected: vec![place.join("late")], ..options(100) };
        let mut files = Files::new(place, force).unwrap();
        assert!(refused(&mut files, "late") && refused(&mut files, "folder"));
        files.add("a").unwrap();
        files.finish().unwrap();
        assert_eq!(fs::read(place.join("a")).unwrap(), b"");
        assert_eq!(names(place), ["a", "folder", "late"]);
    }

    #[test]
    fn what_failed_is_not_finished() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::new(folder.path(), options(100)).unwrap();
        let id = files.add("a").unwrap();
        let temporary = files.temporary_folder().unwrap().to_owned();
        fs::create_dir(temporary.join("0")).unwrap();
        assert!(files.with(id, |out| out.extend([0; 1000])).is_err());
        fs::remove_dir(temporary.join("0")).unwrap();
        assert!(files.with(id, |out| out.extend([0; 1000])).is_err());
        assert!(files.finish().is_err());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn there_are_not_too_many() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::new(folder.path(), FilesOptions { max_files: 1, ..options(100) }).unwrap();
        files.add("a").unwrap();
        assert!(matches!(files.add("b"), Err(Error::Limit { size: 2, limit: 1, .. })));
    }
}
