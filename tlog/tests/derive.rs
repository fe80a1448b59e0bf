//! `#[derive(Record)]`: the bytes of schemas and payloads, both ways.
#![forbid(unsafe_code)] // what the derive generates must compile under it

use std::collections::{BTreeMap, HashMap};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use tlog::record::{Cursor, Decode, Encode, Full, Shape, Sink, ValueErrorKind};
use tlog::schema::{Schema, Type};
use tlog::value::{check_exact, skip};
use tlog::{DurationMicros, Micros, Record};

#[derive(Record, Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
enum Mode {
    Stopped,
    #[tlog(rename = "run")]
    Running = 5,
    Fault = 200,
}

/// Neither `Copy` nor with a representation.
#[derive(Record, Debug, PartialEq)]
enum Gait {
    Walk = 1,
    Trot = 300,
}

#[derive(Record, Clone, Copy, Debug, PartialEq)]
#[tlog(name = "body/servo", plain)]
#[repr(C)]
struct Servo {
    time: Micros,
    position: f64,
    torque: f32,
    counts: [u16; 2],
    busy: DurationMicros,
    id: u8,
    mode: Mode,
    is_hot: bool,
    spare: [i8; 5],
}

#[derive(Record, Debug, PartialEq)]
struct VehicleState {
    #[tlog(rename = "x", alias = "pos_x", alias = "px", default = -0.1)]
    position_x: f32,
    #[tlog(default = 300)]
    r#type: u16,
    #[tlog(default = "run")]
    mode: Mode,
    #[tlog(varint, default = -65)]
    steps: i32,
    #[tlog(varint)]
    ticks: Option<u64>,
    #[tlog(default = "Trot")]
    gait: Gait,
    #[tlog(default = "ab")]
    label: String,
    #[tlog(bytes)]
    blob: Vec<u8>,
    raw: Vec<u8>,
    servos: Vec<Servo>,
    #[tlog(default)]
    names: Option<Vec<String>>,
    gains: BTreeMap<String, f64>,
    #[tlog(default = true)]
    is_on: bool,
    #[tlog(default = 7)]
    at: Option<Micros>,
    nothing: Ping,
}

#[derive(Record, Debug, PartialEq)]
struct Ping;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.split_whitespace().flat_map(str::bytes).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

const MODE: &str = "11 0401 03 00 07 53746f70706564  05 03 72756e  c8 05 4661756c74";
const SERVO: &str = "10 00
    00 04 74696d65 00 16 00
    00 08 706f736974696f6e 00 08 00
    00 06 746f72717565 00 07 00
    00 06 636f756e7473 00 13 02 0402 00
    00 04 62757379 00 17 00
    00 02 6964 00 0401 00
    00 04 6d6f6465 00 MODE 00
    00 06 69735f686f74 00 02 00
    00 05 7370617265 00 13 05 0301 00
    0000000000";
const VEHICLE_STATE: &str = "10 00
    00 01 78 02 05 706f735f78 02 7078 07 01 cdccccbd
    00 04 74797065 00 0402 01 2c01
    00 04 6d6f6465 00 MODE 01 05
    00 05 7374657073 00 05 01 8101
    00 05 7469636b73 00 15 01 06 00 00
    00 04 67616974 00 11 06 02 01 04 57616c6b ac02 04 54726f74 01 ac02
    00 05 6c6162656c 00 0a 01 02 6162
    00 04 626c6f62 00 09 00
    00 03 726177 00 12 0401 00
    00 06 736572766f73 00 12 SERVO 00
    00 05 6e616d6573 00 15 01 12 0a 00 01 00
    00 05 6761696e73 00 14 08 00
    00 05 69735f6f6e 00 02 01 01
    00 02 6174 00 15 01 16 00 01 01 0700000000000000
    00 07 6e6f7468696e67 00 10 00 0000000000 00
    0000000000";

#[test]
fn schemas_to_the_byte() {
    assert_eq!(Mode::SCHEMA, hex(MODE));
    assert_eq!(Servo::SCHEMA, hex(&SERVO.replace("MODE", MODE)));
    let expected = VEHICLE_STATE.replace("SERVO", SERVO).replace("MODE", MODE);
    assert_eq!(VehicleState::SCHEMA, hex(&expected));
    assert_eq!(Ping::SCHEMA, hex("10 00 0000000000"));
}

#[test]
fn schemas_parse_and_are_canonical() {
    for schema in [Schema::of::<VehicleState>(), Schema::of::<Servo>(), Schema::of::<Gait>(), Schema::of::<Ping>()] {
        let schema = schema.unwrap();
        assert_eq!(Schema::from_bytes(&schema.to_bytes()).unwrap(), schema);
    }
    let schema = Schema::of::<VehicleState>().unwrap();
    assert_eq!(schema.to_bytes(), VehicleState::SCHEMA);
    let Type::Object(object) = schema.root() else { panic!("an object") };
    assert_eq!(object.fields()[0].aliases(), ["pos_x", "px"]);
    assert_eq!(object.field("x").unwrap().default_bytes(), Some(&(-0.1f32).to_le_bytes()[..]));
}

#[test]
fn record_names() {
    assert_eq!(VehicleState::NAME, "vehicle_state");
    assert_eq!(Servo::NAME, "body/servo");
    assert_eq!(Gait::NAME, "gait");
}

/// The zero of every kind of type, and every other literal.
#[derive(Record)]
#[allow(dead_code, reason = "only the schema is of interest")]
struct Defaults {
    #[tlog(default)]
    a: [u16; 2],
    #[tlog(default)]
    b: Vec<String>,
    #[tlog(default)]
    c: BTreeMap<String, u8>,
    #[tlog(default)]
    d: Mode,
    #[tlog(default)]
    e: Point,
    #[tlog(default, varint)]
    f: i16,
    #[tlog(default = 1e300)]
    g: f64,
    #[tlog(default = -9_223_372_036_854_775_808)]
    h: i64,
    #[tlog(default = 0xffff_ffff_ffff_ffff)]
    i: u64,
    #[tlog(default = 18446744073709551615, varint)]
    j: u64,
    #[tlog(default = -1)]
    k: DurationMicros,
    #[tlog(default = "Fault")]
    l: Option<Mode>,
}

#[derive(Record, Clone, Copy, Debug, PartialEq)]
struct Point {
    x: f32,
    y: Option<f64>,
}

#[test]
fn defaults_to_the_byte() {
    let schema = Schema::of::<Defaults>().unwrap();
    let Type::Object(object) = schema.root() else { panic!("an object") };
    for (name, expected) in [
        ("a", "00000000"),
        ("b", "00"),
        ("c", "00"),
        ("d", "00"),
        ("e", "00000000 00"),
        ("f", "00"),
        ("g", "9c7500883ce4377e"),
        ("h", "0000000000000080"),
        ("i", "ffffffffffffffff"),
        ("j", "ffffffffffffffffff01"),
        ("k", "ffffffffffffffff"),
        ("l", "01 c8"),
    ] {
        assert_eq!(object.field(name).unwrap().default_bytes(), Some(&hex(expected)[..]), "{name}");
    }
}

/// Notes where each piece of memory was.
#[derive(Default)]
struct Recorder {
    pieces: Vec<(usize, usize)>,
    bytes: Vec<u8>,
}

impl Sink for Recorder {
    type Error = std::convert::Infallible;

    fn put(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.pieces.push((bytes.as_ptr().addr(), bytes.len()));
        self.bytes.put(bytes)
    }
}

fn recorded(value: &impl Encode) -> Recorder {
    let mut recorder = Recorder::default();
    let Ok(()) = value.encode(&mut recorder);
    recorder
}

fn memory_of<T>(value: &T) -> (usize, usize) {
    (std::ptr::from_ref(value).addr(), size_of::<T>())
}

const SERVO_VALUE: Servo = Servo {
    time: Micros(1_549_900_112_574_307),
    position: -1.5,
    torque: 0.25,
    counts: [1, 0xfffe],
    busy: DurationMicros(-2),
    id: 7,
    mode: Mode::Running,
    is_hot: true,
    spare: [-1, 0, 1, 2, 3],
};
const SERVO_BYTES: &str = "63b7 a53d a081 0500  0000 0000 0000 f8bf  0000 803e  0100 feff
    feff ffff ffff ffff  07 05 01  ff 00 01 02 03";

#[test]
fn a_plain_struct_is_one_copy_of_its_memory() {
    let servo = SERVO_VALUE;
    let one = recorded(&servo);
    assert_eq!(one.pieces, [memory_of(&servo)]);
    assert_eq!(one.bytes, hex(SERVO_BYTES));
    assert_eq!(Servo::FIXED_LEN, Some(size_of::<Servo>()));

    let array = [servo; 3];
    assert_eq!(recorded(&array).pieces, [memory_of(&array)]);
    assert_eq!(recorded(&array).bytes, hex(SERVO_BYTES).repeat(3));

    let many = vec![servo; 3];
    let vector = recorded(&many);
    assert_eq!(vector.pieces[1..], [(many.as_ptr().addr(), size_of_val(many.as_slice()))]);
    assert_eq!(vector.bytes[1..], hex(SERVO_BYTES).repeat(3));
}

/// The fields of [`Servo`], in Rust's own order.
#[derive(Record)]
struct LooseServo {
    time: Micros,
    position: f64,
    torque: f32,
    counts: [u16; 2],
    busy: DurationMicros,
    id: u8,
    mode: Mode,
    is_hot: bool,
    spare: [i8; 5],
}

#[test]
fn field_by_field_gives_the_same_bytes() {
    let Servo { time, position, torque, counts, busy, id, mode, is_hot, spare } = SERVO_VALUE;
    let loose = recorded(&LooseServo { time, position, torque, counts, busy, id, mode, is_hot, spare });
    assert_eq!(loose.pieces.len(), 9);
    assert_eq!(loose.bytes, hex(SERVO_BYTES));
    assert_eq!(LooseServo::SCHEMA, Servo::SCHEMA);
}

#[derive(Record)]
#[repr(C)]
struct Gap {
    narrow: u8,
    wide: u32,
}

#[derive(Record)]
#[repr(C)]
struct Tail {
    wide: u32,
    narrow: u8,
}

#[derive(Record)]
#[repr(C)]
struct GapInside {
    tails: [Tail; 2],
}

#[derive(Record)]
#[repr(C)]
struct NotItsMemory {
    #[tlog(varint)]
    number: u32,
}

#[test]
fn padding_and_other_forms_are_not_plain() {
    assert!(Gap::PLAIN.is_none() && Tail::PLAIN.is_none() && GapInside::PLAIN.is_none());
    assert!(NotItsMemory::PLAIN.is_none() && LooseServo::PLAIN.is_none() && Gait::PLAIN.is_none());
    assert!(<Option<u8> as Encode>::PLAIN.is_none() && <&u8 as Encode>::PLAIN.is_none());
    assert_eq!(Gap { narrow: 1, wide: 2 }.to_payload(), [1, 2, 0, 0, 0]);
    let tail = |wide| Tail { wide, narrow: 9 };
    assert_eq!(GapInside { tails: [tail(1), tail(2)] }.to_payload(), [1, 0, 0, 0, 9, 2, 0, 0, 0, 9]);
    assert_eq!(NotItsMemory { number: 300 }.to_payload(), [0xac, 0x02]);
    assert_eq!((Gap::FIXED_LEN, NotItsMemory::FIXED_LEN), (Some(5), None));
}

fn vehicle() -> VehicleState {
    VehicleState {
        position_x: 1.0,
        r#type: 2,
        mode: Mode::Fault,
        steps: -1,
        ticks: Some(128),
        gait: Gait::Trot,
        label: "é".into(),
        blob: vec![1, 2],
        raw: vec![3],
        servos: vec![SERVO_VALUE],
        names: None,
        gains: BTreeMap::from([("k".into(), 1.0)]),
        is_on: true,
        at: None,
        nothing: Ping,
    }
}

#[test]
fn payloads_to_the_byte() {
    let expected = "0000803f 0200 c8 01 01 8001 ac02 02 c3a9 02 0102 01 03 01 SERVO 00
        01 01 6b 000000000000f03f 01 00";
    let payload = vehicle().to_payload();
    assert_eq!(payload, hex(&expected.replace("SERVO", SERVO_BYTES)));
    assert_eq!(vehicle().encoded_len(), payload.len());
    assert_eq!(VehicleState::decode_payload(&payload).unwrap(), vehicle());
}

#[test]
fn the_buffer_may_be_too_small() {
    let len = vehicle().encoded_len();
    let mut buffer = vec![0; len];
    assert_eq!(vehicle().encode_to_slice(&mut buffer), Ok(len));
    assert_eq!(buffer, vehicle().to_payload());
    for short in 0..len {
        assert_eq!(vehicle().encode_to_slice(&mut buffer[..short]), Err(Full));
    }
}

#[test]
fn what_is_cut_off_is_an_error_and_what_follows_is_ignored() {
    let mut payload = vehicle().to_payload();
    for short in 0..payload.len() {
        let e = VehicleState::decode_payload(&payload[..short]).unwrap_err();
        assert_eq!(e.kind, ValueErrorKind::Truncated);
        assert!(e.offset <= short);
    }
    payload.extend([1, 2, 3]);
    assert_eq!(VehicleState::decode_payload(&payload).unwrap(), vehicle());
}

#[derive(Record, Debug, PartialEq)]
struct Borrowing<'a, 'b> {
    id: u8,
    name: &'a str,
    #[tlog(bytes)]
    image: &'b [u8],
    raw: Option<&'a [u8]>,
}

#[test]
fn strings_and_bytes_are_borrowed_from_the_payload() {
    let value = Borrowing { id: 1, name: "leg", image: &[1, 2], raw: Some(&[3]) };
    let payload = value.to_payload();
    let back = Borrowing::decode_payload(&payload).unwrap();
    assert_eq!(back, value);
    assert!(payload.as_ptr_range().contains(&back.name.as_ptr()));
}

#[derive(Record)]
#[tlog(encode_only)]
struct Samples<'a> {
    values: &'a [f32],
}

#[test]
fn what_cannot_be_borrowed_back_can_be_written() {
    let values = [1.0, 2.0];
    let pieces = recorded(&Samples { values: &values }).pieces;
    assert_eq!(pieces[1], (values.as_ptr().addr(), 8));
}

fn kind<T: for<'de> Decode<'de>>(payload: &str) -> (usize, ValueErrorKind) {
    match T::decode(&mut Cursor::new(&hex(payload))) {
        Ok(_) => panic!("{payload} decodes"),
        Err(e) => (e.offset, e.kind),
    }
}

#[test]
#[allow(dead_code, reason = "the structs are for their types")]
fn malformed_payloads() {
    #[derive(Record)]
    struct Small {
        id: u8,
        #[tlog(varint)]
        number: u8,
    }
    #[derive(Record)]
    struct Modes {
        fixed: Mode,
        variable: Gait,
    }
    assert_eq!(kind::<Modes>("05 02"), (1, ValueErrorKind::EnumValue(2)));
    assert_eq!(kind::<Mode>("01"), (0, ValueErrorKind::EnumValue(1)));
    assert_eq!(kind::<String>("01 ff"), (0, ValueErrorKind::Utf8));
    assert_eq!(kind::<Small>("00 8002"), (1, ValueErrorKind::Range));
    assert_eq!(kind::<Option<u8>>("02"), (0, ValueErrorKind::UnionIndex { index: 2, members: 2 }));
    assert_eq!(kind::<Vec<u64>>("ffffffffffffffffff01"), (10, ValueErrorKind::Truncated));
    assert_eq!(kind::<Vec<Ping>>("ffffffffffffffffff01"), (10, ValueErrorKind::ZeroWidth));
    assert_eq!(kind::<Vec<[u8; 0]>>("ffffffffffffffffff01"), (10, ValueErrorKind::ZeroWidth));
    assert_eq!(kind::<String>("ffffffffffffffffffff"), (0, ValueErrorKind::Overflow));
}

#[test]
fn any_boolean_but_zero_is_true_and_the_last_of_equal_keys_counts() {
    assert_eq!(bool::decode(&mut Cursor::new(&[2])), Ok(true));
    let twice = hex("02 016b 01 016b 02");
    let map: HashMap<_, _> = <HashMap<String, u8> as Decode>::decode(&mut Cursor::new(&twice)).unwrap();
    assert_eq!(map, HashMap::from([("k".to_owned(), 2)]));
}

#[test]
fn forms_reach_through_containers() {
    #[derive(Record)]
    struct Deep {
        #[tlog(varint)]
        numbers: BTreeMap<String, Vec<Option<[u16; 2]>>>,
        #[tlog(bytes)]
        images: [Vec<u8>; 2],
    }
    let deep =
        Deep { numbers: BTreeMap::from([("k".to_owned(), vec![None, Some([300, 1])])]), images: [vec![], vec![9]] };
    assert_eq!(deep.to_payload(), hex("01 016b 02 00 01 ac02 01  00 01 09"));
    assert!(matches!(Deep::SHAPE, Shape::Object([_, _]),));
}

fn servo() -> impl Strategy<Value = Servo> {
    let numbers = (any::<i64>(), any::<f64>(), any::<f32>(), any::<[u16; 2]>(), any::<i64>());
    let mode = prop_oneof![Just(Mode::Stopped), Just(Mode::Running), Just(Mode::Fault)];
    (numbers, any::<u8>(), mode, any::<bool>(), any::<[i8; 5]>()).prop_map(
        |((time, position, torque, counts, busy), id, mode, is_hot, spare)| Servo {
            time: Micros(time),
            position,
            torque,
            counts,
            busy: DurationMicros(busy),
            id,
            mode,
            is_hot,
            spare,
        },
    )
}

fn vehicle_state() -> impl Strategy<Value = VehicleState> {
    let scalars = (any::<f32>(), any::<u16>(), any::<i32>(), any::<Option<u64>>(), any::<bool>());
    let gait = prop_oneof![Just(Gait::Walk as u64), Just(Gait::Trot as u64)];
    let sequences = (any::<String>(), any::<Vec<u8>>(), vec(servo(), 0..4), any::<Option<Vec<String>>>());
    let gains = btree_map(any::<String>(), any::<f64>(), 0..4);
    (scalars, gait, sequences, gains, any::<Option<i64>>()).prop_map(
        |((position_x, r#type, steps, ticks, is_on), gait, (label, blob, servos, names), gains, at)| VehicleState {
            position_x,
            r#type,
            mode: Mode::Running,
            steps,
            ticks,
            gait: if gait == Gait::Walk as u64 { Gait::Walk } else { Gait::Trot },
            label,
            raw: blob.iter().rev().copied().collect(),
            blob,
            servos,
            names,
            gains,
            is_on,
            at: at.map(Micros),
            nothing: Ping,
        },
    )
}

proptest! {
    #[test]
    fn what_is_encoded_is_what_the_schema_says(value in vehicle_state()) {
        let payload = value.to_payload();
        prop_assert_eq!(value.encoded_len(), payload.len());
        let schema = Schema::of::<VehicleState>().unwrap();
        check_exact(schema.root(), &payload).unwrap();
        prop_assert_eq!(VehicleState::decode_payload(&payload).unwrap(), value);
    }

    #[test]
    fn damaged_payloads_decode_only_where_the_walk_does(
        value in vehicle_state(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut payload = value.to_payload();
        let at = at.index(payload.len());
        payload[at] = byte;
        let schema = Schema::of::<VehicleState>().unwrap();
        let is_good = skip(schema.root(), &mut Cursor::new(&payload)).is_ok();
        // Decoding asks for more than the walk: symbols that exist, UTF-8.
        prop_assert!(is_good || VehicleState::decode_payload(&payload).is_err());
    }
}
