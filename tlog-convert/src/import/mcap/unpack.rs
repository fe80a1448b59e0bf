//! Chunks, decompressed and checked.

use std::io::{self, Read};

use super::layout::ChunkHead;

/// What came out of a chunk.
#[derive(Debug, PartialEq, Eq)]
pub enum Unpacked {
    /// All of it.
    Whole,
    /// What comes before the place from which on nothing more could be had, and why. No checksum tells whether it is right.
    Front(String),
    /// Nothing that can be trusted, and why.
    Nothing(String),
}

/// Decompresses a chunk into `out`. `data` may end early, with the file.
pub fn unpack(head: &ChunkHead<'_>, data: &[u8], limit: u64, out: &mut Vec<u8>) -> Unpacked {
    out.clear();
    if head.unpacked > limit {
        return Unpacked::Nothing(format!("a chunk of {} bytes exceeds the limit of {limit}", head.unpacked));
    }
    let is_cut = (data.len() as u64) < head.packed;
    // One byte more, to see whether there is more than was said.
    let most = head.unpacked.saturating_add(1);
    let done = match head.compression {
        b"" => take(data, most, out),
        b"zstd" => zstd::stream::read::Decoder::with_buffer(data).and_then(|decoder| take(decoder, most, out)),
        b"lz4" => lz4::Decoder::new(data).and_then(|decoder| take(decoder, most, out)),
        other => {
            let name = String::from_utf8_lossy(other.get(..32).unwrap_or(other));
            return Unpacked::Nothing(format!("a chunk is compressed as {name:?}, which is not supported"));
        }
    };
    let is_whole = done.is_ok() && out.len() as u64 == head.unpacked && !is_cut;
    match is_whole {
        true if head.checksum == 0 || crc32fast::hash(out) == head.checksum => Unpacked::Whole,
        true => Unpacked::Nothing("the checksum of a chunk is wrong".to_owned()),
        false if is_cut => Unpacked::Front("the file ends inside a chunk".to_owned()),
        false if head.checksum == 0 => Unpacked::Front("a chunk does not decompress to its end".to_owned()),
        false => Unpacked::Nothing("a chunk does not decompress to what it should be".to_owned()),
    }
}

/// Takes what comes, and keeps it when an error ends that.
fn take(from: impl Read, most: u64, out: &mut Vec<u8>) -> io::Result<()> {
    from.take(most).read_to_end(out).map(drop)
}
