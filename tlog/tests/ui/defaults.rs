use tlog::Record;

#[derive(Record)]
struct OutOfRange {
    #[tlog(default = 256)]
    id: u8,
}

#[derive(Record)]
struct Infinite {
    #[tlog(default = 1e39)]
    torque: f32,
}

#[derive(Record)]
struct OtherType {
    #[tlog(default = 1)]
    torque: f32,
}

#[derive(Record)]
struct NoSuchSymbol {
    #[tlog(default = "Run")]
    mode: Mode,
}

#[derive(Record)]
enum Mode {
    Stopped,
}

fn main() {}
