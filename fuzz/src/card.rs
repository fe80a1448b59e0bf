//! Any bytes as the image of a memory card: looked at within bounds, whatever it says of itself; and what firmware can
//! log to, the host reads.
//!
//! An input is what an image has besides zeros: its length in sectors in three bytes, then stretches, each with its
//! first sector in three bytes and its length in bytes in two. So small inputs are large cards.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::task::Poll;

use firmware_writer::card::{Config, Mark, WhenFull, Writer};
use firmware_writer::drain::OWN_KINDS;
use firmware_writer::sim::{Event, SimCard};
use firmware_writer::source::{Head, Lost, Source};
use tlog::Record;
use tlog_index::batches::{Batches, Piece};
use tlog_index::card::{Card, CardError, Ending, Extent, glance, is_session_name, open, used};

/// Images up to this size are given to the firmware, and files up to this size are read whole, in bytes.
const SMALL: usize = 1 << 20;

const SECTOR: usize = 512;

/// So many files of a card are looked at.
const FILES: usize = 4;

/// So many calls the firmware gets to find its place on a card.
const CALLS: u32 = 10_000;

/// An image: how many bytes it has, and what is not zero.
struct Image<'a> {
    len: u64,
    stretches: Vec<(u64, &'a [u8])>,
}

impl<'a> Image<'a> {
    fn parse(data: &'a [u8]) -> Option<Self> {
        let (sectors, mut data) = split_u24(data)?;
        let len = sectors * SECTOR as u64;
        let mut stretches = Vec::new();
        while let Some((sector, rest)) = split_u24(data) {
            let Some((bytes, rest)) = rest.split_first_chunk() else { break };
            let (stretch, rest) = rest.split_at(usize::from(u16::from_le_bytes(*bytes)).min(rest.len()));
            let at = sector * SECTOR as u64;
            let room = usize::try_from(len.saturating_sub(at)).unwrap_or(usize::MAX).min(stretch.len());
            let at = at.min(len);
            stretches.push((at, &stretch[..room]));
            data = rest;
        }
        Some(Self { len, stretches })
    }

    fn file(&self) -> File {
        let mut file = tempfile::tempfile().expect("there is room");
        file.set_len(self.len).expect("there is room");
        for (at, bytes) in &self.stretches {
            file.seek(SeekFrom::Start(*at)).expect("it is a file");
            file.write_all(bytes).expect("there is room");
        }
        file
    }

    fn bytes(&self) -> Vec<u8> {
        let mut image = vec![0; self.len as usize];
        for (at, bytes) in &self.stretches {
            image[*at as usize..][..bytes.len()].copy_from_slice(bytes);
        }
        image
    }
}

fn split_u24(data: &[u8]) -> Option<(u64, &[u8])> {
    let (&[a, b, c], rest) = data.split_first_chunk()?;
    Some((u64::from(u32::from_le_bytes([a, b, c, 0])), rest))
}

/// Whatever is on a card, looking at it ends; and where firmware logs, there is a log.
pub fn card(data: &[u8]) {
    let Some(image) = Image::parse(data) else { return };
    if let Ok(card) = open(image.file()) {
        let again = open(image.file()).expect("it was one before");
        assert_eq!((format!("{:?}", names(&again)), &again.faults), (format!("{:?}", names(&card)), &card.faults));
        check(&card, image.len);
    }
    if image.len <= SMALL as u64 {
        check_firmware(image.bytes());
    }
}

fn names(card: &Card) -> (Option<u32>, Vec<(&str, u64)>) {
    (card.last_session, card.files.iter().map(|file| (file.name.as_str(), file.len)).collect())
}

fn check(card: &Card, len: u64) {
    let in_order = card.files.windows(2).all(|pair| pair[0].name < pair[1].name);
    assert!(in_order && card.files.iter().all(|file| is_session_name(&file.name)));
    for file in card.files.iter().take(FILES) {
        assert!((1..=len).contains(&file.len) && file.len.is_multiple_of(SECTOR as u64), "{file:?}");
        let seen = glance(file).expect("an image can be read");
        let has_log = !matches!(seen.ending, Ending::Empty | Ending::Unknown);
        assert_eq!(seen.session.is_some(), has_log, "{seen:?}");
        assert!(seen.bytes <= file.len && (seen.batches > 0) == has_log, "{seen:?} of {}", file.len);
        if file.len <= 4 * SMALL as u64 {
            check_used(file);
        }
    }
}

fn whole(file: &Extent) -> Vec<u8> {
    let mut bytes = vec![0; file.len as usize];
    let read = file.read_at(0, &mut bytes).expect("an image can be read");
    assert_eq!(read, bytes.len(), "a file lies inside of its image");
    bytes
}

/// What is used of a file is in it, and is all of it where nothing is wrong with it.
fn check_used(file: &Extent) {
    let all = whole(file);
    let mut copy = tempfile::NamedTempFile::new().expect("there is room");
    used(file, copy.as_file_mut(), |_| {}).expect("an image can be read");
    let copied = std::fs::read(copy.path()).expect("it was written");
    assert_eq!(copied.len(), all.len());
    assert!(copied.iter().zip(&all).all(|(copied, all)| copied == all || *copied == 0));
    let pieces: Vec<Piece> = Batches::of_card(&all).collect();
    if pieces.iter().all(|piece| !matches!(piece, Piece::Lost { .. })) {
        assert_eq!(Batches::of_card(&copied).collect::<Vec<_>>(), pieces);
    }
}

#[derive(Record)]
#[repr(C)]
struct Sample {
    number: u32,
}

firmware_writer::kinds! {
    static KINDS = [Sample];
}

/// What a ring would hold.
struct Ring(VecDeque<u32>);

impl Source for Ring {
    fn peek(&mut self) -> Option<Head> {
        self.0.front().map(|&number| Head { id: 1, len: 4, time: number })
    }

    fn take(&mut self, into: &mut [u8]) -> bool {
        self.0.pop_front().is_some_and(|number| {
            into.copy_from_slice(&number.to_le_bytes());
            true
        })
    }

    fn skip(&mut self) {
        self.0.pop_front();
    }

    fn lost(&self) -> Lost {
        Lost::default()
    }

    fn lost_of(&self, _: u16) -> Lost {
        Lost::default()
    }

    fn high_water(&self) -> u32 {
        0
    }
}

/// Where firmware logs on this card, the host finds it; elsewhere nothing has changed.
fn check_firmware(image: Vec<u8>) {
    let config = Config { when_full: WhenFull::Recycle, ..Config::DEFAULT };
    let (mut batch, mut marks) = ([0; 2 * SECTOR], [Mark::NONE; KINDS.len() + OWN_KINDS]);
    let card = SimCard::new(image.clone());
    let mut writer = Writer::new(card, &config, &KINDS, &mut batch, &mut marks).expect("two sectors are enough");
    let mut ring = Ring((1..=3).collect());
    let mut polls = (0..CALLS).map(|_| writer.flush(&mut ring, 1_000)).skip_while(Poll::is_pending);
    let is_logged = matches!(polls.next(), Some(Poll::Ready(Ok(()))));
    drop(polls);
    let session = writer.session();
    let card = writer.into_device();
    let written: Vec<u32> =
        card.journal().iter().filter_map(|e| if let Event::Pushed(at, _) = e { Some(*at) } else { None }).collect();
    let sectors = image.chunks(SECTOR).zip(card.image().chunks(SECTOR)).zip(0_u32..);
    for ((before, after), at) in sectors {
        assert!(before == after || written.contains(&at), "sector {at} has changed");
    }
    if !is_logged {
        return;
    }
    let mut file = tempfile::tempfile().expect("there is room");
    file.write_all(card.image()).expect("there is room");
    let read = match open(file) {
        Ok(read) => read,
        // Firmware looks only at what it uses.
        Err(CardError::NotACard(why)) if why.contains("contradict") => return,
        Err(e) => panic!("firmware logged, but {e}"),
    };
    assert_eq!(read.last_session, session);
    // What other systems would not find either: of two files of the same name the second, and files in each other.
    if read.faults.iter().any(|fault| fault.ends_with("of this name") || fault.ends_with("with other files")) {
        return;
    }
    let logs = read.files.iter().filter(|file| {
        let report = Batches::of_card(&whole(file)).report();
        report.session == session && report.whole == 2 && report.ended
    });
    assert_eq!(logs.count(), 1, "session {session:?} is in one file: {:?}, {:?}", names(&read), read.faults);
}
