//! Numbers into bytes and back, nothing trusted.

use tlog::value::put_varuint;
use tlog::wire::varuint;

/// Bytes in the making.
#[derive(Debug, Default)]
pub(crate) struct Out(pub Vec<u8>);

impl Out {
    pub fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub fn array<const N: usize>(&mut self, value: [u8; N]) {
        self.0.extend(value);
    }

    pub fn uint(&mut self, value: u64) {
        put_varuint(value, &mut self.0);
    }

    pub fn len(&mut self, value: usize) {
        self.uint(value as u64);
    }

    pub fn int(&mut self, value: i64) {
        self.uint(varuint::zigzag(value));
    }

    pub fn bytes(&mut self, value: &[u8]) {
        self.len(value.len());
        self.0.extend(value);
    }

    /// A number that may be missing: whether it is there, and then it.
    pub fn option(&mut self, value: Option<u64>) {
        self.bool(value.is_some());
        value.into_iter().for_each(|value| self.uint(value));
    }

    pub fn bool(&mut self, value: bool) {
        self.byte(u8::from(value));
    }
}

/// What stands in a sidecar is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The result of taking something apart.
pub(crate) type Taken<T> = Result<T, Malformed>;

/// Whether something that must hold does.
pub(crate) const fn check(holds: bool) -> Taken<()> {
    if holds { Ok(()) } else { Err(Malformed) }
}

/// Bytes that are taken apart, front to back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    #[inline] // some ten times per cell
    pub fn uint(&mut self) -> Taken<u64> {
        let (value, len) = varuint::decode(self.0).map_err(|_| Malformed)?;
        self.0 = self.0.get(len..).ok_or(Malformed)?;
        Ok(value)
    }

    pub fn int(&mut self) -> Taken<i64> {
        self.uint().map(varuint::unzigzag)
    }

    pub fn uint32(&mut self) -> Taken<u32> {
        u32::try_from(self.uint()?).map_err(|_| Malformed)
    }

    #[inline] // as `uint`
    pub fn byte(&mut self) -> Taken<u8> {
        self.array().map(|[byte]| byte)
    }

    pub fn array<const N: usize>(&mut self) -> Taken<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*array)
    }

    pub fn bytes(&mut self) -> Taken<&'a [u8]> {
        let len = usize::try_from(self.uint()?).map_err(|_| Malformed)?;
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub fn text(&mut self) -> Taken<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    /// How many things follow, each of at least a byte: so what is allocated for them is bounded by what is at hand.
    pub fn count(&mut self) -> Taken<usize> {
        let count = usize::try_from(self.uint()?).map_err(|_| Malformed)?;
        check(count <= self.0.len())?;
        Ok(count)
    }

    pub fn bool(&mut self) -> Taken<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    pub fn option(&mut self) -> Taken<Option<u64>> {
        self.bool()?.then(|| self.uint()).transpose()
    }

    /// Whether everything has been taken.
    pub const fn end(self) -> Taken<()> {
        check(self.0.is_empty())
    }
}
