//! Compression of a payload, only ever to fewer bytes.

/// A snappy encoder with its memory.
pub(super) struct Compressor {
    encoder: snap::raw::Encoder,
    out: Vec<u8>,
}

impl Compressor {
    pub(super) fn new() -> Self {
        Self { encoder: snap::raw::Encoder::new(), out: Vec::new() }
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
