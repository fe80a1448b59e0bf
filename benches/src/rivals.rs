//! The same work done with the `mcap` crate.

use std::borrow::Cow;
use std::io::{Cursor, Seek, SeekFrom, Write};

use mcap::records::MessageHeader;

use crate::big_log::{self, Payloads};

/// Writes all payloads as messages of an MCAP without compression, in chunks with CRCs.
///
/// # Panics
/// When the crate fails: it writes into memory.
pub fn write_mcap<W: Write + Seek>(payloads: &Payloads, sink: W) -> W {
    write_mcap_with(payloads, None, sink)
}

/// The same, compressed.
///
/// # Panics
/// When the crate fails: it writes into memory.
pub fn write_mcap_with<W: Write + Seek>(payloads: &Payloads, compression: Option<mcap::Compression>, sink: W) -> W {
    let options = mcap::WriteOptions::new().compression(compression).calculate_chunk_crcs(true);
    let mut writer = options.create(sink).expect("memory does not fail");
    let channels = big_log::schemas().map(|(name, schema)| {
        let schema = writer.add_schema(name, "tlog", &schema.to_bytes()).expect("memory does not fail");
        writer.add_channel(schema, name, "tlog", &Default::default()).expect("memory does not fail")
    });
    for (sequence, (kind, time, payload)) in payloads.iter().enumerate() {
        let nanos = time.0.unsigned_abs() * 1_000;
        let header = MessageHeader {
            channel_id: channels[kind],
            sequence: sequence as u32,
            log_time: nanos,
            publish_time: nanos,
        };
        writer.write_to_known_channel(&header, payload).expect("memory does not fail");
    }
    writer.finish().expect("memory does not fail");
    writer.into_inner()
}

/// The big log as an MCAP.
pub fn mcap() -> Vec<u8> {
    let payloads = Payloads::generate(big_log::RECORDS);
    let mut sink = Cursor::new(Vec::new());
    sink.seek(SeekFrom::Start(0)).expect("memory does not fail");
    write_mcap(&payloads, sink).into_inner()
}

/// Reads every message with its CRC validated; the sum over all payloads that [`checksum`] makes.
///
/// # Panics
/// When the file is broken.
pub fn read_mcap(bytes: &[u8]) -> u64 {
    mcap::MessageStream::new_with_options(bytes, mcap::read::Options::ValidateChunkCrcs.into())
        .expect("a whole file")
        .map(|message| message.expect("a whole file").data)
        .map(|data: Cow<'_, [u8]>| checksum(&data))
        .fold(0, u64::wrapping_add)
}

/// A cheap number that depends on the length and both ends of a payload.
pub fn checksum(payload: &[u8]) -> u64 {
    let end = payload.last_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let start = payload.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    end.wrapping_add(start).wrapping_add(payload.len() as u64)
}
