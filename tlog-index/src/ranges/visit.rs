//! Taking the numbers of a payload into account.

use tlog::value::{Cursor, ValueError, ValueErrorKind, skip};
use tlog::wire::varuint;

use super::layout::{Fixed, Node};
use super::stat::Stat;

/// Goes over one value. The depth is that of the schema, and every item has at least a byte, as there is a number in
/// it: both the stack and the time are bounded.
pub(super) fn visit(node: &Node, cursor: &mut Cursor<'_>, stats: &mut [Stat]) -> Result<(), ValueError> {
    match node {
        Node::Fixed(fixed) => fixed.add(cursor.bytes(fixed.len as u64)?, stats),
        Node::Integer { zigzag, field } => integer(*zigzag, cursor.varuint()?, stats.get_mut(*field)),
        Node::Skip(ty) => skip(ty, cursor)?,
        Node::Parts(parts) => parts.iter().try_for_each(|part| visit(part, cursor, stats))?,
        Node::Items { len, item } => {
            let len = len.map_or_else(|| cursor.varuint(), Ok)?;
            (0..len).try_for_each(|_| visit(item, cursor, stats))?;
        }
        Node::Values(value) => {
            for _ in 0..cursor.varuint()? {
                cursor.sized_bytes()?;
                visit(value, cursor, stats)?;
            }
        }
        Node::Union(members) => {
            let index = cursor.varuint()?;
            let member = usize::try_from(index).ok().and_then(|at| members.get(at));
            let wrong = ValueErrorKind::UnionIndex { index, members: members.len() };
            visit(member.ok_or_else(|| cursor.fail(wrong))?, cursor, stats)?;
        }
    }
    Ok(())
}

fn integer(zigzag: bool, value: u64, stat: Option<&mut Stat>) {
    match (stat, zigzag) {
        (Some(stat), true) => stat.int(varuint::unzigzag(value)),
        (Some(stat), false) => stat.uint(value),
        (None, _) => {}
    }
}

impl Fixed {
    /// Takes the numbers in `bytes`, which are as many as this is long, into account.
    #[inline] // once per record: `benches/index`
    pub fn add(&self, bytes: &[u8], stats: &mut [Stat]) {
        let stats = stats.get_mut(self.first..).unwrap_or_default();
        for (&(offset, kind), stat) in self.numbers.iter().zip(stats) {
            kind.add(bytes.get(offset..).unwrap_or(&[]), stat);
        }
    }
}
