//! Compression of a payload, only ever to fewer bytes.

/// A snappy encoder with its memory.
pub(super) struct Compressor {
    encoder: snap::raw::Encoder,
    out: Vec<u8>,
}

/// A payload as it goes into its block.
pub(super) struct Packed<'p> {
    pub(super) stored: &'p [u8],
    pub(super) compressed: bool,
    /// How long it is when it is not compressed, in bytes.
    pub(super) plain_len: usize,
}

impl Compressor {
    pub(super) fn new() -> Self {
        Self { encoder: snap::raw::Encoder::new(), out: Vec::new() }
    }

    /// A payload, compressed if it `may` be and that makes it shorter.
    #[inline] // once per record: `benches/write`
    pub(super) fn pack<'p>(&'p mut self, payload: &'p [u8], may: bool) -> Packed<'p> {
        let compressed = if may { self.shrink(payload) } else { None };
        Packed { stored: compressed.unwrap_or(payload), compressed: compressed.is_some(), plain_len: payload.len() }
    }

    /// A payload to be stored as it is.
    pub(super) fn keep_plain<'p>(&'p mut self, payload: &'p [u8], _may: bool) -> Packed<'p> {
        Packed { stored: payload, compressed: false, plain_len: payload.len() }
    }

    /// A payload that is compressed already.
    pub(super) fn keep_packed<'p>(&'p mut self, stored: &'p [u8], _may: bool) -> Packed<'p> {
        let plain_len = snap::raw::decompress_len(stored).unwrap_or(stored.len());
        Packed { stored, compressed: true, plain_len }
    }

    /// The payload as a raw snappy block, if that is shorter. `None` too for what snappy
    /// cannot hold, 2³² bytes and more.
    pub(super) fn shrink(&mut self, payload: &[u8]) -> Option<&[u8]> {
        let most = snap::raw::max_compress_len(payload.len());
        if payload.is_empty() || most == 0 {
            return None;
        }
        if self.out.len() < most {
            self.out.resize(most, 0);
        }
        let len = self.encoder.compress(payload, &mut self.out).ok()?;
        if len < payload.len() { self.out.get(..len) } else { None }
    }
}
