//! Strings, vectors and maps: what needs a heap.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use super::decode::Decode;
use super::encode::{Bytes, Encode};
use super::shape::Shape;
use super::sink::{Sink, put_varuint};
use crate::wire::cursor::{Cursor, ValueError};

impl Encode for String {
    const SHAPE: &'static Shape = <str as Encode>::SHAPE;

    fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        self.as_str().encode(sink)
    }
}

impl<'de> Decode<'de> for String {
    fn decode(cursor: &mut Cursor<'de>) -> Result<Self, ValueError> {
        <&str>::decode(cursor).map(Self::from)
    }
}

impl Encode<Bytes> for Vec<u8> {
    const SHAPE: &'static Shape = <[u8] as Encode<Bytes>>::SHAPE;

    fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        <[u8] as Encode<Bytes>>::encode(self, sink)
    }
}

impl<'de> Decode<'de, Bytes> for Vec<u8> {
    fn decode(cursor: &mut Cursor<'de>) -> Result<Self, ValueError> {
        cursor.sized_bytes().map(Self::from)
    }
}

impl<Form, T: Encode<Form>> Encode<Form> for Vec<T> {
    const SHAPE: &'static Shape = <[T] as Encode<Form>>::SHAPE;

    fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        <[T] as Encode<Form>>::encode(self, sink)
    }
}

/// The count is believed item by item: what is allocated follows what has been read.
impl<'de, Form, T: Decode<'de, Form>> Decode<'de, Form> for Vec<T> {
    fn decode(cursor: &mut Cursor<'de>) -> Result<Self, ValueError> {
        let len = cursor.varuint()?;
        (0..len).map(|_| T::decode(cursor)).collect()
    }
}

/// In the order of the map; on the wire the order means nothing.
fn put_pairs<'m, Form, T, S>(
    len: usize,
    mut pairs: impl Iterator<Item = (&'m String, &'m T)>,
    sink: &mut S,
) -> Result<(), S::Error>
where
    T: Encode<Form> + 'm,
    S: Sink,
{
    put_varuint(len as u64, sink)?;
    pairs.try_for_each(|(key, value)| {
        key.as_str().encode(sink)?;
        value.encode(sink)
    })
}

/// Of equal keys the last one counts.
fn take_pairs<'de, Form, T, Map>(cursor: &mut Cursor<'de>) -> Result<Map, ValueError>
where
    T: Decode<'de, Form>,
    Map: FromIterator<(String, T)>,
{
    let len = cursor.varuint()?;
    (0..len).map(|_| Ok((String::decode(cursor)?, T::decode(cursor)?))).collect()
}

impl<Form, T: Encode<Form>> Encode<Form> for BTreeMap<String, T> {
    const SHAPE: &'static Shape = &Shape::Map(T::SHAPE);

    fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        put_pairs(self.len(), self.iter(), sink)
    }
}

impl<'de, Form, T: Decode<'de, Form>> Decode<'de, Form> for BTreeMap<String, T> {
    fn decode(cursor: &mut Cursor<'de>) -> Result<Self, ValueError> {
        take_pairs(cursor)
    }
}

impl<Form, T: Encode<Form>, H: BuildHasher> Encode<Form> for HashMap<String, T, H> {
    const SHAPE: &'static Shape = &Shape::Map(T::SHAPE);

    fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        put_pairs(self.len(), self.iter(), sink)
    }
}

impl<'de, Form, T: Decode<'de, Form>, H: BuildHasher + Default> Decode<'de, Form> for HashMap<String, T, H> {
    fn decode(cursor: &mut Cursor<'de>) -> Result<Self, ValueError> {
        take_pairs(cursor)
    }
}
