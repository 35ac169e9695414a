//! Which characters are not seen, and where that is ordinary.
//!
//! The ordinary uses are those of living texts: emoji sequences, joiners in Indic and Arabic words, variation
//! selectors of Han characters, French and SI spacing, ideographic spaces between ideographs, breaks in Thai and
//! Khmer. Bidirectional controls are never ordinary here: they change what the reader sees of everything else.

use unicode_general_category::{GeneralCategory as Category, get_general_category};
use unicode_script::Script;

use super::{Form, Found, scripts};

/// A value has lines when a line feed stands anywhere but at its end.
pub(super) fn has_lines(text: &str) -> bool {
    text.find('\n').is_some_and(|at| at + 1 < text.len())
}

/// Says of each character whether it is hidden and out of place.
pub(super) fn find(characters: &[(usize, char)], form: Form) -> Vec<Found> {
    let text = Text::new(characters, form);
    (0..characters.len()).map(|at| if text.is_hidden(at) { Found::Hidden } else { Found::Plain }).collect()
}

struct Text<'a> {
    characters: &'a [(usize, char)],
    /// Line feeds and tabs are part of the layout.
    lines: bool,
    /// Every line ends with carriage return and line feed.
    returns: bool,
    /// Where the text begins and ends without the plain spaces around it.
    inner: (usize, usize),
}

impl<'a> Text<'a> {
    fn new(characters: &'a [(usize, char)], form: Form) -> Self {
        let feed = characters.iter().position(|(_, character)| *character == '\n');
        let lines = form == Form::Block && feed.is_some_and(|at| at + 1 < characters.len());
        let returns = lines
            && (0..characters.len())
                .filter(|at| characters[*at].1 == '\n')
                .all(|at| at.checked_sub(1).is_some_and(|before| characters[before].1 == '\r'));
        let start = characters.iter().take_while(|(_, character)| *character == ' ').count();
        let end = characters.len() - characters.iter().rev().take_while(|(_, character)| *character == ' ').count();
        Self { characters, lines, returns, inner: (start, end) }
    }

    fn at(&self, index: Option<usize>) -> Option<char> {
        index.and_then(|index| self.characters.get(index)).map(|(_, character)| *character)
    }

    fn before(&self, index: usize) -> Option<char> {
        self.at(index.checked_sub(1))
    }

    fn after(&self, index: usize) -> Option<char> {
        self.at(index.checked_add(1))
    }

    fn is_hidden(&self, at: usize) -> bool {
        let character = self.characters[at].1;
        match character {
            // Padding at the edge of a value makes it another value, and is not seen. Indented text is code.
            ' ' => at >= self.inner.1 || (at < self.inner.0 && !self.lines),
            '\n' | '\t' => !self.lines,
            '\r' => !(self.returns && self.after(at) == Some('\n')),
            '!'..='~' => false,
            _ => is_invisible(character) && !self.is_ordinary(at, character),
        }
    }

    fn is_ordinary(&self, at: usize, character: char) -> bool {
        let (before, after) = (self.before(at), self.after(at));
        match character {
            '\u{200d}' => self.joins_emoji(at) || before.is_some_and(is_virama),
            '\u{200c}' => before.is_some_and(is_virama) || (is_arabic(before) && is_arabic(after)),
            '\u{200b}' => breaks_without_spaces(before) && breaks_without_spaces(after),
            '\u{fe0e}' | '\u{fe0f}' => {
                before.is_some_and(is_emoji)
                    || (before.is_some_and(|base| matches!(base, '0'..='9' | '#' | '*')) && after == Some('\u{20e3}'))
            }
            '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => script(before) == Some(Script::Han),
            '\u{180b}'..='\u{180f}' => is_seen_of(before, Script::Mongolian),
            '\u{a0}' | '\u{202f}' | '\u{2009}' => is_typographic_space(character, before, after),
            '\u{3000}' => is_cjk(before) || is_cjk(after),
            '\u{2800}' => {
                let braille = |other: Option<char>| other.is_some_and(|other| matches!(other, '\u{2801}'..='\u{28ff}'));
                braille(before) && braille(after)
            }
            '\u{e0020}'..='\u{e007f}' => self.is_flag_of_a_country_of_the_united_kingdom(at),
            '\u{13430}'..='\u{1345f}' => is_seen_of(before, Script::Egyptian_Hieroglyphs),
            _ => false,
        }
    }

    /// Between two emoji, the first of which may have a skin tone or a variation selector.
    fn joins_emoji(&self, at: usize) -> bool {
        let mut before = at.checked_sub(1);
        while let Some('\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}') = self.at(before) {
            before = before.and_then(|index| index.checked_sub(1));
        }
        self.at(before).is_some_and(is_emoji) && self.after(at).is_some_and(is_emoji)
    }

    /// The three tag sequences that Unicode recommends; every other one is a way to hide text.
    fn is_flag_of_a_country_of_the_united_kingdom(&self, at: usize) -> bool {
        let mut start = at;
        while start > 0 && super::names::is_tag(self.characters[start - 1].1) && at - start < 7 {
            start -= 1;
        }
        if self.before(start) != Some('\u{1f3f4}') {
            return false;
        }
        let tags: String = self.characters[start..]
            .iter()
            .map(|(_, character)| *character)
            .take_while(|character| super::names::is_tag(*character))
            .take(7)
            .collect();
        let ends = tags.chars().count() == 6 && tags.ends_with('\u{e007f}');
        ends && matches!(super::names::spelled(&tags).as_str(), "gbeng" | "gbsct" | "gbwls")
    }
}

/// True for characters that leave no ink of their own, or none that anybody could know.
pub(super) fn is_invisible(character: char) -> bool {
    match character {
        // Format characters that are drawn: signs that stand around Arabic, Syriac and Kaithi numbers.
        '\u{600}'..='\u{605}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{890}'
        | '\u{891}'
        | '\u{8e2}'
        | '\u{110bd}'
        | '\u{110cd}' => false,
        '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}'
        | '\u{fffc}'
        | '\u{16fe4}'
        | '\u{1d159}'
        | '\u{e0100}'..='\u{e01ef}' => true,
        _ => matches!(
            get_general_category(character),
            Category::Control
                | Category::Format
                | Category::SpaceSeparator
                | Category::LineSeparator
                | Category::ParagraphSeparator
                | Category::PrivateUse
                | Category::Surrogate
                | Category::Unassigned
        ),
    }
}

/// French spacing around punctuation, groups of digits, a number and its unit.
fn is_typographic_space(space: char, before: Option<char>, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return false };
    let digit = before.is_numeric();
    (digit && (after.is_alphanumeric() || matches!(after, '°' | '€' | '$' | '£' | '%' | '‰')))
        || (space != '\u{2009}'
            && (matches!(before, '«' | '‹')
                || (before.is_alphanumeric() && matches!(after, '!' | '?' | ';' | ':' | '»' | '›' | '–' | '—'))))
}

/// Pictures, roughly as Unicode's Extended_Pictographic has them.
fn is_emoji(character: char) -> bool {
    matches!(character,
        '©' | '®' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{21ff}'
        | '\u{231a}'..='\u{23ff}' | '\u{24c2}' | '\u{25aa}'..='\u{25fe}' | '\u{2600}'..='\u{27bf}'
        | '\u{2934}' | '\u{2935}' | '\u{2b05}'..='\u{2b55}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
}

/// The signs that silence a vowel, after which a joiner chooses the form of a conjunct.
fn is_virama(character: char) -> bool {
    matches!(
        character,
        '\u{94d}'
            | '\u{9cd}'
            | '\u{a4d}'
            | '\u{acd}'
            | '\u{b4d}'
            | '\u{bcd}'
            | '\u{c4d}'
            | '\u{ccd}'
            | '\u{d3b}'
            | '\u{d3c}'
            | '\u{d4d}'
            | '\u{dca}'
            | '\u{f84}'
            | '\u{1039}'
            | '\u{103a}'
            | '\u{17d2}'
            | '\u{1a60}'
            | '\u{1b44}'
            | '\u{a9c0}'
            | '\u{11046}'
    )
}

fn script(character: Option<char>) -> Option<Script> {
    character.map(scripts::script)
}

/// Of this script, and no selector or control itself: many in a row are a message.
fn is_seen_of(character: Option<char>, of: Script) -> bool {
    script(character) == Some(of) && !character.is_some_and(is_invisible)
}

fn is_arabic(character: Option<char>) -> bool {
    matches!(script(character), Some(Script::Arabic | Script::Syriac | Script::Nko | Script::Adlam))
        || character.is_some_and(|character| matches!(character, '\u{64b}'..='\u{655}' | '\u{670}'))
}

fn breaks_without_spaces(character: Option<char>) -> bool {
    matches!(
        script(character),
        Some(Script::Thai | Script::Lao | Script::Khmer | Script::Myanmar | Script::Tai_Tham | Script::Javanese)
    )
}

fn is_cjk(character: Option<char>) -> bool {
    matches!(
        script(character),
        Some(Script::Han | Script::Hiragana | Script::Katakana | Script::Hangul | Script::Bopomofo)
    ) || character.is_some_and(|character| matches!(character, '\u{3001}'..='\u{303f}' | '\u{ff01}'..='\u{ff5e}'))
}
