//! Fields by name.

use std::collections::HashMap;

use super::build::{Builder, Plan, Refused};
use super::program::{Op, Program, push};
use crate::schema::{Field, Object, Type};

/// Where a reader's field comes from.
enum Source<'s> {
    /// The writer's field with this index.
    Field(usize, Plan),
    Default(&'s [u8]),
}

impl Builder {
    pub(super) fn objects(&mut self, from: &Object, to: &Object) -> Result<Plan, Refused> {
        let mut sources = Vec::with_capacity(to.fields().len());
        for (field, origin) in to.fields().iter().zip(origins(from.fields(), to.fields())) {
            let dot = if self.path.is_empty() { "" } else { "." };
            let step = format!("{dot}{}", field.name());
            sources.push(self.within(&step, |this| this.source(field, origin, from.fields())));
        }
        // Only now, so that all fields have told their problems.
        let sources: Vec<Source<'_>> = sources.into_iter().collect::<Result<_, Refused>>()?;
        Ok(plan(from.fields(), sources))
    }

    fn source<'s>(&mut self, field: &'s Field, origin: Option<usize>, from: &[Field]) -> Result<Source<'s>, Refused> {
        match (origin, field.default_bytes()) {
            (Some(index), _) => Ok(Source::Field(index, self.value(from[index].ty(), field.ty())?)),
            (None, Some(default)) => Ok(Source::Default(default)),
            (None, None) => self.refuse(|| "the writer has no such field, and it has no default".to_owned()),
        }
    }
}

/// For each reader's field, the index of the writer's field that it takes.
fn origins(from: &[Field], to: &[Field]) -> Vec<Option<usize>> {
    let aliases = |(at, field)| Field::aliases(field).iter().map(move |alias| (alias.as_str(), at));
    let mut free = vec![true; from.len()];
    let mut by_name = index(from.iter().enumerate().map(|(at, field)| (field.name(), at)));
    let mut by_alias = index(from.iter().enumerate().flat_map(aliases));

    let mut origins: Vec<_> = to.iter().map(|field| take(&mut by_name, field.name(), &mut free)).collect();
    for (origin, field) in origins.iter_mut().zip(to) {
        let by_own_alias = || field.aliases().iter().find_map(|alias| take(&mut by_name, alias, &mut free));
        *origin = origin.or_else(by_own_alias);
    }
    for (origin, field) in origins.iter_mut().zip(to) {
        *origin = origin.or_else(|| take(&mut by_alias, field.name(), &mut free));
    }
    origins
}

/// Positions by name, of equal names the last first.
fn index<'s>(named: impl DoubleEndedIterator<Item = (&'s str, usize)>) -> HashMap<&'s str, Vec<usize>> {
    let mut index: HashMap<_, Vec<usize>> = HashMap::new();
    named.rev().for_each(|(name, at)| index.entry(name).or_default().push(at));
    index
}

/// The first position with this name that is still free.
fn take(index: &mut HashMap<&str, Vec<usize>>, name: &str, free: &mut [bool]) -> Option<usize> {
    let positions = index.get_mut(name)?;
    std::iter::from_fn(|| positions.pop()).find(|at| std::mem::replace(&mut free[*at], false))
}

fn plan(from: &[Field], sources: Vec<Source<'_>>) -> Plan {
    let same =
        |(position, source): (usize, &Source<'_>)| matches!(source, Source::Field(at, Plan::Same) if *at == position);
    if sources.len() == from.len() && sources.iter().enumerate().all(same) {
        return Plan::Same;
    }
    let taken: Vec<usize> = sources.iter().filter_map(Source::index).collect();
    Plan::Run(if taken.is_sorted() { in_order(from, sources) } else { in_any_order(from, sources, &taken) })
}

/// One pass over the writer's fields.
fn in_order(from: &[Field], sources: Vec<Source<'_>>) -> Program {
    let mut program = Program::new();
    let mut next = 0;
    for source in sources {
        if let Some(at) = source.index() {
            from[next..at].iter().for_each(|field| drop_value(&mut program, field.ty()));
            next = at + 1;
        }
        source.append_to(&mut program, from);
    }
    from[next..].iter().for_each(|field| drop_value(&mut program, field.ty()));
    program
}

/// Over all of the writer's fields to mark the positions of those that are taken and of the end, then back to each.
fn in_any_order(from: &[Field], sources: Vec<Source<'_>>, taken: &[usize]) -> Program {
    let mut program = Program::new();
    let mut marks = 0;
    let mut mark_of = vec![None; from.len()];
    taken.iter().for_each(|at| mark_of[*at] = Some(0));
    for (field, mark) in from.iter().zip(&mut mark_of) {
        if let Some(mark) = mark {
            *mark = marks;
            marks += 1;
            push(&mut program, Op::Mark);
        }
        drop_value(&mut program, field.ty());
    }
    push(&mut program, Op::Mark);
    for source in sources {
        if let Some(mark) = source.index().and_then(|at| mark_of[at]) {
            push(&mut program, Op::Goto(marks - mark));
        }
        source.append_to(&mut program, from);
    }
    push(&mut program, Op::Goto(0));
    push(&mut program, Op::Unmark(marks + 1));
    program
}

impl Source<'_> {
    const fn index(&self) -> Option<usize> {
        match self {
            Self::Field(at, _) => Some(*at),
            Self::Default(_) => None,
        }
    }

    fn append_to(self, program: &mut Program, from: &[Field]) {
        match self {
            Self::Field(at, plan) => plan.append_to(program, from[at].ty()),
            Self::Default(bytes) => push(program, Op::Literal(bytes.to_vec())),
        }
    }
}

fn drop_value(program: &mut Program, ty: &Type) {
    push(program, ty.fixed_len().map_or_else(|| Op::DropValue(ty.clone()), Op::Drop));
}
