use tlog::Record;

#[derive(Record)]
enum Negative {
    Lost = -1,
    Found,
}

#[derive(Record)]
struct Maybe {
    value: Option<Option<u8>>,
}

#[derive(Record)]
#[repr(C)]
#[tlog(plain)]
struct Gap {
    narrow: u8,
    wide: u32,
}

#[derive(Record)]
#[repr(C)]
#[tlog(plain)]
struct Tail {
    wide: u32,
    narrow: u8,
}

#[derive(Record)]
#[repr(C)]
#[tlog(plain)]
struct NotPlain {
    id: u8,
    items: Vec<u8>,
}

fn main() {}
