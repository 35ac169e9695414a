//! A compared value as a list of rows: which rows stand on the page, which are folded, and which were never opened.
//!
//! Every value has a number in the order of reading, so that all values inside one stand directly behind it. [`Folds`] is
//! what a person has opened. Nothing is left out without a row that says how much.

mod item;

pub use self::item::{EARLIER, Item, KEY, VALUE};
use super::{
    compare::{Branch, State},
    folding::{Inside, OPEN_ROWS, ROWS},
};

/// Rows in which an object or array lies that opens in full width, with its path above it, instead of below its row.
pub const DEEP: usize = 4;

/// So many more rows are opened by one press of "Expand all": a page of more would freeze.
pub const EVERY: usize = 4_000;

/// A value and all values in it, in the order of reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline(Vec<Item>);

/// A row on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The value; of a rest, the value that the rest lies in.
    pub id: usize,
    /// Whether it stands for the values in `id` that are not shown yet.
    pub rest: bool,
    /// How many rows it lies in.
    pub depth: usize,
}

impl Row {
    /// What tells rows apart, and the same value at another depth.
    pub fn key(self) -> usize {
        (self.id * 2 + usize::from(self.rest)) * (DEEP + 1) + self.depth.min(DEEP)
    }
}

/// What of an outline is open, and what was ever open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folds {
    /// Of each value: how many of the values in it are shown.
    shown: Vec<usize>,
    /// The most that ever were.
    seen: Vec<usize>,
    /// Which of its texts were ever shown whole.
    whole: Vec<u8>,
    /// The value that fills the tree; 0 is the outermost.
    pub at: usize,
    /// Whether everything is open, however deep.
    pub all: bool,
}

impl Folds {
    /// How many of the values in `id` are shown.
    pub fn shown(&self, id: usize) -> usize {
        self.shown.get(id).copied().unwrap_or(0)
    }

    fn show(&mut self, id: usize, count: usize) {
        if let (Some(shown), Some(seen)) = (self.shown.get_mut(id), self.seen.get_mut(id)) {
            *shown = count;
            *seen = count.max(*seen);
        }
    }

    /// A text of `id` is shown whole.
    pub fn saw(&mut self, id: usize, text: u8) {
        if let Some(whole) = self.whole.get_mut(id) {
            *whole |= text;
        }
    }
}

/// How the values of now differ from those of the last approved call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Changed, new or removed; what is in a new or removed value does not count again.
    pub changed: usize,
    /// Nobody can say, since the earlier value was redacted.
    pub unknown: usize,
}

impl Outline {
    /// Numbers the values of a comparison.
    pub fn of(root: Branch) -> Self {
        let mut outline = Self(Vec::new());
        outline.push(root, 0, 0);
        outline
    }

    fn push(&mut self, branch: Branch, parent: usize, depth: usize) {
        let Branch { name, value, state, children } = branch;
        let id = self.0.len();
        let again = id > 0
            && matches!(state, State::Added | State::Removed)
            && self.0.get(parent).is_some_and(|parent| parent.state == state);
        let mut item = Item { name, value, state, parent, depth, count: children.len(), ..Item::blank() };
        item.measure();
        item.own.changes = usize::from(item.state != State::Same && !again);
        self.0.push(item);
        for child in children {
            self.push(child, id, depth + 1);
        }
        let end = self.0.len();
        if let Some(item) = self.0.get_mut(id) {
            item.end = end;
        }
    }

    /// A value.
    pub fn item(&self, id: usize) -> Option<&Item> {
        self.0.get(id)
    }

    /// The values directly in one.
    pub fn children(&self, id: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.0.get(id).map_or(0, |item| item.end);
        let inside = move |at: usize| (at < end).then_some(at);
        std::iter::successors(inside(id + 1), move |at| inside(self.0.get(*at)?.end))
    }

    /// What is in a value, all levels of it, without the first `shown` values directly in it.
    pub fn inside(&self, id: usize, shown: usize) -> Inside {
        let end = self.0.get(id).map_or(0, |item| item.end);
        let from = self.children(id).nth(shown).unwrap_or(end);
        let mut inside = Inside::default();
        for item in self.0.get(from..end).unwrap_or_default() {
            inside.add(item.own);
        }
        inside
    }

    /// The values from the outermost to `id`, both of them too.
    pub fn path(&self, id: usize) -> Vec<usize> {
        let mut path = vec![id];
        let mut at = id;
        while at > 0
            && let Some(item) = self.0.get(at)
        {
            at = item.parent;
            path.push(at);
        }
        path.reverse();
        path
    }

    /// How much differs from the last approved call.
    pub fn differences(&self) -> Differences {
        let mut found = Differences::default();
        for item in &self.0 {
            match item.state {
                State::NotComparable => found.unknown += 1,
                _ => found.changed += item.own.changes,
            }
        }
        found
    }

    /// What is open at first.
    pub fn first(&self) -> Folds {
        let none = vec![0; self.0.len()];
        let mut folds = Folds { shown: none.clone(), seen: none, whole: vec![0; self.0.len()], ..Folds::default() };
        self.open(&mut folds, 0);
        folds
    }

    /// Opens a value; the values in it are opened with it while they are small, and share the rows that are drawn at once.
    fn open(&self, folds: &mut Folds, id: usize) {
        let Some(item) = self.0.get(id) else { return };
        let shown = item.count.min(ROWS);
        folds.show(id, shown);
        let mut left = ROWS - shown;
        for child in self.children(id).take(shown) {
            let rows = self.0.get(child).map_or(0, |item| item.end - child - 1);
            if rows > 0 && rows <= OPEN_ROWS && rows <= left && self.depth(folds, child) < DEEP {
                left -= rows;
                self.open(folds, child);
            }
        }
    }

    /// Opens a value, or folds it.
    pub fn toggle(&self, folds: &mut Folds, id: usize) {
        if folds.shown(id) > 0 { folds.show(id, 0) } else { self.open(folds, id) }
    }

    /// Shows more of the values in one; answers the first that was not shown before.
    pub fn more(&self, folds: &mut Folds, id: usize) -> Option<usize> {
        let (shown, count) = (folds.shown(id), self.0.get(id)?.count);
        folds.show(id, count.min(shown + ROWS));
        self.children(id).nth(shown)
    }

    /// Lets a value fill the tree.
    pub fn look_at(&self, folds: &mut Folds, id: usize) {
        folds.at = id;
        if folds.shown(id) == 0 {
            self.open(folds, id);
        }
    }

    /// Opens everything below the value that fills the tree, however deep, the outer values first: no more than [`EVERY`]
    /// rows that were not open. What is left is opened by the next press.
    pub fn expand(&self, folds: &mut Folds) {
        folds.all = true;
        let mut left = EVERY;
        let mut queue = std::collections::VecDeque::from([folds.at]);
        while let Some(id) = queue.pop_front() {
            let Some(item) = self.0.get(id) else { continue };
            let before = folds.shown(id);
            let now = item.count.min(before + left);
            left -= now - before;
            folds.show(id, now);
            queue.extend(
                self.children(id).take(now).filter(|child| self.0.get(*child).is_some_and(|item| item.count > 0)),
            );
        }
    }

    /// Folds what is folded at first. What was seen stays seen.
    pub fn collapse(&self, folds: &mut Folds) {
        let (at, first) = (folds.at, self.first());
        folds.shown = first.shown;
        folds.all = false;
        self.look_at(folds, at);
    }

    /// Whether something below the value that fills the tree is folded now.
    pub fn is_folded(&self, folds: &Folds) -> bool {
        let end = self.0.get(folds.at).map_or(0, |item| item.end);
        let mut items = self.0.get(folds.at..end).unwrap_or_default().iter().enumerate();
        items.any(|(at, item)| {
            let id = folds.at + at;
            let deep = !folds.all && id != folds.at && item.count > 0 && self.depth(folds, id) >= DEEP;
            deep || folds.shown(id) < item.count || (item.long != 0 && !folds.all)
        })
    }

    /// Whether there is anything that was folded at first and was never opened.
    pub fn is_unopened(&self, folds: &Folds) -> bool {
        self.0.iter().enumerate().any(|(id, item)| {
            let seen = folds.seen.get(id).copied().unwrap_or(0);
            let whole = folds.whole.get(id).copied().unwrap_or(0);
            seen < item.count || item.long & !whole != 0
        })
    }

    /// All of it was seen, in another form.
    pub fn saw_all(&self, folds: &mut Folds) {
        for (id, item) in self.0.iter().enumerate() {
            folds.saw(id, item.long);
            if let Some(seen) = folds.seen.get_mut(id) {
                *seen = item.count;
            }
        }
    }

    /// The rows that are open.
    pub fn rows(&self, folds: &Folds) -> Vec<Row> {
        let mut rows = Vec::new();
        if self.has_row(folds.at) {
            rows.push(Row { id: folds.at, rest: false, depth: 0 });
        }
        self.walk(folds, folds.at, &mut rows);
        rows
    }

    /// The rows on paper, which has no buttons: everything from the beginning, as far as there is room.
    pub fn printed(&self, folds: &Folds) -> Vec<Row> {
        let mut paper = Folds { at: 0, ..folds.clone() };
        self.expand(&mut paper);
        self.rows(&paper)
    }

    fn walk(&self, folds: &Folds, id: usize, rows: &mut Vec<Row>) {
        let shown = folds.shown(id);
        for (at, child) in self.children(id).enumerate() {
            let depth = self.depth(folds, child);
            if at == shown {
                // A folded value says itself what is in it.
                if shown > 0 {
                    rows.push(Row { id, rest: true, depth });
                }
                return;
            }
            rows.push(Row { id: child, rest: false, depth });
            if folds.all || depth < DEEP {
                self.walk(folds, child, rows);
            }
        }
    }

    /// In how many rows a value lies, below the value that fills the tree.
    fn depth(&self, folds: &Folds, id: usize) -> usize {
        let at = self.0.get(folds.at).map_or(0, |item| item.depth) + usize::from(!self.has_row(folds.at));
        self.0.get(id).map_or(0, |item| item.depth.saturating_sub(at))
    }

    /// Whether a value that fills the tree has a row of its own: the outermost one does when it is no object or array, or
    /// was something else before.
    fn has_row(&self, at: usize) -> bool {
        at == 0 && self.0.first().is_some_and(|root| root.count == 0 || root.state != State::Same)
    }
}

#[cfg(test)]
mod tests;
