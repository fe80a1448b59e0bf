//! `tlog import`: a file of another format to a log.

use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, IsTerminal, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail};
use tlog::write::{Writer, WriterOptions};
use tlog_convert::import::{Summary, csv, mcap, ndjson, spool, ulog};

use super::import_options::Options;
use crate::args::{Import, ImportFormat};
use crate::exit::{Outcome, usage};
use crate::input::{self, is_dash};
use crate::output::Binary;
use crate::progress::watch;
use crate::sniff;
use crate::terminal::{Terminal, count, printable};

/// How much of the input is looked at to tell its format, in bytes.
const HEAD: u64 = 4096;

/// So many notes are shown unless all are asked for.
const NOTES: usize = 10;

pub fn run(args: &Import, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let name = input::name(&args.input);
    let input = Source::open(&args.input).with_context(|| name.clone())?;
    let format = args.format.map_or_else(|| detect(&input.head), Ok).with_context(|| name.clone())?;
    let options = Options::new(args, format)?;
    let output = Binary::create(&args.output, args.force, &[&args.input])?;
    let place = output.name();
    let mut writer = WriterOptions::new().open(output);
    let (total, done) = (input.total, Arc::clone(&input.done));
    let work = || read(input, &mut writer, &options);
    let summary = watch(terminal, &name, total, || done.load(Ordering::Relaxed), work).map_err(|e| failed(e, &name))?;
    writer.finish().with_context(|| place.clone())?.commit()?;
    Ok(report(&summary, &name, &place, terminal))
}

/// Reads the whole input in its format.
fn read(input: Source, writer: &mut Writer<Binary>, options: &Options) -> tlog_convert::Result<Summary> {
    match options {
        Options::Mcap(options) => mcap::read(input.reader(), writer, options),
        Options::Ulog(options) => ulog::read(input.twice()?, writer, options),
        Options::Csv(options) => csv::read(input.twice()?, writer, options),
        Options::Ndjson(options) => ndjson::read(input.twice()?, writer, options),
    }
}

/// What is to be imported.
struct Source {
    /// Its first bytes.
    head: Vec<u8>,
    rest: Box<dyn Read>,
    /// It again, if it is a file.
    file: Option<File>,
    /// How long it is, of a file.
    total: Option<u64>,
    /// How many bytes have been read.
    done: Arc<AtomicU64>,
}

impl Source {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let (mut rest, file, total): (Box<dyn Read>, _, _) = if is_dash(path) {
            let stdin = io::stdin();
            if stdin.is_terminal() {
                return Err(usage("standard input is a terminal; give a file or pipe one in"));
            }
            (Box::new(stdin.lock()), None, None)
        } else {
            let file = input::open_file(path)?;
            let len = Some(file.metadata()?).filter(fs::Metadata::is_file).map(|metadata| metadata.len());
            let again = len.map(|_| file.try_clone()).transpose()?;
            (Box::new(file), again, len)
        };
        let mut head = Vec::new();
        rest.by_ref().take(HEAD).read_to_end(&mut head)?;
        Ok(Self { head, rest, file, total, done: Arc::default() })
    }

    /// The whole input, its first bytes included.
    fn reader(self) -> impl Read {
        let whole = Cursor::new(self.head).chain(BufReader::with_capacity(256 << 10, self.rest));
        Counted { source: whole, done: self.done }
    }
}

/// What can be read and sought in.
trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

impl Source {
    /// The whole input, for formats that have to be read twice.
    fn twice(mut self) -> io::Result<impl Read + Seek> {
        let source: Box<dyn ReadSeek> = match self.file.take() {
            Some(mut file) => {
                file.seek(SeekFrom::Start(0))?;
                Box::new(file)
            }
            None => spooled(Cursor::new(self.head).chain(self.rest))?,
        };
        Ok(Counted { source, done: self.done })
    }
}

fn spooled(stream: impl Read + 'static) -> io::Result<Box<dyn ReadSeek>> {
    Ok(Box::new(spool(stream)?))
}

/// Counts what is read.
struct Counted<R> {
    source: R,
    done: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.source.read(out)?;
        self.done.fetch_add(len as u64, Ordering::Relaxed);
        Ok(len)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = self.source.seek(to)?;
        self.done.store(at, Ordering::Relaxed);
        Ok(at)
    }
}

/// The format of what begins with `head`.
fn detect(head: &[u8]) -> anyhow::Result<ImportFormat> {
    if head.is_empty() {
        bail!("it is empty");
    }
    if head.starts_with(b"TLOG0003") {
        bail!("it is a TLOG0003 log already");
    }
    match sniff::known(head) {
        Some(sniff::MCAP) => return Ok(ImportFormat::Mcap),
        Some(sniff::ULOG) => return Ok(ImportFormat::Ulog),
        Some(what) => bail!("cannot import it: it is {what}"),
        None => {}
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match text.first() {
        Some(b'{') => Ok(ImportFormat::Ndjson),
        Some(_) if !text.contains(&0) => Ok(ImportFormat::Csv),
        _ => bail!("its content does not tell its format; say it with --format"),
    }
}

/// The error of the library, sorted as the command's own.
fn failed(e: tlog_convert::Error, name: &str) -> anyhow::Error {
    match e {
        tlog_convert::Error::Usage(message) => usage(format!("{name}: {message}")),
        tlog_convert::Error::Log(e) => e.into(),
        tlog_convert::Error::Io(e) => anyhow::Error::from(e).context(name.to_owned()),
        other => anyhow::Error::from(other).context(name.to_owned()),
    }
}

/// Says what came of it on standard error.
fn report(summary: &Summary, name: &str, place: &str, terminal: &Terminal) -> Outcome {
    let shown = if terminal.is_verbose() { Summary::KEPT } else { NOTES };
    for note in summary.notes.iter().take(shown) {
        terminal.warn(&format!("{name}: {}", printable(note)));
    }
    let more = summary.notes.len().saturating_sub(shown) as u64;
    if more > 0 {
        terminal.warn(&format!("{name}: {} more; --verbose shows them", count(more, "note")));
    }
    let skipped = if terminal.is_verbose() { Summary::KEPT } else { 1 };
    for part in summary.first.iter().take(skipped) {
        let (start, end) = (part.range.start, part.range.end);
        terminal.warn(&format!("{name}: skipped bytes {start}..{end}: {}", printable(&part.cause)));
    }
    if summary.skipped > 1 {
        terminal.warn(&format!("{name}: skipped {} in all", count(summary.skipped, "damaged stretch")));
    }
    terminal.tell(&format!("{} from {name} in {place}", count(summary.taken, "data block")));
    if summary.skipped > 0 { Outcome::Damaged } else { Outcome::Complete }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_told_by_the_content() {
        for (head, format) in [
            (&b"\x89MCAP0\r\n\x01"[..], ImportFormat::Mcap),
            (b"ULog\x01\x12\x35\x01", ImportFormat::Ulog),
            (b"{\"time\":null}\n", ImportFormat::Ndjson),
            (b"\xef\xbb\xbf \n{\"a\":1}", ImportFormat::Ndjson),
            (b"time,x\n0,1\n", ImportFormat::Csv),
        ] {
            assert_eq!(detect(head).unwrap(), format);
        }
        for (head, says) in
            [(&b""[..], "empty"), (b"TLOG0003\0", "already"), (b"\x1f\x8b\x08", "gunzip"), (b"\x01\0\0", "--format")]
        {
            assert!(detect(head).unwrap_err().to_string().contains(says));
        }
    }
}
