//! The background writer: nothing blocks that must not, nothing is lost silently, every drop is counted.

mod support;

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use support::judge::{Contents, check_reference_readable};
use tlog::schema::{Field, Object, Schema, Type, Width};
use tlog::write::{
    BackgroundOptions, BackgroundWriter, Counts, DROPS_RECORD, Logger, Outcome, Overflow, SyncData, Timestamps, Writer,
    WriterOptions,
};
use tlog::{Error, Micros, RecordId};

fn number() -> Schema {
    Schema::new(Type::FixedUint(Width::W8)).unwrap()
}

fn start<W: SyncData + Send + 'static>(sink: W, options: &BackgroundOptions) -> BackgroundWriter<W> {
    BackgroundWriter::start(WriterOptions::new().compression(false).open(sink), options).unwrap()
}

/// Memory that can be looked at while it is written.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SyncData for Shared {
    fn sync_data(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A disk that stands still at each write until the other end lets it go on, or is gone; not for ever, so that a test can fail.
struct Stuck {
    memory: Shared,
    entered: Sender<()>,
    go_on: Receiver<()>,
}

fn stuck() -> (Stuck, Shared, Receiver<()>, Sender<()>) {
    let memory = Shared::default();
    let (entered, has_entered) = channel();
    let (go_on, gate) = channel();
    (Stuck { memory: memory.clone(), entered, go_on: gate }, memory, has_entered, go_on)
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.entered.send(());
        let _ = self.go_on.recv_timeout(Duration::from_secs(20));
        self.memory.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SyncData for Stuck {
    fn sync_data(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A disk that is full, or breaks in worse ways, after some bytes.
struct Broken {
    left: usize,
    panics: bool,
}

impl Write for Broken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(self.left);
        self.left -= len;
        match len {
            0 if self.panics => panic!("smoke"),
            0 => Err(io::Error::new(io::ErrorKind::StorageFull, "disk full")),
            len => Ok(len),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SyncData for Broken {
    fn sync_data(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn counts_of(logger: &Logger, id: RecordId) -> Counts {
    logger.counts().into_iter().find(|(found, _)| *found == id).unwrap().1
}

/// The last row of the record of drops for a record: dropped, attempted.
fn last_row(contents: &Contents, record: &str) -> Option<(u64, u64)> {
    let row = |payload: &[u8]| {
        let (len, rest) = payload.split_first().unwrap();
        let (name, totals) = rest.split_at(usize::from(*len));
        let (dropped, attempted) = totals.split_first_chunk().unwrap();
        (name == record.as_bytes())
            .then(|| (u64::from_le_bytes(*dropped), u64::from_le_bytes(attempted.try_into().unwrap())))
    };
    contents.payloads(contents.id(DROPS_RECORD)?).filter_map(row).last()
}

#[test]
fn everything_arrives_in_each_threads_order() {
    let log = start(Vec::new(), &BackgroundOptions::new(Overflow::Wait).queue_bytes(1000));
    let threads: Vec<_> = (0..4u64)
        .map(|thread| {
            let logger = log.logger();
            thread::spawn(move || {
                let id = logger.declare(&format!("r{thread}"), &number()).unwrap();
                let shared = logger.declare("shared", &number()).unwrap();
                for i in 0..5_000u64 {
                    assert_eq!(logger.write(id, Micros(i as i64), &i.to_le_bytes()).unwrap(), Outcome::Queued);
                    logger.write_with(shared, None, |out| out.extend(thread.to_le_bytes())).unwrap();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let counts = log.logger().counts();
    let contents = check_reference_readable(&log.finish().unwrap());
    for name in ["r0", "r1", "r2", "r3"] {
        let written = contents.payloads(contents.id(name).unwrap());
        assert!(written.eq((0..5_000u64).map(u64::to_le_bytes)), "{name}");
    }
    assert_eq!(contents.payloads(contents.id("shared").unwrap()).count(), 20_000);
    assert_eq!(counts.iter().map(|(_, counts)| counts.attempted).sum::<u64>(), 40_000);
    assert!(counts.iter().all(|(_, counts)| counts.dropped == 0));
    assert_eq!(contents.id(DROPS_RECORD), None);
    assert!(contents.indexed);
}

#[test]
fn a_full_queue_drops_at_once_and_the_log_tells_how_many() {
    let (sink, memory, entered, go_on) = stuck();
    let options = BackgroundOptions::new(Overflow::Drop).queue_bytes(2 * 10 * 33).gather(Duration::ZERO);
    let mut writer = Writer::new(sink);
    let [a, b] = ["a", "b"].map(|name| writer.declare(name, &number()).unwrap());
    let log = BackgroundWriter::start(writer, &options).unwrap();
    let logger = log.logger();
    logger.write(a, Micros(77), &[0; 8]).unwrap();
    // The disk stands still from here on; the thread has emptied the queue before.
    entered.recv_timeout(Duration::from_secs(10)).unwrap();
    let begun = Instant::now();
    let outcomes: Vec<Outcome> =
        (0..100).map(|i| logger.write(if i < 7 { a } else { b }, None, &[0; 8]).unwrap()).collect();
    assert!(begun.elapsed() < Duration::from_secs(5), "waited for the disk");
    // One half of the queue has room for exactly ten.
    assert_eq!(outcomes.iter().filter(|&&outcome| outcome == Outcome::Queued).count(), 10);
    let dropped = |id| counts_of(&logger, id).dropped;
    assert_eq!((dropped(a), dropped(b)), (0, 90));
    assert_eq!(counts_of(&logger, b).queued(), 3);
    drop(go_on);
    logger.flush().unwrap();
    let so_far = check_reference_readable(&memory.bytes());
    assert_eq!((last_row(&so_far, "b"), last_row(&so_far, "a")), (Some((90, 93)), None));
    log.finish().unwrap();

    let contents = check_reference_readable(&memory.bytes());
    assert_eq!(contents.payloads(a.0).count(), 1 + 7);
    assert_eq!(contents.payloads(b.0).count(), 3);
    assert_eq!(last_row(&contents, "b"), Some((90, 93)));
    assert_eq!(last_row(&contents, "a"), Some((0, 8)));
    let drops = contents.id(DROPS_RECORD).unwrap();
    assert!(contents.data.iter().filter(|data| data.id == drops).all(|data| data.time == Some(77)));
    let schema = &contents.schemas.iter().find(|schema| schema.id == drops).unwrap().schema;
    let total = Type::FixedUint(Width::W8);
    let expected = Object::new([
        Field::new("record", Type::String),
        Field::new("dropped", total.clone()),
        Field::new("attempted", total),
    ]);
    assert_eq!(Schema::from_bytes(schema).unwrap().root(), &Type::from(expected));
}

#[test]
fn counts_are_exact_with_many_threads_and_a_slow_disk() {
    struct Slow(Vec<u8>);
    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            thread::sleep(Duration::from_millis(2));
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl SyncData for Slow {
        fn sync_data(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = start(Slow(Vec::new()), &BackgroundOptions::new(Overflow::Drop).queue_bytes(8_000));
    let ids: Vec<RecordId> = (0..3).map(|i| log.logger().declare(&format!("r{i}"), &number()).unwrap()).collect();
    let threads: Vec<_> = (0..6)
        .map(|_| {
            let (logger, ids) = (log.logger(), ids.clone());
            thread::spawn(move || {
                let write = |i: usize| logger.write(ids[i % 3], None, &[0; 8]).unwrap();
                (0..9_000).filter(|&i| write(i) == Outcome::Dropped).count() as u64
            })
        })
        .collect();
    let dropped: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    let logger = log.logger();
    let contents = check_reference_readable(&log.finish().unwrap().0);
    let mut total = 0;
    for (i, &id) in ids.iter().enumerate() {
        let counts = counts_of(&logger, id);
        assert_eq!(counts.attempted, 6 * 3_000);
        assert_eq!(contents.payloads(id.0).count() as u64, counts.queued());
        assert_eq!(last_row(&contents, &format!("r{i}")), Some((counts.dropped, counts.attempted)));
        total += counts.dropped;
    }
    assert_eq!(total, dropped);
    assert!(dropped > 0, "the test must drop something");
}

#[test]
fn a_caller_that_waits_goes_on_as_soon_as_there_is_room() {
    let (sink, memory, entered, go_on) = stuck();
    let log = start(sink, &BackgroundOptions::new(Overflow::Wait).queue_bytes(2 * 33).gather(Duration::ZERO));
    let logger = log.logger();
    let id = logger.declare("a", &number()).unwrap();
    logger.write(id, None, &[0; 8]).unwrap();
    entered.recv_timeout(Duration::from_secs(10)).unwrap();
    let waiting = thread::spawn(move || (0..5).map(|_| logger.write(id, None, &[0; 8]).unwrap()).collect::<Vec<_>>());
    thread::sleep(Duration::from_millis(50));
    assert!(!waiting.is_finished(), "there is room for one only");
    drop(go_on);
    assert_eq!(waiting.join().unwrap(), [Outcome::Queued; 5]);
    log.finish().unwrap();
    assert_eq!(check_reference_readable(&memory.bytes()).data.len(), 6);
}

#[test]
fn a_caller_that_waits_is_told_when_the_log_is_finished() {
    let (sink, memory, entered, go_on) = stuck();
    let log = start(sink, &BackgroundOptions::new(Overflow::Wait).queue_bytes(2 * 33).gather(Duration::ZERO));
    let logger = log.logger();
    let id = logger.declare("a", &number()).unwrap();
    let waiting = thread::spawn(move || {
        let mut queued = 0;
        loop {
            match logger.write(id, None, &[0; 8]) {
                Ok(_) => queued += 1,
                Err(error) => return (queued, error),
            }
        }
    });
    entered.recv_timeout(Duration::from_secs(10)).unwrap();
    let finishing = thread::spawn(move || log.finish().map(drop));
    let (queued, error) = waiting.join().unwrap();
    assert!(matches!(error, Error::Usage(text) if text.contains("finished")));
    drop(go_on);
    finishing.join().unwrap().unwrap();
    assert_eq!(check_reference_readable(&memory.bytes()).data.len(), queued);
}

#[test]
fn a_large_record_that_waits_does_not_wait_for_more_to_gather() {
    let options = BackgroundOptions::new(Overflow::Wait).queue_bytes(2 * 1000).gather(Duration::from_secs(30));
    let begun = Instant::now();
    let log = start(Vec::new(), &options);
    let logger = log.logger();
    let id = logger.declare("a", &Schema::new(Type::Bytes).unwrap()).unwrap();
    logger.write(id, None, &[0; 300]).unwrap();
    logger.write(id, None, &[0; 900]).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(15));
    let too_large = logger.write(id, None, &[0; 1000]).unwrap_err();
    assert!(matches!(too_large, Error::Limit { size: 1025, limit: 1000, .. }), "{too_large}");
    // A call that returned an error is no attempt.
    assert_eq!(counts_of(&logger, id).attempted, 2);
    logger.flush().unwrap();
    log.finish().unwrap();
}

#[test]
fn flush_covers_everything_before_it() {
    let memory = Shared::default();
    let log = start(memory.clone(), &BackgroundOptions::new(Overflow::Wait).gather(Duration::from_secs(3600)));
    let logger = log.logger();
    let id = logger.declare("a", &number()).unwrap();
    for i in 0..100u64 {
        logger.write(id, None, &i.to_le_bytes()).unwrap();
        if i % 7 == 0 {
            if i % 2 == 0 {
                logger.flush().unwrap()
            } else {
                logger.sync().unwrap()
            }
            assert_eq!(check_reference_readable(&memory.bytes()).data.len() as u64, i + 1);
        }
    }
    drop(log);
    let contents = check_reference_readable(&memory.bytes());
    assert_eq!((contents.data.len(), contents.indexed), (100, false));
}

#[test]
fn records_reach_the_sink_without_being_asked_for() {
    let memory = Shared::default();
    let log = start(memory.clone(), &BackgroundOptions::new(Overflow::Wait).gather(Duration::from_millis(1)));
    let id = log.logger().declare("a", &number()).unwrap();
    log.logger().write(id, None, &[0; 8]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while memory.bytes().len() < 30 {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(1));
    }
    log.finish().unwrap();
}

#[test]
fn a_full_disk_is_told_to_everyone() {
    for panics in [false, true] {
        let log = start(Broken { left: 100, panics }, &BackgroundOptions::new(Overflow::Wait).queue_bytes(500));
        let loggers = [log.logger(), log.logger()];
        let id = loggers[0].declare("a", &number()).unwrap();
        let fails = |act: &dyn Fn() -> tlog::Result<()>| {
            let error = (0..10_000).find_map(|_| act().err()).expect("an error before long");
            let what = if panics { "smoke" } else { "disk full" };
            assert!(matches!(error, Error::Io { .. }) && error.to_string().contains(what), "{error}");
        };
        fails(&|| loggers[0].write(id, None, &[0; 8]).map(drop));
        for logger in &loggers {
            fails(&|| logger.write(id, None, &[0; 8]).map(drop));
            fails(&|| logger.flush());
            fails(&|| logger.sync());
            fails(&|| logger.declare("b", &number()).map(drop));
        }
        let error = log.finish().err().unwrap();
        assert!(error.to_string().contains(if panics { "smoke" } else { "disk full" }), "{error}");
    }
}

#[test]
fn a_flush_that_waits_is_told_of_the_failure() {
    let log = start(Broken { left: 0, panics: false }, &BackgroundOptions::new(Overflow::Drop));
    assert!(log.logger().flush().unwrap_err().to_string().contains("disk full"));
    assert!(log.finish().is_err());
}

#[test]
fn a_finished_log_takes_nothing_more() {
    let log = start(Vec::new(), &BackgroundOptions::new(Overflow::Wait));
    let logger = log.logger();
    let id = logger.declare("a", &number()).unwrap();
    log.finish().unwrap();
    for refused in [
        logger.write(id, None, &[0; 8]).map(drop),
        logger.flush(),
        logger.sync(),
        logger.declare("b", &number()).map(drop),
        logger.reserve("c").map(drop),
    ] {
        assert!(matches!(refused.unwrap_err(), Error::Usage(text) if text.contains("finished")));
    }
    assert_eq!(counts_of(&logger, id).attempted, 0);
}

#[test]
fn declarations_before_and_after_the_start_agree() {
    let mut writer = WriterOptions::new().timestamps(Timestamps::SystemClock).open(Vec::new());
    let early = writer.declare("early", &number()).unwrap();
    let reserved = writer.reserve("reserved").unwrap();
    let log = BackgroundWriter::start(writer, &BackgroundOptions::new(Overflow::Wait)).unwrap();
    let logger = log.logger();
    assert_eq!(logger.declare("early", &number()).unwrap(), early);
    assert!(matches!(logger.declare("early", &Schema::new(Type::Null).unwrap()), Err(Error::Usage(_))));
    assert!(matches!(logger.write(reserved, None, &[0; 8]), Err(Error::Usage(_))));
    assert_eq!(logger.declare("reserved", &number()).unwrap(), reserved);
    logger.declare_as(RecordId(40), "late", &number()).unwrap();
    let before = Micros::now();
    for id in [early, reserved, RecordId(40)] {
        logger.write(id, None, &[0; 8]).unwrap();
    }
    let after = Micros::now();
    let contents = check_reference_readable(&log.finish().unwrap());
    // Stamped when they were written, not when the thread came to them.
    assert!(contents.data.iter().all(|data| (before.0..=after.0).contains(&data.time.unwrap())));
    assert_eq!(contents.data.len(), 3);
}

#[test]
fn the_record_of_drops_may_not_be_somebody_elses() {
    let mut writer = Writer::new(Vec::new());
    writer.declare(DROPS_RECORD, &number()).unwrap();
    assert!(BackgroundWriter::start(writer, &BackgroundOptions::new(Overflow::Drop)).is_err());
}
