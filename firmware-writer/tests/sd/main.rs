//! The SD driver against a card that checks every byte: protocol, waiting, errors, removal.

mod card;

use std::task::Poll;

use card::{Driver, Kind, Sector, Shared};
use firmware_writer::device::{BlockDevice, CardId, DeviceError};

const KINDS: [Kind; 3] = [Kind::First, Kind::Standard, Kind::High];

/// Asks until there is an answer; between the questions the time passes that a firmware would use for something else.
fn wait<T>(slot: &Shared, mut ask: impl FnMut() -> Poll<T>) -> T {
    loop {
        let before = slot.edit(|slot| slot.bytes);
        let answer = ask();
        let bytes = slot.edit(|slot| slot.bytes) - before;
        assert!(bytes < 600, "{bytes} bytes in one call");
        match answer {
            Poll::Ready(answer) => return answer,
            Poll::Pending => slot.edit(|slot| slot.time += 100),
        }
    }
}

fn start(slot: &Shared, driver: &mut Driver) -> Result<CardId, DeviceError> {
    wait(slot, || driver.reset())
}

fn ready(kind: Kind) -> (Shared, Driver) {
    let slot = Shared::new(kind);
    let mut driver = slot.driver();
    assert_eq!(start(&slot, &mut driver), Ok([1; 16]));
    (slot, driver)
}

fn pattern(seed: u32) -> Sector {
    std::array::from_fn(|at| (seed.wrapping_mul(2_654_435_761).wrapping_add(at as u32 * 40_503) >> 7) as u8)
}

fn write(slot: &Shared, driver: &mut Driver, first: u32, count: u32) -> Result<(), DeviceError> {
    wait(slot, || driver.begin(first, count))?;
    for sector in first..first + count {
        wait(slot, || driver.push(&pattern(sector)))?;
    }
    wait(slot, || driver.finish())
}

fn is_written(slot: &Shared, first: u32, count: u32) -> bool {
    slot.edit(|slot| (first..first + count).all(|sector| slot.sectors.get(&sector) == Some(&pattern(sector))))
}

#[test]
fn starts_all_kinds_of_cards() {
    for kind in KINDS {
        let (slot, mut driver) = ready(kind);
        assert_eq!(driver.sectors(), Ok(slot.edit(|slot| slot.capacity())), "{kind:?}");
    }
}

#[test]
fn reading_starts_a_card_on_its_own() {
    let slot = Shared::new(Kind::High);
    slot.edit(|slot| slot.sectors.insert(7, pattern(7)));
    let (mut driver, mut sector) = (slot.driver(), [0; 512]);
    assert_eq!(driver.read(7, &mut sector), Ok(()));
    assert_eq!(sector, pattern(7));
}

#[test]
fn what_is_written_is_read() {
    for kind in KINDS {
        for count in [1, 2, 17] {
            let (slot, mut driver) = ready(kind);
            assert_eq!(write(&slot, &mut driver, 40, count), Ok(()), "{kind:?} {count}");
            assert!(is_written(&slot, 40, count));
            let mut sector = [0; 512];
            assert_eq!(driver.read(39 + count, &mut sector), Ok(()));
            assert_eq!(sector, pattern(39 + count));
        }
    }
}

#[test]
fn several_sectors_are_one_command_and_announced() {
    let (slot, mut driver) = ready(Kind::High);
    slot.edit(|slot| slot.commands.clear());
    assert_eq!(write(&slot, &mut driver, 5, 9), Ok(()));
    assert_eq!(slot.edit(|slot| slot.commands.clone()), [(55, 0), (23 | 0x80, 9), (25, 5), (13, 0)]);
    slot.edit(|slot| slot.commands.clear());
    assert_eq!(write(&slot, &mut driver, 5, 1), Ok(()));
    assert_eq!(slot.edit(|slot| slot.commands.clone()), [(24, 5), (13, 0)]);
}

#[test]
fn a_busy_card_is_asked_again() {
    let (slot, mut driver) = ready(Kind::Standard);
    slot.edit(|slot| slot.faults.busy = [250_000, 1, 500_000, 90_000].into());
    let before = slot.edit(|slot| slot.time);
    // `wait` checks that no call took longer than a sector takes on the bus.
    assert_eq!(write(&slot, &mut driver, 0, 3), Ok(()));
    assert!(is_written(&slot, 0, 3));
    assert!(slot.edit(|slot| slot.time) - before > 840_000);
}

#[test]
fn nothing_is_acknowledged_while_the_card_is_busy() {
    for count in [1, 3] {
        let (slot, mut driver) = ready(Kind::High);
        slot.edit(|slot| slot.faults.busy = vec![50_000; count as usize + 1].into());
        assert_eq!(wait(&slot, || driver.begin(0, count)), Ok(()));
        for sector in 0..count {
            assert_eq!(wait(&slot, || driver.push(&pattern(sector))), Ok(()));
            assert!(!is_written(&slot, sector, 1));
        }
        assert!(driver.finish().is_pending());
        assert_eq!(wait(&slot, || driver.finish()), Ok(()));
        assert!(is_written(&slot, 0, count));
    }
}

#[test]
fn a_card_that_is_busy_for_too_long_is_given_up_and_comes_back() {
    for (at, count) in [(0, 1), (0, 3), (1, 3), (2, 3), (3, 3)] {
        let (slot, mut driver) = ready(Kind::High);
        slot.edit(|slot| slot.faults.busy.extend((0..=at).map(|n| if n == at { 700_000 } else { 1 })));
        assert_eq!(write(&slot, &mut driver, 0, count), Err(DeviceError::Timeout), "{at} of {count}");
        assert_eq!(driver.begin(0, 1), Poll::Ready(Err(DeviceError::Absent)), "only a reset helps");
        assert_eq!(start(&slot, &mut driver), Ok([1; 16]));
        assert_eq!(write(&slot, &mut driver, 0, count), Ok(()));
        assert!(is_written(&slot, 0, count));
    }
}

#[test]
fn errors_of_the_card_are_told_and_the_same_sectors_can_be_written_again() {
    for count in [1, 4] {
        for bad in 0..count {
            let (slot, mut driver) = ready(Kind::Standard);
            slot.edit(|slot| slot.faults.bad = vec![10 + bad]);
            assert_eq!(write(&slot, &mut driver, 10, count), Err(DeviceError::Failed));
            slot.edit(|slot| slot.faults.bad.clear());
            assert_eq!(start(&slot, &mut driver), Ok([1; 16]));
            assert_eq!(write(&slot, &mut driver, 10, count), Ok(()));
            assert!(is_written(&slot, 10, count));
        }
    }
}

#[test]
fn the_status_behind_a_write_counts() {
    use DeviceError::{Failed, OutOfRange, WriteProtected};
    for (status, error) in [(0x20, WriteProtected), (0x80, OutOfRange), (0x04, Failed), (0x01, WriteProtected)] {
        let (slot, mut driver) = ready(Kind::High);
        slot.edit(|slot| slot.faults.status = status);
        assert_eq!(write(&slot, &mut driver, 0, 2), Err(error));
        assert_eq!(start(&slot, &mut driver), Ok([1; 16]));
        assert_eq!(write(&slot, &mut driver, 0, 2), Ok(()));
    }
}

#[test]
fn a_write_protected_card_is_not_written_to() {
    let slot = Shared::new(Kind::High);
    slot.edit(|slot| slot.write_protected = true);
    let mut driver = slot.driver();
    assert_eq!(start(&slot, &mut driver), Ok([1; 16]));
    assert_eq!(write(&slot, &mut driver, 0, 2), Err(DeviceError::WriteProtected));
    assert_eq!(driver.read(0, &mut [0; 512]), Ok(()), "but it can still be read");
}

#[test]
fn sectors_beyond_the_end_are_refused_without_a_word_to_the_card() {
    for kind in KINDS {
        let (slot, mut driver) = ready(kind);
        let (sectors, bytes) = slot.edit(|slot| (slot.capacity(), slot.bytes));
        for (first, count) in [(sectors, 1), (sectors - 1, 2), (u32::MAX, 1), (1, u32::MAX)] {
            assert_eq!(driver.begin(first, count), Poll::Ready(Err(DeviceError::OutOfRange)));
        }
        assert_eq!(driver.read(sectors, &mut [0; 512]), Err(DeviceError::OutOfRange));
        assert_eq!(slot.edit(|slot| slot.bytes), bytes);
        assert_eq!(write(&slot, &mut driver, sectors - 2, 2), Ok(()));
    }
}

#[test]
fn calls_out_of_order_are_errors() {
    let (slot, mut driver) = ready(Kind::High);
    assert!(matches!(driver.push(&[0; 512]), Poll::Ready(Err(_))));
    assert_eq!(start(&slot, &mut driver), Ok([1; 16]));
    assert!(matches!(driver.finish(), Poll::Ready(Err(_))));
    assert_eq!(start(&slot, &mut driver), Ok([1; 16]));
    // More sectors than were announced, and none where one was.
    assert_eq!(wait(&slot, || driver.begin(0, 1)), Ok(()));
    assert_eq!(wait(&slot, || driver.push(&[0; 512])), Ok(()));
    assert!(matches!(driver.push(&[0; 512]), Poll::Ready(Err(_))));
    assert_eq!(start(&slot, &mut driver), Ok([1; 16]));
    assert_eq!(wait(&slot, || driver.begin(0, 1)), Ok(()));
    assert!(matches!(driver.finish(), Poll::Ready(Err(_))));
    assert_eq!(start(&slot, &mut driver), Ok([1; 16]));
    assert_eq!(write(&slot, &mut driver, 0, 2), Ok(()));
}

#[test]
fn sectors_that_cannot_be_read_are_errors() {
    for (token, error) in [(0x08, DeviceError::OutOfRange), (0x04, DeviceError::Failed), (0xff, DeviceError::Timeout)] {
        let (slot, mut driver) = ready(Kind::High);
        slot.edit(|slot| slot.faults.unreadable = Some(token));
        assert_eq!(driver.read(3, &mut [0; 512]), Err(error));
    }
}

#[test]
fn a_card_that_never_starts_is_given_up() {
    let slot = Shared::new(Kind::High);
    slot.edit(|slot| slot.faults.stuck = true);
    let mut driver = slot.driver();
    assert_eq!(start(&slot, &mut driver), Err(DeviceError::Timeout));
    slot.edit(|slot| slot.faults.stuck = false);
    assert_eq!(start(&slot, &mut driver), Ok([1; 16]));
}

#[test]
fn an_empty_slot_is_an_answer_not_a_wait() {
    for floating in [0xff, 0] {
        let slot = Shared::new(Kind::High);
        slot.edit(|slot| (slot.inserted, slot.floating) = (false, floating));
        let mut driver = slot.driver();
        assert!(start(&slot, &mut driver).is_err());
        assert!(driver.sectors().is_err());
        slot.edit(|slot| slot.insert(9));
        assert_eq!(start(&slot, &mut driver), Ok([9; 16]));
    }
}

/// A session: the start, a write of three sectors and one of a single sector; how many of the writes were acknowledged.
fn session(slot: &Shared, driver: &mut Driver) -> Result<u32, (u32, DeviceError)> {
    start(slot, driver).map_err(|e| (0, e))?;
    write(slot, driver, 20, 3).map_err(|e| (0, e))?;
    write(slot, driver, 30, 1).map_err(|e| (1, e))?;
    Ok(2)
}

/// Whether the card has what was acknowledged.
fn holds(slot: &Shared, acknowledged: u32) -> bool {
    (acknowledged < 1 || is_written(slot, 20, 3)) && (acknowledged < 2 || is_written(slot, 30, 1))
}

/// All places on the bus in a session, of those within data only some; and how many bytes it has.
fn places() -> (Vec<u64>, u64) {
    let slot = Shared::new(Kind::High);
    assert_eq!(session(&slot, &mut slot.driver()), Ok(2));
    slot.edit(|slot| {
        let dull = |at: &u64| slot.dull.binary_search(at).is_ok() && !at.is_multiple_of(61);
        ((0..slot.bytes).filter(|at| !dull(at)).collect(), slot.bytes)
    })
}

#[test]
fn a_card_may_be_taken_out_at_any_byte() {
    let (places, length) = places();
    for (at, floating) in places.iter().flat_map(|at| [(*at, 0xff), (*at, 0)]) {
        let slot = Shared::new(Kind::High);
        slot.edit(|slot| (slot.faults.remove_at, slot.floating) = (Some(at), floating));
        let mut driver = slot.driver();
        let (acknowledged, error) = match session(&slot, &mut driver) {
            // Gone in the very last bytes, when all was said.
            Ok(acknowledged) => (acknowledged, None),
            Err((acknowledged, error)) => (acknowledged, Some(error)),
        };
        assert!(holds(&slot, acknowledged), "{at} {floating}");
        // What comes after the status says nothing any more.
        let after_status = if floating == 0 { 1 } else { 2 };
        assert_eq!(error.is_none(), at + after_status >= length, "{at} of {length}, {floating}: {error:?}");
        if error.is_some() {
            assert!(start(&slot, &mut driver).is_err(), "no card, no start: {at}");
        }
        slot.edit(|slot| slot.insert(2));
        if error.is_none() {
            // Nobody looked meanwhile: the next write finds out.
            assert!(write(&slot, &mut driver, 20, 3).is_err());
        }
        assert_eq!(start(&slot, &mut driver), Ok([2; 16]), "{at} {floating}");
        assert_eq!(write(&slot, &mut driver, 20, 3), Ok(()));
        assert!(is_written(&slot, 20, 3));
    }
}

#[test]
fn a_card_may_be_exchanged_at_any_byte_of_a_write() {
    for at in places().0 {
        let slot = Shared::new(Kind::High);
        slot.edit(|slot| slot.faults.remove_at = Some(at));
        let mut driver = slot.driver();
        let Err((acknowledged, _)) = session(&slot, &mut driver) else { continue };
        assert!(holds(&slot, acknowledged), "{at}");
        slot.edit(|slot| slot.insert(3));
        assert_eq!(start(&slot, &mut driver), Ok([3; 16]), "{at}");
    }
}

#[test]
fn a_bit_that_turns_round_on_the_bus_is_never_acknowledged() {
    for (at, to_card) in places().0.into_iter().flat_map(|at| [(at, true), (at, false)]) {
        let slot = Shared::new(Kind::High);
        slot.edit(|slot| *(if to_card { &mut slot.faults.flip_to } else { &mut slot.faults.flip_from }) = Some(at));
        let mut driver = slot.driver();
        let acknowledged = session(&slot, &mut driver).unwrap_or_else(|(acknowledged, _)| acknowledged);
        assert!(holds(&slot, acknowledged), "{at} {to_card}");
        assert_eq!(session(&slot, &mut driver), Ok(2), "and then all is well: {at} {to_card}");
        assert!(holds(&slot, 2));
    }
}

#[test]
fn a_firmware_that_starts_anew_finds_the_card_in_any_state() {
    let (places, length) = places();
    for at in places {
        let slot = Shared::new(Kind::High);
        let mut driver = slot.driver();
        // The restart: the old driver's bytes stop here, wherever that is.
        let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            slot.edit(|slot| slot.stop_at = Some(at));
            session(&slot, &mut driver)
        }));
        assert!(stopped.is_err() || at >= length);
        slot.edit(|slot| slot.stop_at = None);
        let mut driver = slot.driver();
        assert_eq!(session(&slot, &mut driver), Ok(2), "{at}");
        assert!(holds(&slot, 2));
    }
}
