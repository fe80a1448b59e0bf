//! A card at the other end of the bus, byte by byte: it does what the specification says, and fails the test when the
//! host does not.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::LazyLock;

use embedded_hal::digital::{ErrorType as PinError, OutputPin};
use embedded_hal::spi::{ErrorType as SpiError, SpiBus};
use firmware_writer::sd::{SdSpi, Speed};

/// A sector's bytes.
pub type Sector = [u8; 512];

/// Which kind of card it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Up to 2 GB, of the first version: does not know CMD8.
    First,
    /// Up to 2 GB, of the second version: counts bytes.
    Standard,
    /// Above: counts sectors.
    High,
}

/// Where the card's listening is.
enum Ear {
    Idle,
    Command(Vec<u8>),
    /// Waits for the token of a block; `many` until it is stopped. How many bytes were idle before.
    Token {
        many: bool,
        sector: u32,
        idle: usize,
    },
    Block {
        many: bool,
        sector: u32,
        bytes: Vec<u8>,
    },
    /// Refused a block of a longer write and wants CMD12.
    Refused,
}

/// What is wrong with the card, by the test's wish.
#[derive(Default)]
pub struct Faults {
    /// How long it is busy with its n-th sector and with ends of writes, in microseconds; 20 where nothing is said.
    pub busy: VecDeque<u64>,
    /// Sectors that it cannot write, and says so at once.
    pub bad: Vec<u32>,
    /// The status that it gives once, after the next write.
    pub status: u8,
    /// Sectors that it cannot read: what it says instead.
    pub unreadable: Option<u8>,
    /// It vanishes before this byte on the bus.
    pub remove_at: Option<u64>,
    /// This byte on the bus has a bit turned round: towards the card, or from it.
    pub flip_to: Option<u64>,
    pub flip_from: Option<u64>,
    /// It never stops starting.
    pub stuck: bool,
}

/// The card, its slot and the time.
pub struct Slot {
    pub kind: Kind,
    pub id: u8,
    pub inserted: bool,
    /// What an empty slot reads as.
    pub floating: u8,
    pub write_protected: bool,
    pub faults: Faults,
    pub sectors: BTreeMap<u32, Sector>,
    /// All commands that were understood, with their arguments.
    pub commands: Vec<(u8, u32)>,
    /// Places on the bus within the data of a block, not near its ends.
    pub dull: Vec<u64>,
    /// Bytes on the bus so far.
    pub bytes: u64,
    pub time: u64,
    pub fast: bool,
    /// The host is stopped before this byte, as by a restart.
    pub stop_at: Option<u64>,
    selected: bool,
    wake_bytes: usize,
    spi_mode: bool,
    idle: bool,
    tries: u32,
    checks: bool,
    application: bool,
    busy_for: u64,
    busy_until: u64,
    pending: Option<(u32, Sector)>,
    ear: Ear,
    mouth: VecDeque<u8>,
}

impl Slot {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            id: 1,
            inserted: true,
            floating: 0xff,
            write_protected: false,
            faults: Faults::default(),
            sectors: BTreeMap::new(),
            commands: Vec::new(),
            dull: Vec::new(),
            bytes: 0,
            time: 0,
            fast: false,
            stop_at: None,
            selected: false,
            wake_bytes: 0,
            spi_mode: false,
            idle: true,
            tries: 0,
            checks: false,
            application: false,
            busy_for: 0,
            busy_until: 0,
            pending: None,
            ear: Ear::Idle,
            mouth: VecDeque::new(),
        }
    }

    /// Puts a card in: it has no memory of what was before, but for its sectors.
    pub fn insert(&mut self, id: u8) {
        self.remove();
        self.id = id;
        self.inserted = true;
    }

    /// Takes it out. A block that it was still busy with is lost.
    pub fn remove(&mut self) {
        self.inserted = false;
        self.wake_bytes = 0;
        self.spi_mode = false;
        self.idle = true;
        self.tries = 0;
        self.checks = false;
        self.application = false;
        self.busy_for = 0;
        self.busy_until = 0;
        self.pending = None;
        self.ear = Ear::Idle;
        self.mouth.clear();
    }

    /// How many sectors it has.
    pub const fn capacity(&self) -> u32 {
        if matches!(self.kind, Kind::High) { 8 << 20 } else { 2 << 20 }
    }

    fn select(&mut self, selected: bool) {
        if self.selected && !selected {
            // It forgets what it was about to say or to hear.
            self.mouth.clear();
            self.ear = Ear::Idle;
        }
        self.selected = selected;
    }

    /// One byte in each direction.
    fn exchange(&mut self, sent: u8) -> u8 {
        let at = self.bytes;
        if self.stop_at == Some(at) {
            // Without the words of a panic on the screen.
            std::panic::resume_unwind(Box::new("stopped"));
        }
        self.bytes += 1;
        self.time += if self.fast { 1 } else { 20 };
        if self.faults.remove_at == Some(at) {
            self.remove();
        }
        if !self.inserted {
            return self.floating;
        }
        let sent = sent ^ if self.faults.flip_to == Some(at) { 0x10 } else { 0 };
        let said = if self.selected { self.selected_exchange(sent) } else { self.deselected_exchange(sent) };
        said ^ if self.faults.flip_from == Some(at) { 0x10 } else { 0 }
    }

    fn deselected_exchange(&mut self, sent: u8) -> u8 {
        if sent == 0xff {
            self.wake_bytes += 1;
        }
        0xff
    }

    fn selected_exchange(&mut self, sent: u8) -> u8 {
        if let Some(said) = self.mouth.pop_front() {
            // An answer may be cut short by the next command, but never what is followed by busy.
            assert!(self.busy_for == 0 || self.hears_nothing(sent), "the host speaks before the card was heard");
            if self.busy_for == 0 {
                self.listen(sent);
            }
            return said;
        }
        if self.busy_for > 0 {
            self.busy_until = self.time + std::mem::take(&mut self.busy_for);
        }
        if self.time < self.busy_until {
            assert!(self.hears_nothing(sent), "the host speaks while the card is busy");
            // The line is released in the middle of the last byte.
            return if self.time + 1 >= self.busy_until { 0x0f } else { 0 };
        }
        if let Some((sector, bytes)) = self.pending.take() {
            self.sectors.insert(sector, bytes);
        }
        self.listen(sent);
        0xff
    }

    /// Whether the host is silent, as it must be unless the bus made it misunderstand the card.
    fn hears_nothing(&self, sent: u8) -> bool {
        sent == 0xff || self.faults.flip_from.is_some() || self.faults.flip_to.is_some()
    }

    fn listen(&mut self, sent: u8) {
        let mut ear = std::mem::replace(&mut self.ear, Ear::Idle);
        self.hear(&mut ear, sent);
        // What was heard may have put the card into another state already.
        if matches!(self.ear, Ear::Idle) {
            self.ear = ear;
        }
    }

    fn hear(&mut self, ear: &mut Ear, sent: u8) {
        match ear {
            Ear::Idle => {
                if sent & 0xc0 == 0x40 {
                    *ear = Ear::Command(vec![sent]);
                }
            }
            Ear::Command(frame) => {
                frame.push(sent);
                if let Ok(frame) = <[u8; 6]>::try_from(&frame[..]) {
                    *ear = Ear::Idle;
                    self.command(frame);
                }
            }
            Ear::Token { many, sector, idle } => match (sent, *many) {
                (0xfc, true) | (0xfe, false) => {
                    assert!(*idle > 0, "no byte between an answer and a token");
                    *ear = Ear::Block { many: *many, sector: *sector, bytes: Vec::new() };
                }
                (0xfd, true) => {
                    *ear = Ear::Idle;
                    self.mouth.push_back(0xff);
                    self.busy();
                }
                (0x4c, _) => *ear = Ear::Command(vec![sent]),
                (0xff, _) => *idle += 1,
                _ => {}
            },
            Ear::Block { many, sector, bytes } => {
                bytes.push(sent);
                if (8..500).contains(&bytes.len()) {
                    self.dull.push(self.bytes - 1);
                }
                if bytes.len() == 514 {
                    let (many, sector) = (*many, *sector);
                    let bytes = std::mem::take(bytes);
                    *ear = Ear::Idle;
                    self.block(many, sector, &bytes);
                }
            }
            Ear::Refused => {
                if sent == 0x4c {
                    *ear = Ear::Command(vec![sent]);
                }
            }
        }
    }

    fn block(&mut self, many: bool, sector: u32, bytes: &[u8]) {
        let (data, sum) = bytes.split_at(512);
        let refusal = match () {
            () if self.checks && crc16(data).to_be_bytes() != sum => Some(0x0b),
            () if self.faults.bad.contains(&sector) => Some(0x0d),
            () => None,
        };
        if let Some(refusal) = refusal {
            self.mouth.push_back(refusal);
            if many {
                self.ear = Ear::Refused;
            }
            return;
        }
        self.mouth.push_back(0xe5);
        self.pending = Some((sector, data.try_into().unwrap()));
        if many {
            self.ear = Ear::Token { many, sector: sector + 1, idle: 0 };
        }
        self.busy();
    }

    /// Busy once all is said.
    fn busy(&mut self) {
        self.busy_for = self.faults.busy.pop_front().unwrap_or(20);
    }

    fn command(&mut self, frame: [u8; 6]) {
        let [first, a, b, c, d, sum] = frame;
        let (index, argument) = (first & 0x3f, u32::from_be_bytes([a, b, c, d]));
        let application = std::mem::take(&mut self.application);
        self.mouth.clear();
        if !self.spi_mode {
            // Not a word from a card in its other mode; and it comes to this one only by a whole command, and awake.
            if index == 0 && sum == crc7(&frame[..5]) && self.wake_bytes >= 10 {
                (self.spi_mode, self.idle) = (true, true);
                self.answer(&[1]);
            }
            return;
        }
        if (self.checks || matches!(index, 0 | 8)) && sum != crc7(&frame[..5]) {
            return self.answer(&[0x08 | u8::from(self.idle)]);
        }
        self.commands.push((if application { index | 0x80 } else { index }, argument));
        self.obey(index, argument, application);
    }

    fn obey(&mut self, index: u8, argument: u32, application: bool) {
        let idle = u8::from(self.idle);
        assert!(!self.idle || !self.fast, "CMD{index} at full speed while the card starts");
        match (index, application) {
            (0, false) => {
                (self.idle, self.tries, self.checks) = (true, 0, false);
                self.answer(&[1]);
            }
            (8, false) if self.kind != Kind::First => self.answer(&[idle, 0, 0, 1, argument as u8]),
            (59, false) => {
                self.checks = argument & 1 == 1;
                self.answer(&[idle]);
            }
            (55, false) => {
                self.application = true;
                self.answer(&[idle]);
            }
            (41, true) => self.operate(argument),
            (58, false) => self.answer(&[idle, if self.kind == Kind::High { 0xc0 } else { 0x80 }, 0xff, 0x80, 0]),
            (12, false) => {
                // The stuff byte comes first.
                self.mouth.push_back(0x7f);
                self.answer(&[idle]);
                self.busy();
            }
            _ if self.idle => self.answer(&[5]),
            (9, false) => self.register(self.csd()),
            (10, false) => self.register([self.id; 16]),
            (13, false) => {
                let status = std::mem::take(&mut self.faults.status);
                self.answer(&[0, status]);
            }
            (16, false) => self.answer(&[if argument == 512 { 0 } else { 0x40 }]),
            (17, false) => self.read(argument),
            (23, true) => self.answer(&[0]),
            (24 | 25, false) => self.write(index == 25, argument),
            _ => self.answer(&[4]),
        }
    }

    fn operate(&mut self, argument: u32) {
        self.tries += 1;
        let willing = self.kind != Kind::High || argument >> 30 & 1 == 1;
        self.idle = self.faults.stuck || !willing || self.tries < 5;
        self.answer(&[u8::from(self.idle)]);
    }

    fn sector(&self, argument: u32) -> Option<u32> {
        let sector = match self.kind {
            Kind::High => argument,
            _ => argument.is_multiple_of(512).then_some(argument / 512)?,
        };
        (sector < self.capacity()).then_some(sector)
    }

    fn read(&mut self, argument: u32) {
        let Some(sector) = self.sector(argument) else { return self.answer(&[0x40]) };
        self.answer(&[0]);
        match self.faults.unreadable {
            Some(token) => self.mouth.extend([0xff, 0xff, token]),
            None => {
                let bytes = self.sectors.get(&sector).copied().unwrap_or([0; 512]);
                self.data(&bytes, 30);
            }
        }
    }

    fn write(&mut self, many: bool, argument: u32) {
        let Some(sector) = self.sector(argument) else { return self.answer(&[0x40]) };
        self.answer(&[0]);
        self.ear = Ear::Token { many, sector, idle: 0 };
    }

    fn register(&mut self, bytes: [u8; 16]) {
        self.answer(&[0]);
        self.data(&bytes, 4);
    }

    fn data(&mut self, bytes: &[u8], late: usize) {
        self.mouth.extend(std::iter::repeat_n(0xff, late));
        self.mouth.push_back(0xfe);
        self.mouth.extend(bytes);
        self.mouth.extend(crc16(bytes).to_be_bytes());
    }

    fn answer(&mut self, bytes: &[u8]) {
        self.mouth.push_back(0xff);
        self.mouth.extend(bytes);
    }

    fn csd(&self) -> [u8; 16] {
        let mut csd = [0; 16];
        if self.kind == Kind::High {
            // 8 Mi sectors, in units of 1024, less one.
            (csd[0], csd[8], csd[9]) = (0x40, 0x1f, 0xff);
        } else {
            // 2 Mi sectors: 4096 blocks × 512, of 512 bytes.
            (csd[5], csd[6], csd[7], csd[8], csd[9], csd[10]) = (9, 3, 0xff, 0xc0, 3, 0x80);
        }
        csd[14] = if self.write_protected { 0x10 } else { 0 };
        csd
    }
}

fn crc7(frame: &[u8]) -> u8 {
    let mut crc = 0u8;
    for bit in frame.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)) {
        let carry = crc >> 6 ^ bit;
        crc = ((crc << 1) ^ (carry * 9)) & 0x7f;
    }
    crc << 1 | 1
}

/// What each byte does to a checksum.
static CRC16: LazyLock<[u16; 256]> = LazyLock::new(|| {
    std::array::from_fn(|byte| (0..8).fold((byte as u16) << 8, |crc, _| (crc << 1) ^ ((crc >> 15) * 0x1021)))
});

fn crc16(data: &[u8]) -> u16 {
    data.iter().fold(0, |crc: u16, byte| crc << 8 ^ CRC16[usize::from((crc >> 8) as u8 ^ byte)])
}

/// A slot that the driver and the test have a hold of.
#[derive(Clone)]
pub struct Shared(pub Rc<RefCell<Slot>>);

/// The driver over a slot.
pub type Driver = SdSpi<Shared, Shared, Box<dyn FnMut() -> u32>>;

impl Shared {
    pub fn new(kind: Kind) -> Self {
        Self(Rc::new(RefCell::new(Slot::new(kind))))
    }

    pub fn driver(&self) -> Driver {
        let clock = self.clone();
        let speed = |bus: &mut Self, speed| bus.0.borrow_mut().fast = speed == Speed::Fast;
        // Near the end of what 32 bits hold, so that every test sees it pass over.
        let now = Box::new(move || (clock.0.borrow().time as u32).wrapping_sub(1000));
        SdSpi::new(self.clone(), self.clone(), now as Box<dyn FnMut() -> u32>, speed).with_busy_limit(600_000)
    }

    pub fn edit<T>(&self, edit: impl FnOnce(&mut Slot) -> T) -> T {
        edit(&mut self.0.borrow_mut())
    }
}

impl SpiError for Shared {
    type Error = Infallible;
}

impl SpiBus for Shared {
    fn read(&mut self, words: &mut [u8]) -> Result<(), Infallible> {
        // What a HAL sends here is its own choice: the worst one.
        words.fill_with(|| self.0.borrow_mut().exchange(0));
        Ok(())
    }

    fn write(&mut self, words: &[u8]) -> Result<(), Infallible> {
        for word in words {
            let _ = self.0.borrow_mut().exchange(*word);
        }
        Ok(())
    }

    fn transfer(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), Infallible> {
        read.copy_from_slice(write);
        self.transfer_in_place(read)
    }

    fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), Infallible> {
        words.iter_mut().for_each(|word| *word = self.0.borrow_mut().exchange(*word));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl PinError for Shared {
    type Error = Infallible;
}

impl OutputPin for Shared {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.borrow_mut().select(true);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.borrow_mut().select(false);
        Ok(())
    }
}
