//! Words for characters that cannot be shown.

use std::borrow::Cow;

use unicode_general_category::{GeneralCategory, get_general_category};

const C0: [&str; 32] = [
    "null",
    "start of heading",
    "start of text",
    "end of text",
    "end of transmission",
    "enquiry",
    "acknowledge",
    "bell",
    "backspace",
    "tab",
    "line feed",
    "vertical tab",
    "form feed",
    "carriage return",
    "shift out",
    "shift in",
    "data link escape",
    "device control one",
    "device control two",
    "device control three",
    "device control four",
    "negative acknowledge",
    "synchronous idle",
    "end of transmission block",
    "cancel",
    "end of medium",
    "substitute",
    "escape",
    "file separator",
    "group separator",
    "record separator",
    "unit separator",
];

const SPACES: [&str; 11] = [
    "en quad",
    "em quad",
    "en space",
    "em space",
    "three-per-em space",
    "four-per-em space",
    "six-per-em space",
    "figure space",
    "punctuation space",
    "thin space",
    "hair space",
];

/// `U+200B`.
pub(super) fn code(character: char) -> String {
    format!("U+{:04X}", u32::from(character))
}

/// `\u{200b}`, or the short form that everybody knows: `\n`.
pub(super) fn escape(character: char) -> String {
    match character {
        '\n' | '\r' | '\t' => character.escape_default().to_string(),
        _ => character.escape_unicode().to_string(),
    }
}

/// Tag characters, which spell ASCII without being seen.
pub(super) fn is_tag(character: char) -> bool {
    matches!(character, '\u{e0020}'..='\u{e007f}')
}

/// What tag characters spell. Only printable ASCII comes out.
pub(super) fn spelled(tags: &str) -> String {
    tags.chars()
        .filter_map(|tag| char::from_u32(u32::from(tag).checked_sub(0xe0000)?))
        .filter(|letter| !letter.is_control())
        .collect()
}

/// The ASCII letter that a small capital or a turned letter is read as.
pub(super) fn plain(letter: char) -> char {
    match letter {
        'ᴀ' => 'a',
        'ʙ' => 'b',
        'ᴅ' => 'd',
        'ᴇ' | 'ꞓ' => 'e',
        'ɢ' => 'g',
        'ʜ' => 'h',
        'ᴊ' => 'j',
        'ᴋ' | 'ĸ' => 'k',
        'ʟ' => 'l',
        'ᴍ' | 'ʍ' => 'm',
        'ɴ' => 'n',
        'ᴘ' => 'p',
        'ʀ' => 'r',
        'ᴛ' => 't',
        other => other,
    }
}

/// A hidden character in words: its Unicode name where one is generally known, else what kind it is.
pub(super) fn name(character: char) -> Cow<'static, str> {
    let code = u32::from(character);
    let known = match character {
        '\0'..='\u{1f}' => C0[code as usize],
        ' ' => "space at the edge",
        '\u{7f}' => "delete",
        '\u{85}' => "next line",
        '\u{a0}' => "no-break space",
        '\u{ad}' => "soft hyphen",
        '\u{34f}' => "combining grapheme joiner",
        '\u{61c}' => "Arabic letter mark",
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => "Hangul filler",
        '\u{1680}' => "Ogham space mark",
        '\u{17b4}' | '\u{17b5}' => "Khmer inherent vowel",
        '\u{180b}'..='\u{180f}' => "Mongolian separator",
        '\u{2000}'..='\u{200a}' => SPACES[(code - 0x2000) as usize],
        '\u{200b}' => "zero width space",
        '\u{200c}' => "zero width non-joiner",
        '\u{200d}' => "zero width joiner",
        '\u{200e}' => "left-to-right mark",
        '\u{200f}' => "right-to-left mark",
        '\u{2028}' => "line separator",
        '\u{2029}' => "paragraph separator",
        '\u{202a}' => "left-to-right embedding",
        '\u{202b}' => "right-to-left embedding",
        '\u{202c}' => "pop directional formatting",
        '\u{202d}' => "left-to-right override",
        '\u{202e}' => "right-to-left override",
        '\u{202f}' => "narrow no-break space",
        '\u{205f}' => "medium mathematical space",
        '\u{2060}' => "word joiner",
        '\u{2061}'..='\u{2064}' => "invisible mathematical operator",
        '\u{2066}' => "left-to-right isolate",
        '\u{2067}' => "right-to-left isolate",
        '\u{2068}' => "first strong isolate",
        '\u{2069}' => "pop directional isolate",
        '\u{2800}' => "blank Braille pattern",
        '\u{3000}' => "ideographic space",
        '\u{feff}' => "zero width no-break space",
        '\u{fff9}'..='\u{fffb}' => "interlinear annotation",
        '\u{fffc}' => "object replacement character",
        '\u{e0001}' => "language tag",
        '\u{e007f}' => "cancel tag",
        '\u{fe00}'..='\u{fe0f}' => return format!("variation selector {}", code - 0xfe00 + 1).into(),
        '\u{e0100}'..='\u{e01ef}' => return format!("variation selector {}", code - 0xe0100 + 17).into(),
        '\u{e0020}'..='\u{e007e}' => return format!("tag for “{}”", spelled(&character.to_string())).into(),
        _ => match get_general_category(character) {
            GeneralCategory::Control => "control character",
            GeneralCategory::Format => "format character",
            GeneralCategory::SpaceSeparator => "unusual space",
            GeneralCategory::PrivateUse => "private use character",
            GeneralCategory::Unassigned => "unassigned character",
            _ => "invisible character",
        },
    };
    known.into()
}
