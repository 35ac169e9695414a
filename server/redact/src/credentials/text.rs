//! A text that is searched, and what readers remember of it.

use std::cell::Cell;

/// A text that is searched.
pub(super) struct Text<'t> {
    pub(super) all: &'t str,
    /// What was last read as a JSON Web Token.
    pub(super) token: Cell<Option<Token>>,
    /// From where on the end of a block was last looked for, and where it stands.
    pub(super) end: Cell<Option<(usize, Option<usize>)>>,
    /// How many bytes readers have looked at: the tests' measure of the cost.
    #[cfg(test)]
    pub(super) looked: Cell<usize>,
}

impl<'t> Text<'t> {
    pub(super) fn new(all: &'t str) -> Self {
        Self {
            all,
            token: Cell::new(None),
            end: Cell::new(None),
            #[cfg(test)]
            looked: Cell::new(0),
        }
    }

    /// Where the characters that `belong` end, beginning at byte `at`.
    pub(super) fn run(&self, at: usize, belongs: impl Fn(char) -> bool) -> usize {
        let rest = &self.all[at..];
        let length = rest.find(|character| !belongs(character)).unwrap_or(rest.len());
        #[cfg(test)]
        self.looked.set(self.looked.get() + length + 1);
        at + length
    }

    /// Where a run of bytes that `belong` begins, which ends before byte `at`; so many are looked at.
    pub(super) fn run_back(&self, at: usize, most: usize, belongs: impl Fn(u8) -> bool) -> usize {
        let bytes = &self.all.as_bytes()[..at];
        let length = bytes.iter().rev().take(most).take_while(|byte| belongs(**byte)).count();
        #[cfg(test)]
        self.looked.set(self.looked.get() + length + 1);
        at - length
    }

    /// Where a text in quotes ends, without its last one. It ends with its line when that is missing.
    pub(super) fn quoted(&self, at: usize, quote: char) -> usize {
        let escaped = Cell::new(false);
        self.run(at, |character| {
            let is_escaped = escaped.replace(character == '\\' && !escaped.get());
            !matches!(character, '\n' | '\r') && (character != quote || is_escaped)
        })
    }

    /// Whether a word goes on at this place, so that none begins.
    pub(super) fn goes_on(&self, at: usize) -> bool {
        let before = self.all[..at].chars().next_back();
        before.is_some_and(|before| before.is_alphabetic() || before.is_ascii_digit() || matches!(before, '_' | '-'))
    }

    /// Where the next end of a PEM block begins. A stretch without one is searched once.
    pub(super) fn next_end(&self, at: usize) -> Option<usize> {
        if let Some((from, end)) = self.end.get()
            && from <= at
            && end.is_none_or(|end| at <= end)
        {
            return end;
        }
        let end = self.all[at..].find("-----END").map(|length| at + length);
        #[cfg(test)]
        self.looked.set(self.looked.get() + end.unwrap_or(self.all.len()) - at);
        self.end.set(Some((at, end)));
        end
    }

    pub(super) fn has(&self, at: usize, byte: u8) -> bool {
        self.all.as_bytes().get(at) == Some(&byte)
    }

    /// The token whose first part `at` stands in. All places of a part have the same end of it and the same parts
    /// behind it, so that a part full of beginnings is read once.
    pub(super) fn token(&self, at: usize) -> Token {
        if let Some(token) = self.token.get().filter(|token| (token.from..token.first_ends).contains(&at)) {
            return token;
        }
        let token = Token::read(self, at);
        self.token.set(Some(token));
        token
    }
}

/// What follows on the beginning of a JSON Web Token, as far as it can be one.
#[derive(Clone, Copy)]
pub(super) struct Token {
    /// Where reading began.
    pub(super) from: usize,
    /// Where the first part ends.
    pub(super) first_ends: usize,
    /// Where the last part ends; `None`: there are too few.
    pub(super) ends: Option<usize>,
}

impl Token {
    /// Reads a signed token, of three parts, or an encrypted one, of up to five (RFC 7515 and RFC 7516, section 3.1).
    pub(super) fn read(text: &Text<'_>, from: usize) -> Self {
        let part = |at| text.run(at, |character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'));
        let first_ends = part(from);
        let mut ends = first_ends;
        for more in 1..5 {
            // The second and the third part may be empty.
            let needed = more < 3;
            let enough = Self { from, first_ends, ends: (!needed).then_some(ends) };
            if !text.has(ends, b'.') {
                return enough;
            }
            let next = part(ends + 1);
            if !needed && next == ends + 1 {
                return enough;
            }
            ends = next;
        }
        Self { from, first_ends, ends: Some(ends) }
    }
}
