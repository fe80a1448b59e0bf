//! Disks that are full and folders that cannot be written to, on a small file system of memory.
#![cfg(target_os = "linux")]

mod store_support;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use store_support::{again, check_whole, declare, numbers, options, write};
use tlog::Error;
use tlog_index::store::{Durability, FullDisk, Store, StoreOptions, segments};

const DIR: &str = "TLOG_TEST_STORE";
const POLICY: &str = "TLOG_TEST_POLICY";

/// How much more is written than the disk holds.
const RECORDS: u64 = 20_000;

/// A file system of 256 KiB, mounted for a test.
struct Disk(tempfile::TempDir);

impl Disk {
    /// `None` where this user cannot mount anything, which CI must be able to.
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", "size=256k", "tmpfs"], dir.path());
        let is_ci = std::env::var_os("CI").is_some_and(|value| value != "false" && !value.is_empty());
        assert!(mounted || !is_ci, "CI must run this as a user who can mount a tmpfs");
        if !mounted {
            eprintln!("!! a tmpfs could not be mounted: this test did NOT run");
        }
        mounted.then_some(Self(dir))
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("store")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn mount(arguments: &[&str], on: &Path) -> bool {
    Command::new("mount").args(arguments).arg(on).output().is_ok_and(|output| output.status.success())
}

/// Not a test: the writer, when it is called as one. Says up to which record all is safe, and how it ended.
#[test]
fn writer() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let policy = if std::env::var_os(POLICY).is_some() { FullDisk::MakeRoom } else { FullDisk::Stop };
    let options = options().rotate_bytes(40_000).durability(Durability::None).full_disk(policy);
    let (store, _) = Store::open(dir, options).unwrap();
    let id = declare(&store);
    let mut written = Ok(0);
    for n in 1..=RECORDS {
        written = write(&store, id, n);
        if written.is_err() {
            break;
        }
        if n % 100 == 0 {
            written = store.sync();
        }
    }
    println!("\nsafe {}", store.synced());
    match written.and_then(|_| store.finish()) {
        Ok(()) => std::process::exit(0),
        Err(e) => {
            eprintln!("{e}");
            std::process::exit(7);
        }
    }
}

/// Runs the writer: its exit code, up to which record all is safe, and its message.
fn run(dir: &Path, policy: Option<&str>) -> (Option<i32>, u64, String) {
    let mut command = again("writer");
    command.env(DIR, dir).envs(policy.map(|policy| (POLICY, policy)));
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let safe = text.lines().find_map(|line| line.strip_prefix("safe ")).unwrap().parse().unwrap();
    (output.status.code(), safe, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_full_disk_stops_the_writer_and_leaves_whole_files() {
    let Some(disk) = Disk::mount() else { return };
    let dir = disk.dir();
    let (code, safe, message) = run(&dir, None);
    assert_eq!(code, Some(7), "{message}");
    assert!(message.contains("No space left on device") && message.contains(".tlog: "), "{message}");
    let there = numbers(&dir);
    assert_eq!(there, (1..=there.len() as u64).collect::<Vec<_>>());
    assert!(safe > 1000 && there.len() as u64 >= safe);
    let indexed = check_whole(&dir);
    assert!(indexed + 1 >= segments(&dir).unwrap().len());

    // Opening it again is either possible or refused clearly, and changes nothing that was there.
    if let Err(e) = Store::open(&dir, options()) {
        assert!(matches!(&e, Error::Io { source, .. } if source.kind() == ErrorKind::StorageFull), "{e}");
    }
    check_whole(&dir);
    assert_eq!(numbers(&dir), there);

    // With the policy to make room, the same disk goes on being written.
    let (store, _) = Store::open(&dir, options().full_disk(FullDisk::MakeRoom)).unwrap();
    let id = declare(&store);
    for n in 1..=RECORDS {
        write(&store, id, RECORDS + n).unwrap();
    }
    store.finish().unwrap();
    assert_eq!(check_whole(&dir), segments(&dir).unwrap().len());
    assert_eq!(numbers(&dir).last(), Some(&(2 * RECORDS)));
}

#[test]
fn a_full_disk_has_room_made() {
    let Some(disk) = Disk::mount() else { return };
    let dir = disk.dir();
    let (code, safe, message) = run(&dir, Some("make room"));
    assert_eq!((code, safe), (Some(0), RECORDS), "{message}");
    assert_eq!(check_whole(&dir), segments(&dir).unwrap().len());
    let there = numbers(&dir);
    assert_eq!(there, (there[0]..=RECORDS).collect::<Vec<_>>());
    assert!(there.len() > 2000, "only {} were kept", there.len());
}

#[test]
fn the_file_system_is_asked_how_much_is_free() {
    let Some(disk) = Disk::mount() else { return };
    let (store, _) = Store::open(disk.dir(), options().rotate_bytes(20_000).keep_free(100 << 10)).unwrap();
    let id = declare(&store);
    for n in 1..=RECORDS {
        write(&store, id, n).unwrap();
    }
    let status = store.status();
    assert!(status.deleted > 10 && status.not_deleted.is_none());
    // One segment may have been begun since it was last asked.
    assert!(status.bytes < (180 << 10) && status.bytes > 100_000, "{status:?}");
    store.finish().unwrap();
    assert_eq!(numbers(&disk.dir()).last(), Some(&RECORDS));
}

#[test]
fn a_read_only_folder_is_an_error_and_can_be_read() {
    let Some(disk) = Disk::mount() else { return };
    let dir = disk.dir();
    let (store, _) = Store::open(&dir, options()).unwrap();
    let id = declare(&store);
    write(&store, id, 1).unwrap();
    drop(store);
    assert!(mount(&["-o", "remount,ro"], disk.0.path()));
    for dir in [dir.clone(), disk.0.path().join("another")] {
        let error = Store::open(&dir, StoreOptions::new()).unwrap_err();
        let Error::Io { path: Some(path), source } = &error else { panic!("{error}") };
        assert_eq!((path.starts_with(&dir), source.kind()), (true, ErrorKind::ReadOnlyFilesystem), "{error}");
    }
    assert_eq!((numbers(&dir), check_whole(&dir)), (vec![1], 0));
}
