//! How the records of MCAP are laid out, as far as it takes to tell them from anything else.
//!
//! Each starts with its opcode and the length of what follows. Nothing marks its start, so after damage the next one is
//! found by lengths that fit together: those of a chunk, say, by its three.

use ::mcap::records::op;

/// Opcode and length.
pub const HEAD: usize = 9;

/// A message before its data: channel, sequence, log time, publish time.
const MESSAGE: u64 = 22;

/// Takes numbers and texts off the front of a record; `None` at its end.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(front)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*front)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Bytes behind their length in 32 bits, as texts and maps are.
    pub fn sized(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.take(usize::try_from(len).ok()?)
    }
}

/// Opcode and length at the front of these bytes.
pub fn head(bytes: &[u8]) -> Option<(u8, u64)> {
    let mut fields = Fields(bytes);
    let opcode = *fields.take(1)?.first()?;
    Some((opcode, fields.u64()?))
}

/// A chunk before its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkHead<'a> {
    pub unpacked: u64,
    pub checksum: u32,
    pub compression: &'a [u8],
    /// How long this is itself.
    pub len: usize,
    pub packed: u64,
}

/// Reads the start of what follows the head of a chunk.
pub fn chunk_head(body: &[u8]) -> Option<ChunkHead<'_>> {
    let mut fields = Fields(body);
    fields.take(16)?; // the first and last time in it
    let (unpacked, checksum) = (fields.u64()?, fields.u32()?);
    let compression = fields.sized()?;
    let packed = fields.u64()?;
    Some(ChunkHead { unpacked, checksum, compression, len: body.len() - fields.0.len(), packed })
}

impl ChunkHead<'_> {
    /// How long the chunk is, to the end of its data.
    pub fn total(&self) -> Option<u64> {
        (self.len as u64).checked_add(self.packed)
    }

    /// Whether the lengths in a chunk of `len` bytes fit together, with nothing behind the data.
    fn fills(&self, len: u64) -> bool {
        let is_known = matches!(self.compression, b"" | b"zstd" | b"lz4");
        let is_even = !self.compression.is_empty() || self.packed == self.unpacked;
        is_known && is_even && self.total() == Some(len)
    }
}

/// Whether the lengths in an attachment of `len` bytes fit together, as far as its front tells.
pub fn is_attachment(front: &[u8], len: u64) -> bool {
    let mut fields = Fields(front);
    let sized = (|| {
        fields.take(16)?; // the times
        fields.sized()?;
        fields.sized()?;
        fields.u64()
    })();
    let before = (front.len() - fields.0.len()) as u64;
    // The checksum comes last.
    sized.and_then(|data| before.checked_add(data)?.checked_add(4)) == Some(len)
}

fn schema_rest(body: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields(body);
    fields.u16().filter(|&id| id > 0)?;
    (0..3).try_for_each(|_| fields.sized().map(drop))?;
    Some(fields.0)
}

fn channel_rest(body: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields(body);
    fields.take(4)?;
    (0..2).try_for_each(|_| fields.sized().map(drop))?;
    is_map(fields.sized()?).then_some(fields.0)
}

/// Whether these are pairs of texts to the end.
fn is_map(bytes: &[u8]) -> bool {
    let mut fields = Fields(bytes);
    while !fields.0.is_empty() {
        if fields.sized().is_none() || fields.sized().is_none() {
            return false;
        }
    }
    true
}

fn is_schema(body: &[u8]) -> bool {
    schema_rest(body).is_some_and(<[u8]>::is_empty)
}

fn is_channel(body: &[u8]) -> bool {
    channel_rest(body).is_some_and(<[u8]>::is_empty)
}

/// Whether all lengths in a record are within it, so that it can be parsed: bytes may follow its last field. The parser
/// trusts them, and takes memory for what they claim.
pub fn fits(opcode: u8, body: &[u8]) -> bool {
    let mut fields = Fields(body);
    match opcode {
        op::HEADER => fields.sized().is_some() && fields.sized().is_some(),
        op::SCHEMA => schema_rest(body).is_some(),
        op::CHANNEL => channel_rest(body).is_some(),
        op::METADATA => fields.sized().is_some() && fields.sized().is_some_and(is_map),
        op::ATTACHMENT => is_attachment(body, body.len() as u64),
        _ => true,
    }
}

/// Whether a record may begin like this. `limit` is how long one may be.
pub fn is_plausible(front: &[u8], limit: u64) -> bool {
    match head(front) {
        Some((op::ATTACHMENT, _)) => true,
        Some((op::MESSAGE, len)) => (MESSAGE..=limit).contains(&len),
        Some((op::FOOTER, len)) => len == 20,
        Some((op::DATA_END, len)) => len == 4,
        Some((opcode, len)) => (opcode > 0 && opcode <= op::DATA_END || opcode >= 0x80) && len <= limit,
        // The end of the file, or of what there is of it.
        None => true,
    }
}

/// Whether a record's lengths fit together so well that its end is proved without what follows it.
pub fn is_proved(opcode: u8, body: &[u8]) -> bool {
    match opcode {
        op::SCHEMA => is_schema(body),
        op::CHANNEL => is_channel(body),
        op::ATTACHMENT => is_attachment(body, body.len() as u64),
        op::FOOTER => true,
        _ => false,
    }
}

/// Whether surely a record begins here, to go on from after damage.
pub fn is_start(front: &[u8], limit: u64, knows: impl Fn(u16) -> bool) -> bool {
    let Some((opcode, len)) = head(front) else { return false };
    let Some(rest) = front.get(HEAD..) else { return false };
    let body = usize::try_from(len).ok().and_then(|len| rest.get(..len));
    let is_followed = || is_plausible(rest.get(body.map_or(0, <[u8]>::len)..).unwrap_or_default(), limit);
    match opcode {
        // Longer than what is looked at, mostly.
        op::CHUNK => len <= limit && chunk_head(rest).is_some_and(|head| head.fills(len)),
        op::MESSAGE if len >= MESSAGE => {
            body.is_some_and(|body| Fields(body).u16().is_some_and(&knows)) && is_followed()
        }
        op::SCHEMA => body.is_some_and(is_schema) && is_followed(),
        op::CHANNEL => body.is_some_and(is_channel) && is_followed(),
        op::DATA_END => len == 4 && body.is_some() && is_followed(),
        op::FOOTER => len == 20 && body.is_some(),
        _ => false,
    }
}
