//! `tlog card init`: an image of a card, or a card itself, made ready for firmware.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufRead, IsTerminal, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use anyhow::{Context, bail};
use tlog_index::card::{self, Before, Layout, LayoutError};

use super::card::is_block_device;
use super::info_text::bytes;
use crate::args::{CardInit, ReportFormat};
use crate::exit::{Outcome, usage};
use crate::output::{self, Binary};
use crate::progress::watch;
use crate::sizes;
use crate::terminal::{Terminal, count};

pub fn run(args: &CardInit, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let size = sizes::bytes(&args.size).map_err(usage)?;
    let made = match args.target.metadata() {
        Ok(there) if is_block_device(there.file_type()) => device(args, size, &there, terminal)?,
        Ok(there) if !there.is_file() => {
            let target = args.target.display();
            return Err(usage(format!("{target} is neither a block device nor a regular file")));
        }
        Ok(_) => image(args, size)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => image(args, size)?,
        Err(e) => return Err(e).with_context(|| args.target.display().to_string()),
    };
    let layout = made.layout;
    let text = match args.format {
        ReportFormat::Text => {
            let files = count(layout.files, "file");
            let (target, each) = (args.target.display(), bytes(layout.file_bytes));
            let next = u64::from(made.session) + 1;
            format!(
                "{target}: {files} of {each}, {} to {}, session {next} is next\n",
                Layout::name(0),
                Layout::name(layout.files - 1)
            )
        }
        ReportFormat::Json => {
            let document = serde_json::json!({ "version": 1, "card": args.target.display().to_string(), "card_bytes": made.bytes,
                "files": layout.files, "file_bytes": layout.file_bytes, "last_session": made.session });
            format!("{}\n", serde_json::to_string_pretty(&document)?)
        }
    };
    output::print(&text)?;
    Ok(Outcome::Complete)
}

struct Made {
    layout: Layout,
    bytes: u64,
    session: u32,
}

fn lay_out(card: u64, args: &CardInit, size: u64) -> anyhow::Result<Layout> {
    Layout::new(card, args.files, size).map_err(|e| match e {
        LayoutError::Full { fit, .. } if fit > 0 => usage(format!("{e}; use --files {fit}, or a smaller --size")),
        e => usage(e.to_string()),
    })
}

/// A new image, which is sparse.
fn image(args: &CardInit, size: u64) -> anyhow::Result<Made> {
    if args.wipe {
        return Err(usage("--wipe is for devices: an image is new"));
    }
    let card = match &args.card_size {
        Some(text) => sizes::bytes(text).map_err(usage)?,
        None => Layout::card_for(args.files, size),
    };
    let layout = lay_out(card, args, size)?;
    let shown = || args.target.display().to_string();
    let mut output = Binary::create(&args.target, args.force, &[])?;
    output.seek(SeekFrom::Start(card.saturating_sub(1))).and_then(|_| output.write_all(&[0])).with_context(shown)?;
    card::make(&mut output, &layout, 0, Before::Zeros, |_| ()).with_context(shown)?;
    output.commit()?;
    Ok(Made { layout, bytes: card, session: 0 })
}

/// A card itself, if nobody uses it and it is agreed to.
fn device(args: &CardInit, size: u64, there: &Metadata, terminal: &Terminal) -> anyhow::Result<Made> {
    let target = args.target.display();
    if args.card_size.is_some() {
        return Err(usage("--card-size is for images: a device has its size"));
    }
    refuse_used(&args.target, there)?;
    let mut device = exclusive(&args.target).with_context(|| target.to_string())?;
    let card = device.seek(SeekFrom::End(0)).with_context(|| target.to_string())?;
    let layout = lay_out(card, args, size)?;
    let before = card::open(device.try_clone()?).ok().and_then(|card| card.last_session);
    let session = last_session(before, args.wipe, SystemTime::now());
    if !args.yes {
        ask(&format!("{target} ({}): everything on it will be lost", bytes(card)))?;
    }
    let done = AtomicU64::new(0);
    let how = if args.wipe { Before::Wipe } else { Before::Anything };
    let wrote = |files: u64| done.store(files * layout.file_bytes, Ordering::Relaxed);
    let work = || card::make(&mut device, &layout, session, how, wrote).and_then(|()| device.sync_all());
    let total = Some(layout.files * layout.file_bytes);
    watch(terminal, &target.to_string(), total, || done.load(Ordering::Relaxed), work)
        .with_context(|| target.to_string())?;
    Ok(Made { layout, bytes: card, session })
}

/// The number from which sessions go on, as what is still in the files must not pass for something new. A card that was
/// formatted otherwise since its last log does not say which that was: then the minutes since 1970 are more than any.
fn last_session(before: Option<u32>, wipe: bool, now: SystemTime) -> u32 {
    let minutes = || now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() / 60);
    match before {
        Some(last) => last,
        None if wipe => 0,
        None => u32::try_from(minutes()).unwrap_or(0),
    }
}

fn ask(what: &str) -> anyhow::Result<()> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(usage(format!("{what}; say --yes to agree where nobody can be asked")));
    }
    eprint!("{what}. Type yes to go on: ");
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).context("standard input")?;
    match answer.trim() {
        "yes" => Ok(()),
        _ => bail!("nothing was changed"),
    }
}

/// Opens a device that nothing else has in use: the system refuses one that is mounted, or part of something.
fn exclusive(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(target_os = "linux")]
    {
        const EXCLUSIVE: i32 = 0o200;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, EXCLUSIVE);
    }
    options.open(path)
}

/// Refuses a device that is mounted, or one of whose partitions is, and a partition.
#[cfg(target_os = "linux")]
fn refuse_used(path: &Path, there: &Metadata) -> anyhow::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let number = number_of(there.rdev());
    let system = Path::new("/sys/dev/block").join(&number);
    if system.join("partition").exists() {
        return Err(usage(format!("{} is a partition; give the whole card", path.display())));
    }
    let mut numbers = vec![number];
    for entry in std::fs::read_dir(&system).into_iter().flatten().flatten() {
        numbers.extend(std::fs::read_to_string(entry.path().join("dev")).ok().map(|dev| dev.trim().to_owned()));
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").context("/proc/self/mountinfo")?;
    let name = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match mounted(&mounts, &numbers, &name.to_string_lossy()) {
        Some(place) => Err(usage(format!("{} is mounted at {place}; unmount it first", path.display()))),
        None => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn refuse_used(path: &Path, _: &Metadata) -> anyhow::Result<()> {
    Err(usage(format!(
        "{}: nothing tells here whether it is mounted; make an image and copy that to the card",
        path.display()
    )))
}

/// The two numbers of a device as the system writes them.
#[cfg(target_os = "linux")]
fn number_of(device: u64) -> String {
    let major = (device >> 8 & 0xfff) | (device >> 32 & !0xfff);
    let minor = (device & 0xff) | (device >> 12 & !0xff & 0xffff_ffff);
    format!("{major}:{minor}")
}

/// Where one of these devices is mounted, or one whose name starts with `name`, by the system's list.
#[cfg(target_os = "linux")]
fn mounted(mounts: &str, numbers: &[String], name: &str) -> Option<String> {
    let is_it = |line: &&str| {
        let mut fields = line.split(' ');
        let has_number = fields.nth(2).is_some_and(|number| numbers.iter().any(|known| known == number));
        // Behind the hyphen: kind, source.
        let source = line.split(" - ").nth(1).and_then(|rest| rest.split(' ').nth(1));
        let behind = source.and_then(|source| source.strip_prefix(name));
        let is_named =
            behind.is_some_and(|rest| rest.trim_start_matches('p').bytes().all(|byte| byte.is_ascii_digit()));
        has_number || is_named
    };
    let place = mounts.lines().find(is_it)?.split(' ').nth(4)?;
    Some(crate::terminal::printable(place).into_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn sessions_go_on_behind_what_may_be_left_in_the_files() {
        let at = |minutes: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(60 * minutes);
        assert_eq!(last_session(Some(7), false, at(29_000_000)), 7);
        assert_eq!(last_session(None, false, at(29_000_000)), 29_000_000);
        assert_eq!(last_session(None, true, at(29_000_000)), 0);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod linux_tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
31 22 8:17 / /media/me/TLOG rw shared:7 - vfat /dev/sdb1 rw,uid=1000
40 22 0:45 / /data rw - btrfs /dev/mmcblk0p2 rw
";

    #[test]
    fn what_is_mounted_is_known_by_number_and_name() {
        let at = |numbers: &[&str], name| {
            let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            mounted(MOUNTS, &numbers, name)
        };
        assert_eq!(at(&["8:16", "8:17"], "/dev/none").as_deref(), Some("/media/me/TLOG"));
        assert_eq!(at(&[], "/dev/sdb").as_deref(), Some("/media/me/TLOG"));
        assert_eq!(at(&[], "/dev/mmcblk0").as_deref(), Some("/data"));
        assert_eq!(at(&["254:0"], "/dev/none").as_deref(), Some("/"));
        assert_eq!(at(&["8:1", "25:0", "0:4"], "/dev/sd"), None);
        assert_eq!(at(&["8:32"], "/dev/sdc"), None);
    }

    #[test]
    fn device_numbers_have_two_parts() {
        assert_eq!(number_of(0x0811), "8:17");
        assert_eq!(number_of(0x0011_032c), "259:300");
    }
}
