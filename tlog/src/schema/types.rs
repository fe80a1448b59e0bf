//! The types of the format as a tree.

use super::{MAX_DEPTH, SchemaErrorKind};
use crate::value::append_json_string;

pub use crate::wire::type_code::Width;

/// A type of the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// No value, no bytes.
    Null,
    /// One byte, 0 or 1.
    Boolean,
    /// Two's complement, little endian.
    FixedInt(Width),
    /// Unsigned, little endian.
    FixedUint(Width),
    /// Zigzag, then as a varuint.
    Varint,
    /// Unsigned LEB128.
    Varuint,
    /// IEEE 754 binary32.
    Float32,
    /// IEEE 754 binary64.
    Float64,
    /// A length and that many bytes.
    Bytes,
    /// A length and that many bytes of UTF-8.
    String,
    /// Named fields, one after the other.
    Object(Object),
    /// An integer whose values have names.
    Enum(Enum),
    /// A count and that many items.
    Array(Box<Type>),
    /// As many items as the schema says.
    FixedArray(FixedArray),
    /// A count and that many pairs of a string and a value.
    Map(Box<Type>),
    /// An index and a value of the member with that index.
    Union(Vec<Type>),
    /// i64 microseconds since the Unix epoch.
    Timestamp,
    /// i64 microseconds.
    Duration,
}

impl Type {
    /// An array of items of this type.
    pub fn array(item: Self) -> Self {
        Self::Array(Box::new(item))
    }

    /// Exactly `len` items of this type.
    pub fn fixed_array(len: u64, item: Self) -> Self {
        Self::FixedArray(FixedArray::new(len, item))
    }

    /// A map from strings to values of this type.
    pub fn map(value: Self) -> Self {
        Self::Map(Box::new(value))
    }

    /// The union of null and this type: a value that may be missing.
    pub fn optional(some: Self) -> Self {
        Self::Union(vec![Self::Null, some])
    }

    /// How many bytes every value of this type takes, if they all take the same.
    pub fn fixed_len(&self) -> Option<usize> {
        self.extent().map(|extent| extent.len)
    }

    /// What every value of this type takes, if they all take the same.
    pub(crate) fn extent(&self) -> Option<Extent> {
        match self {
            Self::Null => Some(Extent::NOTHING),
            Self::Boolean => Some(Extent::of(1)),
            Self::FixedInt(width) | Self::FixedUint(width) => Some(Extent::of(width.bytes())),
            Self::Float32 => Some(Extent::of(4)),
            Self::Float64 | Self::Timestamp | Self::Duration => Some(Extent::of(8)),
            Self::Object(object) => object.extent,
            Self::Enum(enumeration) => enumeration.underlying.fixed_len().map(Extent::of),
            Self::FixedArray(array) => array.extent,
            Self::Varint | Self::Varuint | Self::Bytes | Self::String => None,
            Self::Array(_) | Self::Map(_) | Self::Union(_) => None,
        }
    }

    /// The type that a union of null and one other type makes optional. Data JSON shows such a union
    /// as null or the plain value, which would be ambiguous if the other were a null or union itself.
    pub fn as_optional(&self) -> Option<&Self> {
        match self {
            Self::Union(members) => match members.as_slice() {
                [Self::Null, Self::Null | Self::Union(_)] => None,
                [Self::Null, some] => Some(some),
                _ => None,
            },
            _ => None,
        }
    }

    /// The type's name as in schema JSON: `fixeduint16`, `object`, …
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::FixedInt(width) => IntegerType::FixedInt(*width).name(),
            Self::FixedUint(width) => IntegerType::FixedUint(*width).name(),
            Self::Varint => IntegerType::Varint.name(),
            Self::Varuint => IntegerType::Varuint.name(),
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Object(_) => "object",
            Self::Enum(_) => "enum",
            Self::Array(_) => "array",
            Self::FixedArray(_) => "fixedarray",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
        }
    }
}

/// What every value of some type takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// How many bytes.
    pub len: usize,
    /// How many items in it take no bytes: see [`MAX_ZERO_WIDTH`](crate::value::MAX_ZERO_WIDTH).
    pub zero_width: u64,
}

impl Extent {
    /// One item without bytes.
    const NOTHING: Self = Self { len: 0, zero_width: 1 };

    const fn of(len: usize) -> Self {
        Self { len, zero_width: 0 }
    }

    /// One behind the other; `None` when that is more than can be.
    fn and(self, next: Self) -> Option<Self> {
        let len = self.len.checked_add(next.len)?;
        Some(Self { len, zero_width: self.zero_width.saturating_add(next.zero_width) })
    }

    fn times(self, count: u64) -> Option<Self> {
        let len = match self.len {
            0 => 0,
            len => len.checked_mul(usize::try_from(count).ok()?)?,
        };
        Some(Self { len, zero_width: self.zero_width.saturating_mul(count) })
    }
}

impl From<Object> for Type {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

impl From<Enum> for Type {
    fn from(enumeration: Enum) -> Self {
        Self::Enum(enumeration)
    }
}

impl From<IntegerType> for Type {
    fn from(integer: IntegerType) -> Self {
        match integer {
            IntegerType::FixedInt(width) => Self::FixedInt(width),
            IntegerType::FixedUint(width) => Self::FixedUint(width),
            IntegerType::Varint => Self::Varint,
            IntegerType::Varuint => Self::Varuint,
        }
    }
}

/// The integer types, over which enums are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntegerType {
    /// As [`Type::FixedInt`].
    FixedInt(Width),
    /// As [`Type::FixedUint`].
    FixedUint(Width),
    /// As [`Type::Varint`].
    Varint,
    /// As [`Type::Varuint`].
    Varuint,
}

impl IntegerType {
    /// The integer type that `ty` is, if it is one.
    pub const fn of(ty: &Type) -> Option<Self> {
        match ty {
            Type::FixedInt(width) => Some(Self::FixedInt(*width)),
            Type::FixedUint(width) => Some(Self::FixedUint(*width)),
            Type::Varint => Some(Self::Varint),
            Type::Varuint => Some(Self::Varuint),
            _ => None,
        }
    }

    /// As [`Type::name`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::FixedInt(Width::W1) => "fixedint8",
            Self::FixedInt(Width::W2) => "fixedint16",
            Self::FixedInt(Width::W4) => "fixedint32",
            Self::FixedInt(Width::W8) => "fixedint64",
            Self::FixedUint(Width::W1) => "fixeduint8",
            Self::FixedUint(Width::W2) => "fixeduint16",
            Self::FixedUint(Width::W4) => "fixeduint32",
            Self::FixedUint(Width::W8) => "fixeduint64",
            Self::Varint => "varint",
            Self::Varuint => "varuint",
        }
    }

    /// As [`Type::fixed_len`].
    pub const fn fixed_len(self) -> Option<usize> {
        match self {
            Self::FixedInt(width) | Self::FixedUint(width) => Some(width.bytes()),
            Self::Varint | Self::Varuint => None,
        }
    }

    /// The smallest and the largest number of this type.
    pub const fn range(self) -> (i128, i128) {
        match self {
            Self::FixedInt(width) => {
                let half = 1i128 << (8 * width.bytes() - 1);
                (-half, half - 1)
            }
            Self::FixedUint(width) => (0, (1i128 << (8 * width.bytes())) - 1),
            Self::Varint => (i64::MIN as i128, i64::MAX as i128),
            Self::Varuint => (0, u64::MAX as i128),
        }
    }

    /// Whether the type holds this number.
    pub const fn holds(self, value: i128) -> bool {
        let (low, high) = self.range();
        value >= low && value <= high
    }
}

/// Named fields in the order of their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    version: Option<u64>,
    fields: Vec<Field>,
    /// Positions in `fields`, ascending by name; of equal names the first comes first.
    by_name: Vec<u32>,
    extent: Option<Extent>,
}

impl Object {
    /// An object with these fields.
    pub fn new(fields: impl IntoIterator<Item = Field>) -> Self {
        let fields: Vec<Field> = fields.into_iter().collect();
        let extent = match fields.is_empty() {
            true => Some(Extent::NOTHING),
            false => fields.iter().try_fold(Extent::of(0), |sum, field| sum.and(field.ty.extent()?)),
        };
        let by_name = sorted_by_name(fields.iter().map(Field::name));
        Self { version: None, fields, by_name, extent }
    }

    /// The same with a version, which the format has but neither reference can read.
    #[must_use]
    pub fn with_version(mut self, version: Option<u64>) -> Self {
        self.version = version;
        self
    }

    /// The version, when the object's version flag is set.
    pub const fn version(&self) -> Option<u64> {
        self.version
    }

    /// The fields in the order of their bytes.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The first field with this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.positions(name).first().map(|&at| &self.fields[at as usize])
    }

    /// The positions of all fields with this name, ascending.
    pub(crate) fn positions(&self, name: &str) -> &[u32] {
        run_of(&self.by_name, name, |at| &self.fields[at as usize].name)
    }
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    flags: u64,
    name: String,
    /// `,"name":` as data JSON has it: escaped once, copied with every record.
    json_key: Box<str>,
    aliases: Vec<String>,
    ty: Type,
    default: Option<Box<[u8]>>,
}

impl Field {
    /// A field without aliases and default.
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        let name = name.into();
        let json_key = json_key(&name);
        Self { flags: 0, name, json_key, aliases: Vec::new(), ty, default: None }
    }

    /// Adds a name under which the field was known before.
    #[must_use]
    pub fn alias(mut self, alias: impl Into<String>) -> Self {
        self.aliases.push(alias.into());
        self
    }

    /// Sets field flags. None is defined; those that were read are kept.
    #[must_use]
    pub fn with_flags(mut self, flags: u64) -> Self {
        self.flags = flags;
        self
    }

    /// Sets the default from its bytes in the data encoding of the field's type.
    ///
    /// # Errors
    /// [`SchemaErrorKind::DefaultValue`], unless the bytes are exactly one value of that type.
    pub fn with_default_bytes(mut self, bytes: impl Into<Box<[u8]>>) -> Result<Self, SchemaErrorKind> {
        let bytes = bytes.into();
        crate::value::check_exact(&self.ty, &bytes).map_err(SchemaErrorKind::DefaultValue)?;
        self.default = Some(bytes);
        Ok(self)
    }

    /// Field flags; none is defined.
    pub const fn flags(&self) -> u64 {
        self.flags
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `"name":` as data JSON has it, behind a comma unless it is the object's first.
    pub(crate) fn json_key(&self, first: bool) -> &[u8] {
        &self.json_key.as_bytes()[usize::from(first)..]
    }

    /// Earlier names.
    pub fn aliases(&self) -> &[String] {
        &self.aliases
    }

    /// The type.
    pub const fn ty(&self) -> &Type {
        &self.ty
    }

    /// The default in the data encoding of the type.
    pub fn default_bytes(&self) -> Option<&[u8]> {
        self.default.as_deref()
    }
}

/// As many items of one type as the schema says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedArray {
    len: u64,
    item: Box<Type>,
    extent: Option<Extent>,
}

impl FixedArray {
    /// `len` items of this type.
    pub fn new(len: u64, item: Type) -> Self {
        // None of the items takes no bytes, whatever the item; so only what takes bytes has no fixed length.
        let extent = match len {
            0 => Some(Extent::NOTHING),
            _ => item.extent().and_then(|extent| extent.times(len)),
        };
        Self { len, item: Box::new(item), extent }
    }

    /// How many items.
    #[expect(clippy::len_without_is_empty, reason = "the declared size of a type, not of a collection")]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Their type.
    pub const fn item(&self) -> &Type {
        &self.item
    }
}

/// One named value of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// The number on the wire.
    pub value: i128,
    /// Its name.
    pub name: String,
}

/// An integer whose values have names. Values without a name are legal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enum {
    underlying: IntegerType,
    symbols: Vec<Symbol>,
    /// Positions in `symbols`, ascending by value; of equal values only the first.
    by_value: Vec<u32>,
    /// Positions in `symbols`, ascending by name; of equal names the first comes first.
    by_name: Vec<u32>,
    /// What data JSON shows for each of `by_value`.
    json_texts: Vec<Box<str>>,
}

impl Enum {
    /// An enum over `underlying` with these symbols in the order of the schema.
    /// Symbols whose value the type does not hold are dropped: they could be neither written nor met.
    pub fn new(underlying: IntegerType, symbols: impl IntoIterator<Item = Symbol>) -> Self {
        let symbols: Vec<Symbol> = symbols.into_iter().filter(|symbol| underlying.holds(symbol.value)).collect();
        let mut by_value: Vec<u32> = (0..symbols.len() as u32).collect();
        by_value.sort_by_key(|&at| symbols[at as usize].value);
        by_value.dedup_by_key(|at| symbols[*at as usize].value);
        let by_name = sorted_by_name(symbols.iter().map(|symbol| symbol.name.as_str()));
        let mut enumeration = Self { underlying, symbols, by_value, by_name, json_texts: Vec::new() };
        enumeration.json_texts = enumeration.by_value.iter().map(|&at| enumeration.json_text(at)).collect();
        enumeration
    }

    /// The symbol's name in quotes, or its number when the name means another value.
    fn json_text(&self, at: u32) -> Box<str> {
        let symbol = &self.symbols[at as usize];
        match self.value_of(&symbol.name) == Some(symbol.value) {
            true => json_string(&symbol.name).into(),
            false => symbol.value.to_string().into(),
        }
    }

    /// The integer type of the values.
    pub const fn underlying(&self) -> IntegerType {
        self.underlying
    }

    /// All symbols in the order of the schema.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// The name of a value; of several the first, as both references do.
    pub fn name_of(&self, value: i128) -> Option<&str> {
        let at = self.rank_of(value)?;
        Some(&self.symbols[self.by_value[at] as usize].name)
    }

    /// What data JSON shows for a value that has a name.
    pub(crate) fn json_of(&self, value: i128) -> Option<&str> {
        self.rank_of(value).map(|at| &*self.json_texts[at])
    }

    /// Where in `by_value` a value is: mostly the values are 0, 1, 2, …
    fn rank_of(&self, value: i128) -> Option<usize> {
        let value_at = |&at: &u32| self.symbols[at as usize].value;
        let own = usize::try_from(value).ok();
        match own.filter(|&own| self.by_value.get(own).map(value_at) == Some(value)) {
            None => self.by_value.binary_search_by_key(&value, value_at).ok(),
            own => own,
        }
    }

    /// The value with this name; of several the first.
    pub fn value_of(&self, name: &str) -> Option<i128> {
        let run = run_of(&self.by_name, name, |at| &self.symbols[at as usize].name);
        run.first().map(|&at| self.symbols[at as usize].value)
    }
}

/// Positions of names, ascending by name; those of equal names stay in their order.
fn sorted_by_name<'a>(names: impl Iterator<Item = &'a str>) -> Vec<u32> {
    let mut order: Vec<(&str, u32)> = names.zip(0..).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, at)| at).collect()
}

/// The part of `order`, made by [`sorted_by_name`], that has this name.
fn run_of<'o, 'n>(order: &'o [u32], name: &str, name_at: impl Fn(u32) -> &'n str) -> &'o [u32] {
    let start = order.partition_point(|&at| name_at(at) < name);
    let len = order[start..].partition_point(|&at| name_at(at) == name);
    &order[start..start + len]
}

fn json_key(name: &str) -> Box<str> {
    format!(",{}:", json_string(name)).into()
}

fn json_string(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    append_json_string(text.as_bytes(), &mut out);
    // Escaping UTF-8 gives UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

/// Checks a tree made by hand against the limits that reading imposes, counting exactly as
/// reading does: the ends of objects and unions, and the type under an enum, count as well.
pub(super) fn check_size(ty: &Type, depth: usize, budget: &mut usize) -> Result<(), SchemaErrorKind> {
    spend_level(depth, budget)?;
    match ty {
        Type::Object(object) => {
            for field in &object.fields {
                spend(field.aliases.len(), budget)?;
                check_size(&field.ty, depth + 1, budget)?;
            }
            spend_level(depth + 1, budget)
        }
        Type::Enum(enumeration) => {
            spend_level(depth + 1, budget)?;
            spend(enumeration.symbols.len(), budget)
        }
        Type::Array(item) | Type::Map(item) => check_size(item, depth + 1, budget),
        Type::FixedArray(array) => check_size(&array.item, depth + 1, budget),
        Type::Union(members) => {
            members.iter().try_for_each(|member| check_size(member, depth + 1, budget))?;
            spend_level(depth + 1, budget)
        }
        _ => Ok(()),
    }
}

fn spend_level(depth: usize, budget: &mut usize) -> Result<(), SchemaErrorKind> {
    match depth < MAX_DEPTH {
        true => spend(1, budget),
        false => Err(SchemaErrorKind::TooDeep),
    }
}

fn spend(elements: usize, budget: &mut usize) -> Result<(), SchemaErrorKind> {
    *budget = budget.checked_sub(elements).ok_or(SchemaErrorKind::TooLarge)?;
    Ok(())
}
