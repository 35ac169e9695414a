//! One value of an outline, with what is marked in it and which of its texts are long.

use super::super::{
    compare::{Name, State},
    folding::{Hidden, Inside, Limit, cut},
    json::Node,
    marks::{Form, Piece, pieces},
    values::is_text_difference,
};

/// The key of a row, as a text that may be folded.
pub const KEY: u8 = 1;
/// The value of a row.
pub const VALUE: u8 = 2;
/// The earlier value of a row.
pub const EARLIER: u8 = 4;

/// A value with what is known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its key or place.
    pub name: Name,
    /// Its value; empty for an object or array with something in it.
    pub value: Node,
    /// What became of it since the last approved call.
    pub state: State,
    /// The value it lies in; the outermost one lies in itself.
    pub parent: usize,
    /// How many values it lies in.
    pub depth: usize,
    /// How many values lie directly in it.
    pub count: usize,
    /// Hidden characters in its key and its value of now that are not mere white space.
    pub hidden: usize,
    /// Look-alike characters in its key and its value of now.
    pub alike: usize,
    /// Which of its texts are folded at first: [`KEY`], [`VALUE`], [`EARLIER`].
    pub long: u8,
    pub(super) own: Inside,
    pub(super) end: usize,
}

impl Item {
    /// A value of which nothing is known.
    pub(super) fn blank() -> Self {
        Self {
            name: Name::Root,
            value: Node::Null,
            state: State::Same,
            parent: 0,
            depth: 0,
            count: 0,
            hidden: 0,
            alike: 0,
            long: 0,
            own: Inside::default(),
            end: 0,
        }
    }

    /// Counts what is marked in its texts, and finds those that are long.
    pub(super) fn measure(&mut self) {
        self.own = Inside {
            rows: 1,
            repeats: usize::from(matches!(self.name, Name::Key { repeats: 1.., .. })),
            unread: usize::from(matches!(self.value, Node::Raw { .. })),
            ..Inside::default()
        };
        let key = if let Name::Key { key, .. } = &self.name { key.clone() } else { String::new() };
        let value = text_of(&self.value);
        let earlier = if let State::Changed(old) = &self.state { text_of(old) } else { String::new() };
        let whole = matches!(&self.state, State::Changed(old) if is_text_difference(&self.value, old));
        for (text, form, limit, which) in [
            (key, Form::Line, Limit::KEY, KEY),
            (value, Form::Block, Limit::VALUE, VALUE),
            (earlier, Form::Block, Limit::VALUE, EARLIER),
        ] {
            let all = pieces(&text, form);
            for piece in &all {
                let Piece::Mark(mark) = piece else { continue };
                self.own.marks += mark.count;
                if which != EARLIER && mark.visible {
                    self.alike += mark.count;
                } else if which != EARLIER && !mark.text.chars().all(|one| one.is_ascii_whitespace()) {
                    self.hidden += mark.count;
                }
            }
            // A difference of lines shows the earlier text's own lines, and the text of now has a button below it.
            if cut(&all, limit).1 != Hidden::default() && !(whole && which == EARLIER) {
                self.long |= which;
            }
        }
    }
}

/// The text that a row shows of a value.
fn text_of(value: &Node) -> String {
    match value {
        Node::Text(text) | Node::Raw { text, .. } => text.clone(),
        Node::Number(number) => number.clone(),
        Node::Null | Node::Bool(_) => String::new(),
        nested => nested.compact(),
    }
}
