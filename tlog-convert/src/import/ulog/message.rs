//! The messages of a ULog: what stands behind each header, checked as far as its own bytes allow.
//!
//! Damage is found by what cannot be, as messages have no checksums; so what the specification fixes is required here.

/// The bytes in front of each message: its size, and its type.
pub const HEADER: usize = 3;

/// The largest message with its header.
pub const MAX_MESSAGE: usize = HEADER + u16::MAX as usize;

/// What a synchronisation message holds.
const SYNC: [u8; 8] = [0x2f, 0x73, 0x13, 0x20, 0x25, 0x0c, 0xbb, 0x12];

/// Longer names of topics are taken for damage.
const MAX_NAME: usize = 256;

/// A message.
#[derive(Debug, PartialEq)]
pub enum Message<'a> {
    /// Which further rules the file follows, and where data was appended.
    Flags { compatible: &'a [u8], incompatible: &'a [u8], appended: [u64; 3] },
    /// How a type is made up.
    Format(&'a str),
    /// A fact about the system; `continued` of a list of facts.
    Info { key: Key<'a>, value: &'a [u8], continued: Option<bool> },
    /// A parameter's value.
    Parameter { key: Key<'a>, value: &'a [u8] },
    /// A parameter's default, with bits for whose.
    Default { key: Key<'a>, value: &'a [u8], kinds: u8 },
    /// Data with this number will be of this topic.
    Subscribe { id: u16, multi_id: u8, name: &'a str },
    /// There will be no more data with this number.
    Unsubscribe,
    /// An instance of a topic.
    Data { id: u16, payload: &'a [u8] },
    /// A line of text; levels are 0 (emergency) to 7 (debug), the time in microseconds.
    Text { level: u8, tag: Option<u16>, time: u64, text: &'a [u8] },
    /// A place to go on from.
    Sync,
    /// Data was lost for so many milliseconds.
    Dropout(u16),
    /// Of a type that the specification does not know.
    Unknown,
}

/// The type and the name of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key<'a> {
    /// As in a format, such as `char[5]`.
    pub ty: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// The message of this type with this content, or what is wrong with it.
pub fn parse(kind: u8, body: &[u8]) -> Result<Message<'_>, &'static str> {
    let message = match kind {
        b'B' => flags(body),
        b'F' => body
            .iter()
            .take(MAX_NAME)
            .any(|&byte| byte == b':')
            .then(|| std::str::from_utf8(body).ok())
            .flatten()
            .map(Message::Format),
        b'I' => keyed(body).map(|(key, value)| Message::Info { key, value, continued: None }),
        b'M' => body.split_first().and_then(|(&continued, rest)| {
            let (key, value) = keyed(rest).filter(|_| continued <= 1)?;
            Some(Message::Info { key, value, continued: Some(continued == 1) })
        }),
        b'P' => keyed(body).map(|(key, value)| Message::Parameter { key, value }),
        b'Q' => body.split_first().and_then(|(&kinds, rest)| {
            let (key, value) = keyed(rest)?;
            Some(Message::Default { key, value, kinds })
        }),
        b'A' => subscription(body),
        b'R' => (body.len() == 2).then_some(Message::Unsubscribe),
        b'D' => body.split_first_chunk().map(|(&id, payload)| Message::Data { id: u16::from_le_bytes(id), payload }),
        b'L' => text(body, false),
        b'C' => text(body, true),
        b'S' => (body == SYNC).then_some(Message::Sync),
        b'O' => body.try_into().ok().map(|ms| Message::Dropout(u16::from_le_bytes(ms))),
        _ => Some(Message::Unknown),
    };
    message.ok_or("a message that does not keep to its type")
}

/// Whether the specification knows this type of message.
pub const fn is_known(kind: u8) -> bool {
    matches!(kind, b'B' | b'F' | b'I' | b'M' | b'P' | b'Q' | b'A' | b'R' | b'D' | b'L' | b'C' | b'S' | b'O')
}

/// Where text of a message of this type starts, which has no control characters but those that lay it out.
pub const fn text_from(kind: u8) -> Option<usize> {
    match kind {
        b'F' => Some(0),
        b'L' => Some(9),
        b'C' => Some(11),
        _ => None,
    }
}

/// Whether this byte is none that texts have.
pub const fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b) || byte == 0x7f
}

fn flags(body: &[u8]) -> Option<Message<'_>> {
    let (compatible, rest) = body.split_at_checked(8)?;
    let (incompatible, offsets) = rest.split_at_checked(8)?;
    let (offsets, []) = offsets.as_chunks::<8>() else { return None };
    let &[first, second, third] = offsets else { return None };
    Some(Message::Flags { compatible, incompatible, appended: [first, second, third].map(u64::from_le_bytes) })
}

/// A key with its length in front, and the value behind it, as long as the key's type says.
fn keyed(body: &[u8]) -> Option<(Key<'_>, &[u8])> {
    let (&len, rest) = body.split_first()?;
    let (key, value) = rest.split_at_checked(usize::from(len))?;
    let (ty, name) = std::str::from_utf8(key).ok()?.split_once(' ')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let fits = value_len(ty).is_some_and(|len| len == value.len());
    (is_name && fits).then_some((Key { ty, name }, value))
}

/// How long a value of this type is.
fn value_len(ty: &str) -> Option<usize> {
    let (item, count) = super::format::split_array(ty)?;
    super::format::Scalar::named(item)?.len().checked_mul(count.unwrap_or(1))
}

fn subscription(body: &[u8]) -> Option<Message<'_>> {
    let (&[multi_id, low, high], name) = body.split_first_chunk()?;
    let name = std::str::from_utf8(name.get(..name.len().min(MAX_NAME + 1))?).ok()?;
    let name = Some(name).filter(|name| name.len() <= MAX_NAME && super::format::is_name(name))?;
    Some(Message::Subscribe { id: u16::from_le_bytes([low, high]), multi_id, name })
}

fn text(body: &[u8], tagged: bool) -> Option<Message<'_>> {
    let (&level, rest) = body.split_first()?;
    let (tag, rest) = if tagged {
        let (&tag, rest) = rest.split_first_chunk()?;
        (Some(u16::from_le_bytes(tag)), rest)
    } else {
        (None, rest)
    };
    let (&time, text) = rest.split_first_chunk()?;
    // A digit as text by the specification, a bare number by some writers.
    let level = if level > 7 { level.checked_sub(b'0').filter(|&level| level <= 7)? } else { level };
    Some(Message::Text { level, tag, time: u64::from_le_bytes(time), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_cannot_be_are_refused() {
        for (kind, body) in [
            (b'B', &b"short"[..]),
            (b'I', b"\x20char[5] sys_nameab"),
            (b'I', b"\x10char[3] sys_namePX"),
            (b'I', b"\x07float x"),
            (b'M', b"\x02\x09uint8_t a\x01"),
            (b'A', b"\x00\x00"),
            (b'A', b"\x00\x00\x00a b"),
            (b'D', b"\x00"),
            (b'L', b"\x38\0\0\0\0\0\0\0\0"),
            (b'S', b"12345678"),
            (b'O', b"\x01"),
        ] {
            assert!(parse(kind, body).is_err(), "{} {body:?}", char::from(kind));
        }
        let key = Key { ty: "float", name: "MC_P" };
        assert_eq!(parse(b'P', b"\x0afloat MC_P\0\0\x80\x3f"), Ok(Message::Parameter { key, value: b"\0\0\x80\x3f" }));
    }
}
