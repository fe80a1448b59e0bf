//! ULogs made piece by piece, broken where a test wants it.

/// A file in the making.
pub struct Ulog {
    pub bytes: Vec<u8>,
}

impl Ulog {
    /// The header of a file that was started then.
    pub fn started(time: u64) -> Self {
        let mut bytes = b"ULog\x01\x12\x35\x01".to_vec();
        bytes.extend(time.to_le_bytes());
        Self { bytes }
    }

    /// Any message.
    pub fn message(&mut self, kind: u8, parts: &[&[u8]]) -> &mut Self {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        self.bytes.extend(u16::try_from(len).unwrap().to_le_bytes());
        self.bytes.push(kind);
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        self
    }

    pub fn flags(&mut self, incompatible: u8, appended: [u64; 3]) -> &mut Self {
        let mut body = vec![0; 16];
        body[8] = incompatible;
        body.extend(appended.iter().flat_map(|at| at.to_le_bytes()));
        self.message(b'B', &[&body])
    }

    pub fn format(&mut self, text: &str) -> &mut Self {
        self.message(b'F', &[text.as_bytes()])
    }

    /// An information, a parameter: `front` is what stands in front of the key.
    pub fn keyed(&mut self, kind: u8, front: &[u8], key: &str, value: &[u8]) -> &mut Self {
        self.message(kind, &[front, &[key.len() as u8], key.as_bytes(), value])
    }

    pub fn subscribe(&mut self, id: u16, multi_id: u8, name: &str) -> &mut Self {
        self.message(b'A', &[&[multi_id], &id.to_le_bytes(), name.as_bytes()])
    }

    pub fn data(&mut self, id: u16, payload: &[u8]) -> &mut Self {
        self.message(b'D', &[&id.to_le_bytes(), payload])
    }

    pub fn text(&mut self, level: u8, time: u64, text: &str) -> &mut Self {
        self.message(b'L', &[&[level], &time.to_le_bytes(), text.as_bytes()])
    }

    pub fn sync(&mut self) -> &mut Self {
        self.message(b'S', &[b"\x2f\x73\x13\x20\x25\x0c\xbb\x12"])
    }
}
