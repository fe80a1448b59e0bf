//! Rust values into a log, through either writer.
#![cfg(feature = "derive")]

mod support;

use support::judge::check_reference_readable;
use tlog::write::{BackgroundOptions, BackgroundWriter, Outcome, Overflow};
use tlog::{Micros, Record, Writer};

#[derive(Record, Debug, PartialEq)]
struct Joint {
    angle: f32,
    torque: Option<f32>,
}

#[derive(Record)]
struct Note<'a> {
    text: &'a str,
}

#[test]
fn values_come_back_from_either_writer() {
    let joints = [Joint { angle: 1.5, torque: None }, Joint { angle: -0.5, torque: Some(2.0) }];
    let mut log = Writer::new(Vec::new());
    let joint = log.record::<Joint>().unwrap();
    for value in &joints {
        log.log(joint, Micros(9), value).unwrap();
    }
    assert_eq!(log.record::<Joint>().unwrap().id(), joint.id());
    let direct = log.finish().unwrap();

    let log = BackgroundWriter::start(Writer::new(Vec::new()), &BackgroundOptions::new(Overflow::Wait)).unwrap();
    let logger = log.logger();
    let joint = logger.record::<Joint>().unwrap();
    for value in &joints {
        assert_eq!(logger.log(joint, Micros(9), value).unwrap(), Outcome::Queued);
    }
    let queued = log.finish().unwrap();

    assert_eq!(direct, queued);
    let contents = check_reference_readable(&direct);
    assert_eq!(
        (contents.schemas[0].name.as_str(), contents.schemas[0].schema.as_slice()),
        (Joint::NAME, Joint::SCHEMA)
    );
    let read: Vec<Joint> = contents.data.iter().map(|data| Joint::decode_payload(&data.payload).unwrap()).collect();
    assert_eq!(read, joints);
}

#[test]
fn a_record_that_borrows_takes_values_of_any_lifetime() {
    let mut log = Writer::new(Vec::new());
    let note = log.record::<Note<'static>>().unwrap();
    for i in 0..3 {
        let text = format!("note {i}");
        log.log(note, None, &Note { text: &text }).unwrap();
    }
    let contents = check_reference_readable(&log.finish().unwrap());
    assert_eq!(contents.data[2].payload, b"\x06note 2");
}
