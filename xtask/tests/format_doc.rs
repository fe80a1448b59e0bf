//! The tables in `docs/format.md` say what the code does.

use std::path::Path;

use tlog::schema::{Enum, IntegerType, MAX_DEPTH, MAX_ELEMENTS, Object, Schema, Type, Width};
use tlog::value::MAX_ZERO_WIDTH;
use tlog::wire::{BlockType, DataFlags, MAGIC, block, index, marker, varuint};

/// The rows of the table under a heading, header and rule left out, each cell trimmed and without backticks.
fn table(heading: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/format.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines().skip_while(|line| line.trim_start_matches('#').trim() != heading).skip(1);
    let rows = lines.by_ref().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells =
        |row: &str| row.trim_matches('|').split('|').map(|cell| cell.replace('`', "").trim().to_owned()).collect();
    let rows: Vec<Vec<String>> = rows.skip(2).map(cells).collect();
    assert!(!rows.is_empty(), "there is no table under {heading:?}");
    rows
}

#[test]
fn block_types() {
    let documented: Vec<_> = table("Block types").iter().map(|row| (row[0].parse().unwrap(), row[1].clone())).collect();
    let known = (0..1000).map(|code| (code, BlockType::from_code(code)));
    let known = known.filter(|(_, block)| !matches!(block, BlockType::Unknown(_)));
    let known: Vec<(u64, String)> = known.map(|(code, block)| (code, format!("{block:?}"))).collect();
    assert_eq!(documented, known);
}

#[test]
fn constants() {
    let hex = |bytes: [u8; 8]| bytes.map(|byte| format!("{byte:02x}")).join(" ");
    let expected = [
        ("file magic", hex(MAGIC)),
        ("index trailer", hex(index::TRAILER_MAGIC)),
        ("seek marker", hex(marker::MARKER)),
        ("filler", hex(block::FILLER_MAGIC)),
    ];
    let documented: Vec<_> = table("Constants").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_eq!(documented, expected.map(|(name, bytes)| (name.to_owned(), bytes)));
}

#[test]
fn type_codes() {
    let documented: Vec<_> = table("Type codes").iter().map(|row| (row[0].parse().unwrap(), row[1].clone())).collect();
    let null = || Type::Null;
    let types = [
        Type::Null,
        Type::Boolean,
        Type::FixedInt(Width::W1),
        Type::FixedUint(Width::W1),
        Type::Varint,
        Type::Varuint,
        Type::Float32,
        Type::Float64,
        Type::Bytes,
        Type::String,
        Object::new([]).into(),
        Enum::new(IntegerType::Varuint, []).into(),
        Type::array(null()),
        Type::fixed_array(1, null()),
        Type::map(null()),
        Type::optional(Type::Boolean),
        Type::Timestamp,
        Type::Duration,
    ];
    let code = |ty: Type| {
        let name = ty.name().trim_end_matches('8').to_owned();
        (u64::from(Schema::new(ty).unwrap().to_bytes()[0]), name)
    };
    let coded: Vec<(u64, String)> = [(0, "final".to_owned())].into_iter().chain(types.map(code)).collect();
    assert_eq!(documented, coded);
    for code in (0..=255).filter(|code| coded.iter().all(|(known, _)| known != code)) {
        let mut bytes = vec![0; varuint::len(code)];
        let mut buffer = [0; varuint::MAX_LEN];
        let len = varuint::encode(code, &mut buffer);
        bytes.copy_from_slice(&buffer[..len]);
        assert!(Schema::from_bytes(&bytes).is_err(), "code {code} is not documented");
    }
}

#[test]
fn data_flags() {
    let expected = [
        ("0x01", "previous_offset", DataFlags::PREVIOUS_OFFSET),
        ("0x02", "timestamp", DataFlags::TIMESTAMP),
        ("0x04", "checksum", DataFlags::CHECKSUM),
        ("0x10", "snappy", DataFlags::SNAPPY),
    ];
    let documented = table("Data flags");
    assert_eq!(documented.len(), expected.len());
    for (row, (bit, name, flag)) in documented.iter().zip(expected) {
        assert_eq!(row[..2], [bit, name]);
        assert_eq!(format!("{:#04x}", flag.bits()), bit);
    }
    let all = expected.iter().fold(DataFlags::default(), |all, (_, _, flag)| all.with(*flag));
    assert_eq!(all, DataFlags::DEFINED);
}

#[test]
fn limits() {
    let documented: Vec<usize> = table("8. Limits").iter().map(|row| row[1].parse().unwrap()).collect();
    assert_eq!(documented, [MAX_DEPTH, MAX_ELEMENTS, MAX_ZERO_WIDTH as usize, varuint::MAX_LEN]);
}
