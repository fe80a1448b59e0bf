use tlog::Record;

#[derive(Record)]
struct MachineWord {
    count: usize,
}

#[derive(Record)]
struct Letters {
    letters: [Option<char>; 2],
}

#[derive(Record)]
struct TooWide {
    numbers: Vec<i128>,
}

struct Other;

#[derive(Record)]
struct NotARecord {
    other: Other,
}

#[derive(Record)]
struct Forms {
    #[tlog(varint)]
    torque: f32,
}

#[derive(Record)]
struct OnlyWritten<'a> {
    samples: &'a [f32],
}

fn main() {}
