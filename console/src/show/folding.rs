//! How much of a large thing is shown at first, and what is said about the rest.
//!
//! A folded part says how much it hides, and whether marks or changes are in it; nobody has to open
//! everything to know that there is nothing there. Bounds keep a hostile value from freezing the page.

use super::marks::Piece;

/// Rows that are drawn at once. More appear on demand, as many again.
pub const ROWS: usize = 300;

/// An object or array with more rows than this is folded at first.
pub const OPEN_ROWS: usize = 40;

/// How much of a text is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Lines.
    pub lines: usize,
    /// Characters.
    pub characters: usize,
    /// Marks.
    pub marks: usize,
}

impl Limit {
    /// A value at first.
    pub const VALUE: Self = Self { lines: 12, characters: 1_500, marks: 60 };
    /// A key at first, or a line of a definition.
    pub const KEY: Self = Self { lines: 4, characters: 200, marks: 20 };
    /// What each press adds: all of it, unless it is hostile.
    pub const STEP: Self = Self { lines: 10_000, characters: 400_000, marks: 1_000 };

    /// This much more.
    pub fn and(self, more: Self) -> Self {
        Self {
            lines: self.lines + more.lines,
            characters: self.characters + more.characters,
            marks: self.marks + more.marks,
        }
    }
}

/// What a folded part hides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    /// Line feeds.
    pub lines: usize,
    /// Characters, marked ones too.
    pub characters: usize,
    /// Marked characters.
    pub marks: usize,
}

impl Hidden {
    /// `31 more lines, 2 marked characters in them`, for after "show".
    pub fn words(self) -> String {
        let amount = if self.lines > 1 {
            format!("{} more lines", number(self.lines))
        } else {
            format!("{} more {}", number(self.characters), plural(self.characters, "character", "characters"))
        };
        if self.marks == 0 { amount } else { format!("{amount}, {} in them", marked(self.marks)) }
    }
}

/// The beginning of a text, and what is left out. A small rest is shown rather than folded.
pub fn cut<'a>(pieces: &[Piece<'a>], limit: Limit) -> (Vec<Piece<'a>>, Hidden) {
    let (shown, hidden) = cut_at(pieces, limit);
    if hidden.lines <= 2 && hidden.characters <= 160 && hidden.marks == 0 {
        return (pieces.to_vec(), Hidden::default());
    }
    (shown, hidden)
}

fn cut_at<'a>(pieces: &[Piece<'a>], limit: Limit) -> (Vec<Piece<'a>>, Hidden) {
    let (mut lines, mut characters, mut marks) = (0, 0, 0);
    let mut shown = Vec::new();
    let mut hidden = Hidden::default();
    let mut full = false;
    for piece in pieces {
        match piece {
            Piece::Mark(mark) => {
                full = full || marks == limit.marks || characters >= limit.characters;
                if full {
                    hidden.characters += mark.count;
                    hidden.marks += mark.count;
                } else {
                    marks += 1;
                    characters += mark.count.min(8);
                    shown.push(piece.clone());
                }
            }
            Piece::Plain(text) => {
                let mut end = if full { 0 } else { text.len() };
                if !full {
                    for (at, character) in text.char_indices() {
                        lines += usize::from(character == '\n');
                        if lines == limit.lines || characters == limit.characters {
                            full = true;
                            end = at;
                            break;
                        }
                        characters += 1;
                    }
                }
                if end > 0 {
                    shown.push(Piece::Plain(&text[..end]));
                }
                let rest = &text[end..];
                hidden.characters += rest.chars().count();
                hidden.lines += rest.matches('\n').count();
            }
        }
    }
    (shown, hidden)
}

/// What is in an object or array, all levels of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// Rows.
    pub rows: usize,
    /// Marked characters in keys and values, old ones too.
    pub marks: usize,
    /// Rows that are not as they were, or cannot be compared.
    pub changes: usize,
    /// Keys that stand twice.
    pub repeats: usize,
    /// Values that could not be read.
    pub unread: usize,
}

impl Inside {
    /// Adds another.
    pub fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.marks += other.marks;
        self.changes += other.changes;
        self.repeats += other.repeats;
        self.unread += other.unread;
    }

    /// `, 52 rows in all, 1 marked character, 2 differences`, behind `direct` values that are folded; empty when there is
    /// nothing to add.
    pub fn words(self, direct: usize) -> String {
        let mut words = vec![String::new()];
        if self.rows > direct {
            words.push(format!("{} rows in all", number(self.rows)));
        }
        if self.marks > 0 {
            words.push(marked(self.marks));
        }
        if self.changes > 0 {
            words.push(format!("{} {}", number(self.changes), plural(self.changes, "difference", "differences")));
        }
        if self.repeats > 0 {
            words.push(format!("{} duplicate {}", number(self.repeats), plural(self.repeats, "key", "keys")));
        }
        if self.unread > 0 {
            words.push(format!("{} unreadable", number(self.unread)));
        }
        words.join(", ")
    }
}

/// `1,204`.
pub fn number(number: usize) -> String {
    let digits = number.to_string();
    let mut written = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

/// The word for one or for many.
pub fn plural(number: usize, one: &'static str, many: &'static str) -> &'static str {
    if number == 1 { one } else { many }
}

fn marked(count: usize) -> String {
    format!("{} {}", number(count), plural(count, "marked character", "marked characters"))
}

#[cfg(test)]
mod tests {
    use super::super::marks::{Form, pieces};
    use super::*;

    fn shown(text: &str, limit: Limit) -> (String, Hidden) {
        let all = pieces(text, Form::Block);
        let (shown, hidden) = cut(&all, limit);
        let text = shown
            .into_iter()
            .map(|piece| match piece {
                Piece::Plain(text) => text,
                Piece::Mark(mark) => mark.text,
            })
            .collect();
        (text, hidden)
    }

    #[test]
    fn a_long_text_ends_after_twelve_lines_and_says_how_many_are_left() {
        let text: Vec<String> = (1..=43).map(|line| format!("line {line}")).collect();
        let (shown, hidden) = shown(&text.join("\n"), Limit::VALUE);
        assert!(shown.ends_with("line 12"));
        assert_eq!(hidden.words(), "31 more lines");
    }

    #[test]
    fn marks_in_the_hidden_part_are_told_and_never_left_out() {
        let (text, hidden) = shown(&format!("{}\u{200b}\u{202e}", "x".repeat(2_704)), Limit::VALUE);
        assert_eq!(text.len(), 1_500);
        assert_eq!(hidden.words(), "1,206 more characters, 2 marked characters in them");
        let (_, hidden) = shown(&format!("{}\u{200b}", "x".repeat(1_500)), Limit::VALUE);
        assert_eq!(hidden.marks, 1, "a rest of one mark is folded, and said");
    }

    #[test]
    fn a_small_rest_is_shown_instead_of_folded() {
        assert_eq!(shown(&"x".repeat(1_600), Limit::VALUE).1, Hidden::default());
    }

    #[test]
    fn a_text_full_of_marks_is_cut_too() {
        let (_, hidden) = shown(&"a\u{200b}".repeat(5_000), Limit::VALUE);
        assert_eq!(hidden.marks, 4_940);
    }

    #[test]
    fn characters_shown_and_hidden_are_all_there_are() {
        let text = format!("{}\n\u{200b}é", "line\n".repeat(300));
        let (shown, hidden) = shown(&text, Limit::VALUE);
        assert_eq!(shown.chars().count() + hidden.characters, text.chars().count());
    }

    #[test]
    fn a_folded_part_says_what_is_in_it_beside_its_values() {
        assert_eq!(Inside { rows: 2, ..Inside::default() }.words(2), "");
        let inside = Inside { rows: 52, marks: 1, changes: 2, repeats: 1, unread: 1 };
        assert_eq!(
            inside.words(3),
            ", 52 rows in all, 1 marked character, 2 differences, 1 duplicate key, 1 unreadable"
        );
    }
}
