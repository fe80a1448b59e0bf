use tlog::record::{Encode, Plain, PlainField, Shape, Sink};

#[repr(C)]
struct Padded {
    narrow: u8,
    wide: u32,
}

impl Encode for Padded {
    const SHAPE: &'static Shape = &Shape::Null;
    const PLAIN: Option<Plain<Self>> = Plain::of_struct(&[PlainField::of(<u64 as Encode>::PLAIN)]);

    fn encode<S: Sink>(&self, _: &mut S) -> Result<(), S::Error> {
        Ok(())
    }
}

fn main() {
    let _ = Plain::<Padded>(std::marker::PhantomData);
    let _ = Plain::<Padded>::if_little_endian();
}
