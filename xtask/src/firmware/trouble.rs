//! Cards that are missing, exchanged, full, or no cards at all: clear words, and logging goes on when it can.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::build::Profile;
use super::card;
use super::emulator::{BY_INSTRUCTIONS, Setup, number, raw};

/// Runs all of it; how many kinds of trouble.
///
/// # Errors
/// When the firmware says something else, or panics.
pub fn check() -> Result<u64> {
    no_card()?;
    garbage()?;
    full()?;
    exchanged(Again::Other)?;
    exchanged(Again::Same)?;
    Ok(5)
}

/// Runs the firmware for a while by instructions: it must fail with these words, and not panic.
fn fails(drive: Option<String>, trouble: &str) -> Result<()> {
    let setup = Setup { words: &["for=1500"], drive, icount: Some(BY_INSTRUCTIONS), profile: Profile::Size };
    let (words, success) = setup.start()?.end()?;
    ensure!(!success, "there is nothing to write to, but the firmware says: {words:?}");
    ensure!(words.get("trouble").is_some_and(|said| said == trouble), "not {trouble} but {words:?}");
    Ok(())
}

fn no_card() -> Result<()> {
    fails(None, "Absent")
}

fn garbage() -> Result<()> {
    let image = card::folder()?.join("garbage.img");
    let mut bytes = Vec::with_capacity(64 << 20);
    let mut state = 1u32;
    while bytes.len() < 64 << 20 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.extend(state.to_be_bytes());
    }
    fs::write(&image, &bytes)?;
    fails(raw(&image), "NotPrepared")?;
    ensure!(fs::read(&image)? == bytes, "a card that was not prepared was written to");
    Ok(())
}

/// Each file has a log: the firmware stops when the last is full, and what is there stays.
fn full() -> Result<()> {
    let image = card::folder()?.join("full.img");
    let layout = card::prepare(&image, 1, 64 << 10)?;
    let setup =
        Setup { words: &["for=3000"], drive: raw(&image), icount: Some(BY_INSTRUCTIONS), profile: Profile::Size };
    let (words, success) = setup.start()?.end()?;
    ensure!(!success && words.get("trouble").is_some_and(|said| said == "Full"), "not Full but {words:?}");
    let bytes = fs::read(&image)?;
    let sessions = card::sessions(&bytes, &layout)?;
    let found = card::whole(sessions.into_iter().map(|session| card::Session { dropped: 0, ..session }), 0)?;
    let acknowledged = number(&words, "acknowledged")?;
    ensure!(found == acknowledged, "{found} records of {acknowledged} acknowledged");
    fails(raw(&image), "Full")?;
    let after = card::sessions(&fs::read(&image)?, &layout)?;
    ensure!(card::last(&after) == 1, "a log was overwritten");
    Ok(())
}

/// Which card is put in after one was taken out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Same,
    Other,
}

/// The card is taken out, and another or the same is put in: all that was acknowledged is there, in two sessions.
fn exchanged(again: Again) -> Result<()> {
    let folder = card::folder()?;
    let (first, second) = (folder.join("first.img"), folder.join("second.img"));
    let layout = card::prepare(&first, 2, 256 << 10)?;
    card::prepare(&second, 2, 256 << 10)?;
    let setup = Setup { words: &["after=1500"], drive: raw(&first), icount: None, profile: Profile::Size };
    let mut emulator = setup.start()?;
    emulator.wait_for("acknowledging")?;
    emulator.monitor("eject -f sd0")?;
    emulator.wait_for("trouble=Absent")?;
    let next = if again == Again::Same { &first } else { &second };
    emulator.monitor(&format!("change sd0 {} raw", next.display()))?;
    emulator.wait_for("going on").context("the next card")?;
    let (words, success) = emulator.end()?;
    ensure!(success, "the firmware did not go on: {words:?}");
    let mut found = card::sessions(&fs::read(&first)?, &layout)?;
    ensure!(found.len() == if again == Again::Same { 2 } else { 1 }, "{} sessions on the first card", found.len());
    found.extend(card::sessions(&fs::read(&second)?, &layout)?);
    ensure!(found.len() == 2, "{} sessions", found.len());
    let found: usize = found.iter().flat_map(|session| &session.counts).map(Vec::len).sum();
    let acknowledged = number(&words, "acknowledged")?;
    // The batch at hand when the first card went may be on both.
    ensure!(found >= acknowledged as usize, "{found} records of {acknowledged} acknowledged");
    Ok(())
}
