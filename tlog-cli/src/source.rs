//! A log as an argument: a file, a stream, or the segments of a store, which are one log.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tlog::read::ReadOptions;
use tlog_index::store;

use crate::exit::usage;
use crate::input::{self, Input};

/// What an argument stands for.
#[derive(Debug)]
pub struct Source {
    /// How messages call it.
    pub name: String,
    /// The files that it consists of, in order; `-` for standard input.
    pub parts: Vec<Part>,
    /// Whether it is a store.
    pub is_store: bool,
}

/// A file of a log.
#[derive(Debug, Clone)]
pub struct Part {
    /// Where it is; `-` for standard input.
    pub path: PathBuf,
    /// How messages call it.
    pub name: String,
    /// Whether somebody is writing it. Then it may become shorter too, and must not be mapped.
    grows: bool,
}

impl Source {
    /// What `path` stands for.
    pub fn of(path: &Path) -> anyhow::Result<Self> {
        let name = input::name(path);
        if input::is_dash(path) || !path.is_dir() {
            let part = Part { path: path.to_owned(), name: name.clone(), grows: false };
            return Ok(Self { name, parts: vec![part], is_store: false });
        }
        if !store::is_store(path) {
            return Err(usage(format!("{name} is a folder, but not one of a store; give the log files in it")));
        }
        let mut segments = store::segments(path).with_context(|| name.clone())?;
        // Asked afterwards: whoever begins to write now writes to a new segment.
        let is_written = store::is_being_written(path);
        let last = segments.pop();
        let part = |path: PathBuf, grows| Part { name: path.display().to_string(), path, grows };
        let mut parts: Vec<Part> = segments.into_iter().map(|path| part(path, false)).collect();
        // Its header may not have been written yet.
        let is_begun = |path: &PathBuf| !is_written || path.metadata().is_ok_and(|file| file.len() > 0);
        parts.extend(last.filter(is_begun).map(|path| part(path, is_written)));
        Ok(Self { name, parts, is_store: true })
    }

    /// Each of its files as a log of its own.
    pub fn segments(&self) -> Vec<Self> {
        let of_part =
            |part: &Part| Self { name: part.name.clone(), parts: vec![part.clone()], is_store: self.is_store };
        self.parts.iter().map(of_part).collect()
    }

    /// What all of the paths stand for.
    pub fn all(paths: &[PathBuf]) -> anyhow::Result<Vec<Self>> {
        input::refuse_stdin_twice(paths.iter().map(AsRef::as_ref))?;
        paths.iter().map(|path| Self::of(path)).collect()
    }
}

/// The files of the logs, none of which may become an output.
pub fn files(sources: &[Source]) -> Vec<&Path> {
    sources.iter().flat_map(|source| &source.parts).map(|part| part.path.as_path()).collect()
}

impl Part {
    /// Whether somebody is writing it.
    pub const fn grows(&self) -> bool {
        self.grows
    }

    /// How to read it: what is just being written is no torn end.
    pub fn read_options(&self) -> ReadOptions {
        ReadOptions { raw_payloads: true, follow: self.grows, ..ReadOptions::default() }
    }

    /// Opens it. `None` when it was deleted: that happens to the oldest segments of a store that is written.
    pub fn open(&self, source: &Source) -> anyhow::Result<Option<Input>> {
        let opened = if self.grows { Input::follow(&self.path) } else { Input::open(&self.path) };
        match opened {
            Err(_) if source.is_store && !self.path.exists() => Ok(None),
            opened => opened.map(Some),
        }
    }
}
