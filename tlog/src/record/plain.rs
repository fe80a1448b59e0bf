//! Types whose memory is their encoding. All `unsafe` of the records is in this file.
//!
//! A [`Plain<T>`] is the proof. Safe code cannot make one: the numbers get theirs here, arrays
//! from their items, and structs and enums from the derive, whose claim is about syntax only
//! (`repr(C)`, and the complete list of the fields); whether there is padding is computed here.
#![allow(unsafe_code, reason = "memory as bytes, and arrays filled item by item; each block says why it is sound")]

use core::marker::PhantomData;
use core::mem::{MaybeUninit, size_of, size_of_val};

use crate::time::{DurationMicros, Micros};

/// Proof that the memory of a `T` is its encoding, and that none of it is padding.
pub struct Plain<T: ?Sized>(PhantomData<fn(&T)>);

impl<T: ?Sized> Clone for Plain<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Plain<T> {}

impl<T> Plain<T> {
    /// The proof for a struct, unless it has padding or a field that is not plain.
    ///
    /// # Safety
    /// * `T` is a struct with `repr(C)`.
    /// * `fields` has one entry for each of its fields, made by [`PlainField::of`] for that field's type.
    #[doc(hidden)]
    pub const unsafe fn of_struct(fields: &[PlainField]) -> Option<Self> {
        let mut sum = 0usize;
        let mut at = 0;
        while at < fields.len() {
            if !fields[at].is_plain {
                return None;
            }
            // No overflow: the fields are disjoint parts of one type.
            sum += fields[at].size;
            at += 1;
        }
        // The fields do not overlap, so if they fill the struct there is nothing between them.
        if sum == size_of::<T>() { Some(Self(PhantomData)) } else { None }
    }

    /// The proof for an enum that stands for an integer.
    ///
    /// # Safety
    /// `T` is an enum without data and with `repr(u8)`, `repr(u16)`, `repr(u32)` or `repr(u64)`.
    #[doc(hidden)]
    pub const unsafe fn of_enum() -> Option<Self> {
        Self::if_little_endian()
    }

    /// Only for types without padding; here, because nobody else is to have it.
    const fn if_little_endian() -> Option<Self> {
        if cfg!(target_endian = "little") { Some(Self(PhantomData)) } else { None }
    }

    /// What holds for each item holds for the array: its items follow each other without gaps.
    pub const fn array<const N: usize>(self) -> Plain<[T; N]> {
        Plain(PhantomData)
    }

    /// The encoding of `value`: its memory.
    pub const fn bytes(self, value: &T) -> &[u8] {
        self.items(core::slice::from_ref(value))
    }

    /// The encodings of all `values`, one after the other: their memory.
    pub const fn items(self, values: &[T]) -> &[u8] {
        // SAFETY:
        // * the pointer and the length are those of a slice that is borrowed for as long as the result;
        // * every byte is initialised: `self` proves that a `T` has no padding, and slices have none between items;
        // * no type with a `Plain` can be changed through a shared reference: numbers, bools, enums
        //   without data, and arrays and structs of these.
        unsafe { core::slice::from_raw_parts(values.as_ptr().cast::<u8>(), size_of_val(values)) }
    }
}

/// What [`Plain::of_struct`] asks of a field.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct PlainField {
    size: usize,
    is_plain: bool,
}

impl PlainField {
    /// A field of type `T`, with what `T` says of itself.
    pub const fn of<T>(plain: Option<Plain<T>>) -> Self {
        Self { size: size_of::<T>(), is_plain: plain.is_some() }
    }
}

/// Types that are plain by themselves.
pub(super) trait Primitive: Sized {
    const PLAIN: Option<Plain<Self>> = Plain::if_little_endian();
}

// Numbers and bool have no padding; the two newtypes are transparent.
impl Primitive for bool {}
impl Primitive for u8 {}
impl Primitive for u16 {}
impl Primitive for u32 {}
impl Primitive for u64 {}
impl Primitive for i8 {}
impl Primitive for i16 {}
impl Primitive for i32 {}
impl Primitive for i64 {}
impl Primitive for f32 {}
impl Primitive for f64 {}
impl Primitive for Micros {}
impl Primitive for DurationMicros {}

/// An array of what `next` gives, or its first error. The standard library has this unstable
/// (`array::try_from_fn`); without it, an array of items that have no default needs a heap.
pub(super) fn try_array<T, E, const N: usize>(mut next: impl FnMut() -> Result<T, E>) -> Result<[T; N], E> {
    let mut partial = Partial { items: [const { MaybeUninit::uninit() }; N], filled: 0 };
    while partial.filled < N {
        partial.items[partial.filled].write(next()?);
        partial.filled += 1;
    }
    // The items leave: `Partial` must not drop them.
    partial.filled = 0;
    // SAFETY:
    // * the loop has written all N items;
    // * an array of `MaybeUninit<T>` has the layout of the array of `T`;
    // * they are read once: `filled` is 0, so that `partial` drops none of them.
    Ok(unsafe { partial.items.as_ptr().cast::<[T; N]>().read() })
}

/// An array of which the first `filled` items are there.
struct Partial<T, const N: usize> {
    items: [MaybeUninit<T>; N],
    filled: usize,
}

impl<T, const N: usize> Drop for Partial<T, N> {
    fn drop(&mut self) {
        for item in self.items.iter_mut().take(self.filled) {
            // SAFETY: the first `filled` items have been written and not been taken.
            unsafe { item.assume_init_drop() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn memory_is_the_encoding() {
        let plain = u32::PLAIN.unwrap();
        assert_eq!(plain.bytes(&0x0403_0201), [1, 2, 3, 4]);
        assert_eq!(plain.items(&[1, 0x0100]), [1, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(plain.array::<2>().bytes(&[1, 2]), [1, 0, 0, 0, 2, 0, 0, 0]);
        assert!(plain.items(&[]).is_empty());
    }

    #[test]
    fn padding_is_no_proof() {
        #[repr(C)]
        struct Padded {
            _narrow: u8,
            _wide: u32,
        }
        let fields = [PlainField::of(u8::PLAIN), PlainField::of(u32::PLAIN)];
        // SAFETY: `Padded` is repr(C) and these are its fields.
        assert!(unsafe { Plain::<Padded>::of_struct(&fields) }.is_none());
    }

    #[test]
    fn a_failed_array_drops_what_it_had() {
        let item = Rc::new(());
        let mut left = 2;
        let failed: Result<[Rc<()>; 3], &str> = try_array(|| {
            left -= 1;
            if left < 0 { Err("no more") } else { Ok(Rc::clone(&item)) }
        });
        assert_eq!(failed, Err("no more"));
        assert_eq!(Rc::strong_count(&item), 1);
        let array: Result<[Rc<()>; 3], ()> = try_array(|| Ok(Rc::clone(&item)));
        assert_eq!(Rc::strong_count(&item), 4);
        drop(array);
        assert_eq!(Rc::strong_count(&item), 1);
    }
}
