use tlog::Record;

#[derive(Record)]
enum WithData {
    Empty,
    Full(u8),
}

#[derive(Record)]
enum Nothing {}

#[derive(Record)]
#[repr(i8)]
enum Signed {
    A = -1,
}

#[derive(Record)]
#[repr(usize)]
enum MachineWord {
    A,
}

#[derive(Record)]
enum TwoNames {
    #[tlog(rename = "B")]
    A,
    B,
}

fn main() {}
