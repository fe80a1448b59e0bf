//! Enums as text, each text stored once: a dictionary.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow_buffer::NullBuffer;
use tlog::schema::{Enum, IntegerType};
use tlog::value::{Cursor, ValueError, read_integer};

use crate::Result;

/// Values 0, 1, 2, … up to this find their text without a search.
const DIRECT: usize = 256;

/// A column of an enum's values so far.
#[derive(Clone, Debug)]
pub struct Symbols {
    underlying: IntegerType,
    /// Which text each value is.
    keys: Vec<i32>,
    /// Which text the values from 0 on have, if one that is known.
    direct: Vec<Option<i32>>,
    others: HashMap<i128, i32>,
    /// The texts: those of the schema, then those of values that have none, which are forgotten with each batch unless they are kept.
    texts: Texts,
    /// How many of them come from the schema.
    known: usize,
    /// Whether the others stay too.
    keeps: bool,
}

/// Texts without duplicates, and where each is.
#[derive(Clone, Debug, Default)]
struct Texts {
    texts: Vec<Arc<str>>,
    at: HashMap<Arc<str>, i32>,
}

impl Texts {
    fn add(&mut self, text: &str) -> i32 {
        if let Some(&at) = self.at.get(text) {
            return at;
        }
        let (text, at): (Arc<str>, _) = (text.into(), self.texts.len() as i32);
        self.texts.push(Arc::clone(&text));
        self.at.insert(text, at);
        at
    }

    fn truncate(&mut self, len: usize) {
        self.texts.truncate(len);
        self.at.retain(|_, &mut at| (at as usize) < len);
    }

    fn array(&self) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(&self.texts))
    }
}

impl Symbols {
    /// For values of this enum. A value has the text that data JSON shows: its symbol, unless that means another value.
    pub fn new(ty: &Enum, keeps: bool) -> Self {
        let mut symbols = Self {
            underlying: ty.underlying(),
            keys: Vec::new(),
            direct: vec![None; DIRECT],
            others: HashMap::new(),
            texts: Texts::default(),
            known: 0,
            keeps,
        };
        for symbol in ty.symbols() {
            symbols.learn(ty, symbol.value);
        }
        symbols.known = symbols.texts.texts.len();
        symbols
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn push(&mut self, ty: &Enum, cursor: &mut Cursor<'_>) -> Result<(), ValueError> {
        let value = read_integer(self.underlying, cursor)?;
        self.push_value(ty, value);
        Ok(())
    }

    /// Adds the value.
    pub fn push_value(&mut self, ty: &Enum, value: i128) {
        let direct = usize::try_from(value).ok().and_then(|at| self.direct.get(at).copied().flatten());
        let known = direct.or_else(|| self.others.get(&value).copied());
        let key = known.unwrap_or_else(|| self.learn(ty, value));
        self.keys.push(key);
    }

    fn learn(&mut self, ty: &Enum, value: i128) -> i32 {
        let symbol = ty.name_of(value).filter(|name| ty.value_of(name) == Some(value));
        let key = match symbol {
            Some(symbol) => self.texts.add(symbol),
            None => self.texts.add(&value.to_string()),
        };
        match usize::try_from(value).ok().and_then(|at| self.direct.get_mut(at)) {
            Some(direct) => *direct = Some(key),
            None => drop(self.others.insert(value, key)),
        }
        key
    }

    pub fn pad(&mut self, count: usize) {
        self.keys.resize(self.keys.len() + count, 0);
    }

    pub fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        if self.texts.texts.is_empty() {
            // Missing values need a key all the same.
            self.texts.add("");
        }
        let array = dictionary(&mut self.keys, nulls, self.texts.array())?;
        if self.texts.texts.len() > self.known && !self.keeps {
            let known = self.known;
            self.texts.truncate(known);
            let is_known = |key: i32| (key as usize) < known;
            self.direct.iter_mut().for_each(|key| *key = key.filter(|&key| is_known(key)));
            self.others.retain(|_, &mut key| is_known(key));
        }
        Ok(array)
    }
}

/// Which member each union is.
#[derive(Clone, Debug)]
pub struct Tags {
    keys: Vec<i32>,
    labels: ArrayRef,
}

impl Tags {
    /// For a union whose members have these labels.
    pub fn new(labels: impl IntoIterator<Item = String>) -> Self {
        let mut labels: Vec<String> = labels.into_iter().collect();
        if labels.is_empty() {
            labels.push(String::new());
        }
        Self { keys: Vec::new(), labels: Arc::new(StringArray::from_iter_values(labels)) }
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn push(&mut self, member: usize) {
        self.keys.push(member as i32);
    }

    pub fn pad(&mut self, count: usize) {
        self.keys.resize(self.keys.len() + count, 0);
    }

    pub fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        dictionary(&mut self.keys, nulls, Arc::clone(&self.labels))
    }
}

fn dictionary(keys: &mut Vec<i32>, nulls: Option<NullBuffer>, texts: ArrayRef) -> Result<ArrayRef> {
    let keys = Int32Array::new(std::mem::take(keys).into(), nulls);
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, texts)?))
}
