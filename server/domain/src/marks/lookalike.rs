//! Letters that are taken for others: those of another script in a word of Latin letters, whole words of
//! another script that read as Latin ones, mathematical and full-width alphabets, and stand-ins for the
//! punctuation of an address.
//!
//! A word in a text of its own script is ordinary: Russian "сор" beside other Russian words is not marked,
//! "раура" beside ".com" is.

use std::rc::Rc;

use unicode_general_category::{GeneralCategory as Category, get_general_category};
use unicode_script::Script;

use super::{Found, scripts, table::TABLE};

/// The script in words, for a mark's name.
pub(super) fn script(character: char) -> &'static str {
    match character {
        '\u{1d400}'..='\u{1d7ff}' => "Mathematical",
        '\u{ff01}'..='\u{ff5e}' => "Full-width",
        _ => match scripts::script(character) {
            Script::Common | Script::Inherited => "Sign",
            // Letters of phonetic alphabets: to say that they are Latin would say nothing.
            Script::Latin => "Phonetic",
            other => other.full_name(),
        },
    }
}

/// The Latin letter or digit that a character looks like.
pub(super) fn looks_like(character: char) -> Option<char> {
    TABLE.binary_search_by_key(&character, |(from, _)| *from).ok().map(|index| TABLE[index].1)
}

/// Marks look-alikes. What is marked already stays so.
pub(super) fn find(characters: &[(usize, char)], found: &mut [Found]) {
    if characters.iter().all(|(_, character)| character.is_ascii()) {
        return;
    }
    let has_cjk = characters.iter().any(|(_, one)| {
        matches!(scripts::script(*one), Script::Han | Script::Hiragana | Script::Katakana | Script::Hangul)
    });
    for at in 0..characters.len() {
        let character = characters[at].1;
        let like = match character {
            '\u{1d400}'..='\u{1d7ff}' => mathematical(character),
            '\u{ff01}'..='\u{ff5e}' if !has_cjk => char::from_u32(u32::from(character) - 0xfee0),
            _ => punctuation(character).filter(|_| stands_in_an_address(characters, at)),
        };
        if let (Some(like), Found::Plain) = (like, found[at]) {
            found[at] = Found::Like(like);
        }
    }
    let words = words(characters, found);
    let homes = homes(&words);
    for (index, word) in words.iter().enumerate() {
        let marked = match word.kind {
            Kind::Latin => true,
            Kind::ReadsAsLatin(script) => {
                is_joined_to_latin(characters, &words, index) || !homes[index].contains(&script)
            }
            Kind::Own(_) | Kind::Neutral => false,
        };
        if !marked {
            continue;
        }
        for at in word.start..word.end {
            if let (Found::Plain, Some(like)) = (found[at], looks_like(characters[at].1)) {
                found[at] = Found::Like(like);
            }
        }
    }
}

/// Alphabets for formulas: bold, italic, script, monospace and so on, each in the order of ASCII.
fn mathematical(character: char) -> Option<char> {
    let code = u32::from(character);
    match code {
        0x1d400..=0x1d6a3 => {
            let letter = (code - 0x1d400) % 52;
            char::from_u32(if letter < 26 { 0x41 + letter } else { 0x61 + letter - 26 })
        }
        0x1d7ce..=0x1d7ff => char::from_digit((code - 0x1d7ce) % 10, 10),
        _ => None,
    }
}

/// Signs that pass for those which divide an address or a path.
fn punctuation(character: char) -> Option<char> {
    Some(match character {
        '\u{2044}' | '\u{2215}' | '\u{29f8}' | '\u{2571}' => '/',
        '\u{2216}' | '\u{29f5}' | '\u{29f9}' => '\\',
        '\u{2024}' | '\u{fe52}' => '.',
        '\u{2236}' | '\u{a789}' | '\u{fe55}' => ':',
        '\u{fe6b}' => '@',
        _ => return None,
    })
}

/// Beside an ASCII letter. Between digits a fraction slash is a fraction.
fn stands_in_an_address(characters: &[(usize, char)], at: usize) -> bool {
    let letter = |index: Option<usize>| {
        index.and_then(|index| characters.get(index)).is_some_and(|(_, other)| other.is_ascii_alphabetic())
    };
    letter(at.checked_sub(1)) || letter(at.checked_add(1))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Has a letter of the Latin script.
    Latin,
    /// Of another script, and each letter looks like an ASCII one.
    ReadsAsLatin(Script),
    /// Of another script, and seen to be.
    Own(Script),
    /// Only digits and marks.
    Neutral,
}

#[derive(Debug)]
struct Word {
    start: usize,
    end: usize,
    kind: Kind,
}

/// Letters, digits and their marks; hidden characters do not end a word.
fn words(characters: &[(usize, char)], found: &[Found]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut start = None;
    for at in 0..=characters.len() {
        let inside = characters.get(at).is_some_and(|(_, character)| {
            is_word(*character) || (start.is_some() && (is_joiner(*character) || glues(*character, found[at])))
        });
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push(Word { start: from, end: at, kind: kind(&characters[from..at]) });
                start = None;
            }
            _ => {}
        }
    }
    words
}

fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200d}')
}

/// A hidden character that no reader takes for the end of a word.
fn glues(character: char, found: Found) -> bool {
    found == Found::Hidden && !character.is_whitespace() && !character.is_control()
}

fn is_word(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric();
    }
    matches!(
        get_general_category(character),
        Category::UppercaseLetter
            | Category::LowercaseLetter
            | Category::TitlecaseLetter
            | Category::ModifierLetter
            | Category::OtherLetter
            | Category::NonspacingMark
            | Category::SpacingMark
            | Category::DecimalNumber
            | Category::LetterNumber
            | Category::OtherNumber
    )
}

fn kind(word: &[(usize, char)]) -> Kind {
    let mut kind = Kind::Neutral;
    for (_, character) in word {
        let script = scripts::script(*character);
        match script {
            Script::Common | Script::Inherited => {}
            Script::Latin => return Kind::Latin,
            _ if looks_like(*character).is_some_and(|like| like.is_ascii()) => {
                if kind == Kind::Neutral {
                    kind = Kind::ReadsAsLatin(script);
                }
            }
            _ => kind = Kind::Own(script),
        }
    }
    kind
}

/// Which scripts are written in, for each word: the scripts of all words around it up to the next Latin one.
fn homes(words: &[Word]) -> Vec<Rc<[Script]>> {
    let mut homes = Vec::with_capacity(words.len());
    let runs = words.split_inclusive(|word| word.kind == Kind::Latin);
    for run in runs {
        let mut scripts = Vec::new();
        for word in run {
            if let Kind::Own(script) = word.kind
                && !scripts.contains(&script)
            {
                scripts.push(script);
            }
        }
        homes.extend(std::iter::repeat_n(Rc::from(scripts), run.len()));
    }
    homes
}

/// True when only the punctuation of an address stands between it and a Latin word.
fn is_joined_to_latin(characters: &[(usize, char)], words: &[Word], index: usize) -> bool {
    let joined = |from: usize, to: usize| {
        to > from
            && characters[from..to]
                .iter()
                .all(|(_, one)| matches!(one, '.' | '/' | ':' | '@' | '-' | '_' | '?' | '=' | '&'))
    };
    let word = &words[index];
    let before = index.checked_sub(1).map(|other| &words[other]);
    let after = words.get(index + 1);
    before.is_some_and(|other| other.kind == Kind::Latin && joined(other.end, word.start))
        || after.is_some_and(|other| other.kind == Kind::Latin && joined(word.end, other.start))
}
