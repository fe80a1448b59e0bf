//! The fields of a record as a tree of statistics, filled from Arrow columns of the same form.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, UInt64Array};
use arrow_schema::{DataType, Field, FieldRef};
use arrow_select::take::take;
use tlog::value::{Path, Segment};

use super::Spot;
use super::leaf::{FieldStats, Leaf};
use super::view::View;
use crate::Result;
use crate::columns::Columns;

/// Of a map, so many keys are told apart.
pub const MAX_KEYS: usize = 64;

/// Keys are told apart where a value has at most so many fields.
const MAX_KEYED: usize = 64;

/// What is told of one field, or of several together.
#[derive(Clone, Debug)]
pub enum Node {
    /// Nothing: it was not asked for.
    Nothing,
    /// A scalar.
    Leaf(Leaf),
    /// The fields of an object, the items of a fixed array.
    Each(Vec<Self>),
    /// All items of an array.
    Items(Box<Self>),
    /// The values of a map.
    Keys(Box<Keys>),
}

/// The values of a map.
#[derive(Clone, Debug)]
pub struct Keys {
    /// By key, in the order in which they came first.
    named: Vec<(String, Node)>,
    at: HashMap<String, usize>,
    /// How many there may be.
    most: usize,
    /// Those of all others.
    others: Node,
}

/// Which fields are wanted, and how many more there may be.
pub struct Wanted<'a> {
    pub fields: &'a [String],
    pub left: usize,
}

impl Wanted<'_> {
    fn wants(&self, name: &str) -> bool {
        let is_in = |field: &String| {
            name.strip_prefix(field.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.fields.is_empty() || self.fields.iter().any(is_in)
    }
}

/// Memory to work in.
#[derive(Debug, Default)]
pub struct Scratch {
    pub floats: Vec<f64>,
}

/// What leaves are filled with beside values.
pub struct Filling<'a> {
    pub spot: &'a dyn Fn(usize) -> Spot,
    pub scratch: &'a mut Scratch,
}

/// Passes a name on, extended.
fn with_name<T>(name: &mut String, segment: &str, act: impl FnOnce(&mut String) -> T) -> T {
    let before = name.len();
    let written: Path = [Segment::Name(segment.into())].into_iter().collect();
    let written = written.to_string();
    if before > 0 && !written.starts_with('[') {
        name.push('.');
    }
    name.push_str(&written);
    let done = act(name);
    name.truncate(before);
    done
}

fn with_suffix<T>(name: &mut String, suffix: &str, act: impl FnOnce(&mut String) -> T) -> T {
    let before = name.len();
    name.push_str(suffix);
    let done = act(name);
    name.truncate(before);
    done
}

impl Node {
    /// The fields of a record without its time; `None` if there would be too many.
    pub fn of_record(columns: &Columns, wanted: &mut Wanted<'_>) -> Option<Self> {
        let fields = columns.schema().fields().get(1..).unwrap_or_default();
        Self::each_of(fields.iter().map(AsRef::as_ref), wanted, &mut String::new())
    }

    fn each_of<'f>(
        fields: impl Iterator<Item = &'f Field>,
        wanted: &mut Wanted<'_>,
        name: &mut String,
    ) -> Option<Self> {
        let of = |field: &Field| with_name(name, field.name(), |name| Self::of(field, wanted, name));
        fields.map(of).collect::<Option<Vec<Self>>>().map(Self::Each)
    }

    fn of(field: &Field, wanted: &mut Wanted<'_>, name: &mut String) -> Option<Self> {
        match field.data_type() {
            DataType::Struct(fields) => Self::each_of(fields.iter().map(AsRef::as_ref), wanted, name),
            DataType::FixedSizeList(item, len) => {
                let of = |at| with_suffix(name, &format!("[{at}]"), |name| Self::of(item, wanted, name));
                (0..*len).map(of).collect::<Option<Vec<Self>>>().map(Self::Each)
            }
            DataType::List(item) => {
                let mut item = with_suffix(name, "[]", |name| Self::of(item, wanted, name))?;
                item.forget_order();
                Some(Self::Items(Box::new(item)))
            }
            DataType::Map(entries, _) => {
                let left = wanted.left;
                let mut others = with_suffix(name, "[]", |name| Self::of(value_field(entries)?, wanted, name))?;
                others.forget_order();
                let fields = left - wanted.left;
                let keyed = fields.saturating_mul(MAX_KEYS);
                let most = if (1..=MAX_KEYED).contains(&fields) && keyed <= wanted.left { MAX_KEYS } else { 0 };
                wanted.left -= if most > 0 { keyed } else { 0 };
                Some(Self::Keys(Box::new(Keys { named: Vec::new(), at: HashMap::new(), most, others })))
            }
            _ if !wanted.wants(name) => Some(Self::Nothing),
            _ => {
                wanted.left = wanted.left.checked_sub(1)?;
                Some(Self::Leaf(Leaf::new(field)))
            }
        }
    }

    /// Values of one instance come together: how they count up means nothing.
    fn forget_order(&mut self) {
        match self {
            Self::Nothing => {}
            Self::Leaf(leaf) => leaf.forget_order(),
            Self::Each(nodes) => nodes.iter_mut().for_each(Self::forget_order),
            Self::Items(node) => node.forget_order(),
            Self::Keys(keys) => keys.others.forget_order(),
        }
    }

    /// Whether no values were added.
    fn is_empty(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Leaf(leaf) => leaf.is_empty(),
            Self::Each(nodes) => nodes.iter().all(Self::is_empty),
            Self::Items(node) => node.is_empty(),
            Self::Keys(keys) => keys.named.is_empty() && keys.others.is_empty(),
        }
    }

    /// Gives each field so many cells for quantiles.
    pub fn set_cells(&mut self, cells: usize) {
        match self {
            Self::Nothing => {}
            Self::Leaf(leaf) => leaf.set_cells(cells),
            Self::Each(nodes) => nodes.iter_mut().for_each(|node| node.set_cells(cells)),
            Self::Items(node) => node.set_cells(cells),
            Self::Keys(keys) => {
                keys.named.iter_mut().for_each(|(_, node)| node.set_cells(cells));
                keys.others.set_cells(cells);
            }
        }
    }

    /// The same, without any values yet, for about so many.
    pub fn fresh(&self, more: usize) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Leaf(leaf) => Self::Leaf(leaf.fresh(more)),
            Self::Each(nodes) => Self::Each(nodes.iter().map(|node| node.fresh(more)).collect()),
            Self::Items(node) => Self::Items(Box::new(node.fresh(more))),
            Self::Keys(keys) => Self::Keys(Box::new(Keys {
                named: Vec::new(),
                at: HashMap::new(),
                most: keys.most,
                others: keys.others.fresh(more),
            })),
        }
    }

    /// Adds so many rows of these columns.
    pub fn add_batch(&mut self, arrays: &[ArrayRef], rows: usize, filling: &mut Filling<'_>) -> Result<()> {
        let Self::Each(nodes) = self else { return Ok(()) };
        nodes.iter_mut().zip(arrays).try_for_each(|(node, array)| node.add(array, &View::all(rows), filling))
    }

    fn add(&mut self, array: &ArrayRef, view: &View, filling: &mut Filling<'_>) -> Result<()> {
        match (self, array.data_type()) {
            (Self::Nothing, _) => Ok(()),
            (Self::Each(nodes), DataType::Struct(_)) => {
                let (array, view) = (array.as_struct(), view.without(array.nulls()));
                nodes.iter_mut().zip(array.columns()).try_for_each(|(node, array)| node.add(array, &view, filling))
            }
            (Self::Each(nodes), DataType::FixedSizeList(..)) => {
                let (array, len) = (array.as_fixed_size_list(), nodes.len());
                let view = view.without(array.nulls());
                let mut items = nodes.iter_mut().enumerate();
                items.try_for_each(|(at, node)| node.add(array.values(), &view.item(at, len), filling))
            }
            (Self::Items(node), DataType::List(_)) => {
                let array = array.as_list::<i32>();
                let view = view.without(array.nulls());
                match view.run(array.value_offsets()) {
                    Some(items) => node.add(array.values(), &items, filling),
                    None => {
                        let places = UInt64Array::from(view.places(array.value_offsets()));
                        node.add(&take(array.values(), &places, None)?, &View::all(places.len()), filling)
                    }
                }
            }
            (Self::Keys(keys), DataType::Map(..)) => keys.add(array, view, filling),
            (Self::Leaf(leaf), _) => {
                leaf.add(array, &view.without(array.nulls()), filling);
                Ok(())
            }
            // A tree is made from the very fields that it is filled by.
            _ => Ok(()),
        }
    }

    /// Adds the values of a part behind this one.
    pub fn merge(&mut self, later: Self) {
        match (self, later) {
            (Self::Leaf(leaf), Self::Leaf(later)) => leaf.merge(&later),
            (Self::Each(nodes), Self::Each(later)) => nodes.iter_mut().zip(later).for_each(|(a, b)| a.merge(b)),
            (Self::Items(node), Self::Items(later)) => node.merge(*later),
            (Self::Keys(keys), Self::Keys(later)) => keys.merge(*later),
            _ => {}
        }
    }

    /// Passes on each field of a record with these columns, that of time in front.
    pub fn each<E>(&self, columns: &Columns, each: &mut dyn FnMut(FieldStats<'_>) -> Result<(), E>) -> Result<(), E> {
        let fields = columns.schema().fields().get(1..).unwrap_or_default();
        self.told_each(fields, &mut String::new(), each)
    }

    fn told_each<E>(
        &self,
        fields: &[FieldRef],
        name: &mut String,
        each: &mut dyn FnMut(FieldStats<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self::Each(nodes) = self else { return Ok(()) };
        let mut fields = fields.iter().zip(nodes);
        fields.try_for_each(|(field, node)| with_name(name, field.name(), |name| node.told(field, name, each)))
    }

    fn told<E>(
        &self,
        field: &Field,
        name: &mut String,
        each: &mut dyn FnMut(FieldStats<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match (self, field.data_type()) {
            (Self::Leaf(leaf), _) => each(leaf.told(name)),
            (Self::Each(_), DataType::Struct(fields)) => self.told_each(fields, name, each),
            (Self::Each(nodes), DataType::FixedSizeList(item, _)) => {
                let mut items = nodes.iter().enumerate();
                items.try_for_each(|(at, node)| {
                    with_suffix(name, &format!("[{at}]"), |name| node.told(item, name, each))
                })
            }
            (Self::Items(node), DataType::List(item)) => with_suffix(name, "[]", |name| node.told(item, name, each)),
            (Self::Keys(keys), DataType::Map(entries, _)) => keys.told(entries, name, each),
            _ => Ok(()),
        }
    }
}

/// The field of the values of a map with entries of this field.
fn value_field(entries: &Field) -> Option<&Field> {
    match entries.data_type() {
        DataType::Struct(fields) => fields.get(1).map(AsRef::as_ref),
        _ => None,
    }
}

impl Keys {
    fn add(&mut self, array: &ArrayRef, view: &View, filling: &mut Filling<'_>) -> Result<()> {
        let array = array.as_map();
        let (keys, values) = (array.keys().as_string::<i32>(), array.values());
        // By position among the keys; the last is for all others.
        let mut places: Vec<Vec<u64>> = vec![Vec::new(); self.named.len()];
        let mut others = Vec::new();
        for place in view.without(array.nulls()).places(array.value_offsets()) {
            match self.position(keys.value(place as usize)) {
                Some(at) => {
                    places.resize(places.len().max(at + 1), Vec::new());
                    places.get_mut(at).into_iter().for_each(|places| places.push(place));
                }
                None => others.push(place),
            }
        }
        let nodes = self.named.iter_mut().map(|(_, node)| node).zip(places);
        for (node, places) in nodes.chain([(&mut self.others, others)]).filter(|(_, places)| !places.is_empty()) {
            let count = places.len();
            node.add(&take(values, &UInt64Array::from(places), None)?, &View::all(count), filling)?;
        }
        Ok(())
    }

    /// Where the values of this key are, which is added if it is new and there is room.
    fn position(&mut self, key: &str) -> Option<usize> {
        if let Some(&at) = self.at.get(key) {
            return Some(at);
        }
        let at = self.named.len();
        (at < self.most).then(|| {
            self.at.insert(key.to_owned(), at);
            self.named.push((key.to_owned(), self.others.fresh(0)));
            at
        })
    }

    fn merge(&mut self, later: Self) {
        for (key, values) in later.named {
            let known = self.position(&key).and_then(|at| self.named.get_mut(at));
            known.map_or(&mut self.others, |(_, node)| node).merge(values);
        }
        self.others.merge(later.others);
    }

    fn told<E>(
        &self,
        entries: &Field,
        name: &mut String,
        each: &mut dyn FnMut(FieldStats<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(field) = value_field(entries) else { return Ok(()) };
        for (key, node) in &self.named {
            with_name(name, key, |name| node.told(field, name, each))?;
        }
        match self.others.is_empty() && !self.named.is_empty() {
            true => Ok(()),
            false => with_suffix(name, "[]", |name| self.others.told(field, name, each)),
        }
    }
}
