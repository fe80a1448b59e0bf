use tlog::Record;

#[derive(Record)]
struct Tuple(u8, u16);

#[derive(Record)]
struct Generic<T> {
    value: T,
}

#[derive(Record)]
struct Sized<const N: usize> {
    value: [u8; N],
}

#[derive(Record)]
union Either {
    a: u32,
    b: f32,
}

#[derive(Record)]
#[repr(C, packed)]
struct Packed {
    a: u8,
}

#[derive(Record)]
#[tlog(plain)]
struct RustsOrder {
    a: u8,
}

#[derive(Record)]
#[tlog(nmae = "imu")]
struct Misspelt {
    a: u8,
}

#[derive(Record)]
struct Unknown {
    #[tlog(skip)]
    a: u8,
}

#[derive(Record)]
struct Contradiction {
    #[tlog(varint, bytes)]
    a: u8,
}

#[derive(Record)]
struct Twice {
    a: u8,
    #[tlog(rename = "a")]
    b: u8,
}

#[derive(Record)]
struct AliasOfAnother {
    a: u8,
    #[tlog(alias = "a")]
    b: u8,
}

#[derive(Record)]
struct BadName {
    _reserved: u8,
}

#[derive(Record)]
struct BadDefault {
    #[tlog(default = 'x')]
    a: u32,
}

fn main() {}
