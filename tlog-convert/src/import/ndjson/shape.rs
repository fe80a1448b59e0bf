//! What all values at one place have in common, and how each is then written.

use std::collections::HashMap;

use tlog::schema::{Field, Object, Type, Width};
use tlog::value::put_varuint;

use super::json::Json;
use crate::import::moment;
use crate::import::names::Names;

/// What nests deeper is text; a schema has room for more.
pub const MAX_NESTING: usize = 24;

/// An object with more different names is taken for text: its names are data.
const MAX_NAMES: usize = 1 << 16;

/// Longer lists of equal length are arrays all the same.
const MAX_FIXED: usize = 256;

/// What the values at one place have been.
#[derive(Debug, Default)]
pub struct Shape {
    /// Whether there was a null, or nothing in an object that is there.
    is_optional: bool,
    /// Whether it would nest too deep.
    is_deep: bool,
    leaf: Leaf,
    list: Option<Box<List>>,
    object: Option<Box<Fields>>,
}

#[derive(Debug, Default)]
struct Leaf {
    bools: bool,
    ints: bool,
    negatives: bool,
    /// Whole numbers that only a u64 holds.
    large: bool,
    /// Whole numbers that a float64 would round.
    exact: bool,
    floats: bool,
    /// `NaN` and the infinities, which JSON has as text only.
    specials: bool,
    times: bool,
    texts: bool,
}

#[derive(Debug)]
struct List {
    item: Shape,
    len: usize,
    is_even: bool,
}

#[derive(Debug, Default)]
struct Fields {
    /// How many objects there were.
    count: u64,
    /// Names in the order of their first appearance.
    all: Vec<Place>,
    by_name: HashMap<String, usize>,
    /// Whether there are too many names.
    is_text: bool,
}

#[derive(Debug)]
struct Place {
    name: String,
    shape: Shape,
    /// In how many objects it was, and which was the last.
    count: u64,
    last: u64,
}

/// So many shapes may be made, each for one and for its name; a hostile input would have more with every line.
pub struct Budget(pub usize);

impl Budget {
    /// Takes the cost of one with this name; nothing if there is not so much left.
    pub fn spend(&mut self, name: &str) -> Option<()> {
        let left = self.0.checked_sub(1 + name.len() / 32);
        self.0 = left.unwrap_or(0);
        left.map(drop)
    }
}

impl Shape {
    /// Takes a value into account. Nothing if there are more shapes than the budget.
    pub fn see(&mut self, value: &Json<'_>, budget: &mut Budget, depth: usize) -> Option<()> {
        match value {
            Json::Null => self.is_optional = true,
            Json::Array(_) | Json::Object(_) if depth >= MAX_NESTING => self.is_deep = true,
            Json::Array(items) => self.see_list(items, budget, depth)?,
            Json::Object(fields) => self.see_object(fields, budget, depth)?,
            leaf => self.leaf.see(leaf),
        }
        Some(())
    }

    fn see_list(&mut self, items: &[Json<'_>], budget: &mut Budget, depth: usize) -> Option<()> {
        if self.list.is_none() {
            budget.spend("")?;
        }
        let first = || Box::new(List { item: Self::default(), len: items.len(), is_even: true });
        let list = self.list.get_or_insert_with(first);
        list.is_even &= list.len == items.len();
        items.iter().try_for_each(|item| list.item.see(item, budget, depth + 1))
    }

    fn see_object(
        &mut self,
        fields: &[(std::borrow::Cow<'_, str>, Json<'_>)],
        budget: &mut Budget,
        depth: usize,
    ) -> Option<()> {
        let object = self.object.get_or_insert_default();
        object.count += 1;
        for (name, value) in fields {
            if object.is_text {
                return Some(());
            }
            let at = match object.by_name.get(name.as_ref()) {
                Some(&at) => at,
                None => {
                    budget.spend(name)?;
                    object.by_name.insert(name.to_string(), object.all.len());
                    object.all.push(Place { name: name.to_string(), shape: Self::default(), count: 0, last: 0 });
                    object.is_text = object.all.len() > MAX_NAMES;
                    object.all.len() - 1
                }
            };
            if let Some(place) = object.all.get_mut(at) {
                place.count += u64::from(place.last != object.count);
                place.last = object.count;
                place.shape.see(value, budget, depth + 1)?;
            }
        }
        Some(())
    }

    /// Forgets a field of objects.
    pub fn remove(&mut self, name: &str) {
        if let Some(object) = &mut self.object {
            object.all.retain(|place| place.name != name);
        }
    }

    /// How values of this shape are written.
    pub fn plan(self) -> Plan {
        let is_optional = self.is_optional;
        let form = match (self.leaf.form(), self.list, self.object) {
            _ if self.is_deep => Form::Mixed,
            (Some(None), None, None) => Form::Null,
            (Some(None), Some(list), None) => list.form(),
            (Some(None), None, Some(object)) if !object.is_text => object.form(),
            (Some(Some(form)), None, None) => form,
            _ => Form::Mixed,
        };
        Plan { is_optional: is_optional && !matches!(form, Form::Null), form }
    }
}

impl Leaf {
    fn see(&mut self, value: &Json<'_>) {
        match value {
            Json::Bool(_) => self.bools = true,
            Json::Int(value) => {
                self.ints = true;
                self.negatives |= *value < 0;
                self.exact |= value.unsigned_abs() > 1 << 53;
            }
            Json::Large(_) => (self.large, self.exact) = (true, true),
            Json::Float(_) => self.floats = true,
            Json::Text(text) if special(text).is_some() => self.specials = true,
            Json::Text(text) if moment::is_canonical(text) => self.times = true,
            Json::Text(_) => self.texts = true,
            Json::Null | Json::Array(_) | Json::Object(_) => {}
        }
    }

    /// What all leaves can be: `Some(None)` if there were none, nothing if they are too different.
    fn form(&self) -> Option<Option<Form>> {
        let numbers = self.ints || self.large || self.floats;
        let form = match (numbers, self.bools, self.specials, self.times, self.texts) {
            (false, false, false, false, false) => return Some(None),
            (false, true, false, false, false) => Form::Bool,
            (false, false, true, false, false) => Form::Float,
            (false, false, false, true, false) => Form::Time,
            (false, false, _, _, _) => Form::Text,
            // What RFC 3339 cannot write is shown as whole microseconds.
            (true, false, false, true, false) if !self.floats && !self.large => Form::Time,
            (true, false, specials, false, false) => match (self.floats || specials, self.large, self.negatives) {
                (false, false, _) => Form::Int,
                (false, true, false) => Form::Uint,
                (true, _, _) if !self.exact => Form::Float,
                _ => return None,
            },
            _ => return None,
        };
        Some(Some(form))
    }
}

impl List {
    fn form(self) -> Form {
        let fixed = (self.is_even && self.len > 0 && self.len <= MAX_FIXED).then_some(self.len as u64);
        let mut item = self.item.plan();
        if item.ty().fixed_len() == Some(0) {
            // Items without bytes could be any number.
            let is_optional = matches!(item.form, Form::Null);
            item = Plan { is_optional, form: Form::Mixed };
        }
        Form::List { item: Box::new(item), fixed }
    }
}

impl Fields {
    fn form(self) -> Form {
        let (mut names, mut by_name, mut fields) = (Names::default(), HashMap::new(), Vec::new());
        for Place { name, mut shape, count, .. } in self.all {
            shape.is_optional |= count < self.count;
            by_name.insert(name.clone(), fields.len());
            fields.push((names.take(&name), shape.plan()));
        }
        Form::Object { fields, by_name }
    }
}

/// How values at one place are written.
#[derive(Debug)]
pub struct Plan {
    is_optional: bool,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Null,
    Bool,
    Int,
    Uint,
    Float,
    Time,
    Text,
    /// Too different to have a type: as JSON text.
    Mixed,
    List {
        item: Box<Plan>,
        fixed: Option<u64>,
    },
    Object {
        fields: Vec<(String, Plan)>,
        by_name: HashMap<String, usize>,
    },
}

impl Plan {
    /// The type of the values.
    pub fn ty(&self) -> Type {
        let ty = match &self.form {
            Form::Null => Type::Null,
            Form::Bool => Type::Boolean,
            Form::Int => Type::FixedInt(Width::W8),
            Form::Uint => Type::FixedUint(Width::W8),
            Form::Float => Type::Float64,
            Form::Time => Type::Timestamp,
            Form::Text | Form::Mixed => Type::String,
            Form::List { item, fixed: None } => Type::array(item.ty()),
            Form::List { item, fixed: Some(len) } => Type::fixed_array(*len, item.ty()),
            Form::Object { fields, .. } => {
                Object::new(fields.iter().map(|(name, plan)| Field::new(name, plan.ty()))).into()
            }
        };
        if self.is_optional { Type::optional(ty) } else { ty }
    }

    /// Passes on the names that fields have in the log where they are not those of the input, and which places hold
    /// JSON as text.
    pub fn each_change(&self, path: &str, tell: &mut impl FnMut(String)) {
        match &self.form {
            Form::Mixed => tell(format!("{path} holds values of different types, as JSON text")),
            Form::List { item, .. } => item.each_change(&format!("{path}[]"), tell),
            Form::Object { fields, by_name } => {
                let mut names: Vec<(&String, &usize)> = by_name.iter().collect();
                names.sort_unstable_by_key(|(_, at)| **at);
                for ((old, _), (new, plan)) in names.into_iter().zip(fields) {
                    let path = format!("{path}.{new}");
                    if old != new {
                        tell(format!("{path} was {old:?}"));
                    }
                    plan.each_change(&path, tell);
                }
            }
            _ => {}
        }
    }

    /// Appends a value; nothing if it is not of this shape.
    pub fn encode(&self, value: Option<&Json<'_>>, out: &mut Vec<u8>) -> Option<()> {
        match value.filter(|value| **value != Json::Null) {
            None if matches!(self.form, Form::Null) => Some(()),
            None => {
                out.push(0);
                self.is_optional.then_some(())
            }
            Some(value) => {
                out.extend(self.is_optional.then_some(1));
                self.form.encode(value, out)
            }
        }
    }
}

impl Form {
    fn encode(&self, value: &Json<'_>, out: &mut Vec<u8>) -> Option<()> {
        match (self, value) {
            (Self::Bool, Json::Bool(value)) => out.push(u8::from(*value)),
            (Self::Int | Self::Time, Json::Int(value)) => out.extend(value.to_le_bytes()),
            (Self::Uint, Json::Int(value)) => out.extend(u64::try_from(*value).ok()?.to_le_bytes()),
            (Self::Uint, Json::Large(value)) => out.extend(value.to_le_bytes()),
            (Self::Float, Json::Int(value)) => out.extend((*value as f64).to_le_bytes()),
            (Self::Float, Json::Float(value)) => out.extend(value.to_le_bytes()),
            (Self::Float, Json::Text(text)) => out.extend(special(text)?.to_le_bytes()),
            (Self::Time, Json::Text(text)) => out.extend(moment::parse(text, moment::Form::Text)?.0.to_le_bytes()),
            (Self::Text, Json::Text(text)) => put_text(text, out),
            (Self::Mixed, value) => {
                let mut text = String::new();
                value.write(&mut text);
                put_text(&text, out);
            }
            (Self::List { item, fixed }, Json::Array(items)) => {
                match fixed {
                    Some(len) if *len != items.len() as u64 => return None,
                    Some(_) => {}
                    None => put_varuint(items.len() as u64, out),
                }
                return items.iter().try_for_each(|value| item.encode(Some(value), out));
            }
            (Self::Object { fields, by_name }, Json::Object(values)) => {
                let mut found: Vec<Option<&Json<'_>>> = vec![None; fields.len()];
                for (name, value) in values {
                    *found.get_mut(*by_name.get(name.as_ref())?)? = Some(value);
                }
                return fields.iter().zip(found).try_for_each(|((_, plan), value)| plan.encode(value, out));
            }
            _ => return None,
        }
        Some(())
    }
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    put_varuint(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

fn special(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}
