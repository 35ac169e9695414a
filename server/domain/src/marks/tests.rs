#![allow(clippy::unwrap_used, reason = "a test says what it expects")]

use unicode_general_category::{GeneralCategory as Category, get_general_category};
use unicode_script::{Script, UnicodeScript};

use super::*;

fn names(text: &str) -> Vec<String> {
    pieces(text, Form::Block)
        .into_iter()
        .filter_map(|piece| if let Piece::Mark(mark) = piece { Some(mark.name) } else { None })
        .collect()
}

fn labels(text: &str) -> Vec<String> {
    pieces(text, Form::Block)
        .into_iter()
        .filter_map(|piece| if let Piece::Mark(mark) = piece { Some(mark.label) } else { None })
        .collect()
}

#[test]
fn ordinary_text_of_many_languages_has_no_marks() {
    for text in [
        "plain text, nothing else",
        "Grüße aus Köln: Straße, Äpfel, œuvre, naïve, façade, Łódź, İstanbul'da ışık",
        "Он и она у дома, а сор — в углу. О рое ос: уха, сок, рост",
        "Καλημέρα κόσμε, το νου και ο όρος",
        "こんにちは　世界。Ｔシャツ、ＡＢＣ、二〇二六年",
        "葛\u{e0100}飾区",
        "请批准这笔付款，谢谢。",
        "안녕하세요 여러분",
        "مرحبا بالعالم، ٥ دقائق",
        "می\u{200c}خواهم بروم",
        "क्\u{200d}ष नमस्ते श्\u{200c}री",
        "ශ්\u{200d}රී ලංකාව",
        "สวัสดี\u{200b}ชาวโลก",
        "שלום עולם, זה טוב",
        "family: 👨\u{200d}👩\u{200d}👧\u{200d}👦, heart: ❤\u{fe0f}, keycap: 1\u{fe0f}\u{20e3}, 🏳\u{fe0f}\u{200d}🌈, 👩🏽\u{200d}💻",
        "flags: 🇩🇪 🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
        "Bonjour\u{a0}! «\u{a0}Oui\u{a0}» 4\u{202f}180,00\u{a0}€, 10\u{a0}kg",
        "5 μm, 3 kΩ, Δt, ½, x², №",
        "first\n\tsecond\nthird\n",
        "first\r\nsecond\r\n",
        "    fn indented() {\n    }",
    ] {
        assert_eq!(names(text), Vec::<String>::new(), "{text:?}");
    }
}

#[test]
fn invisible_characters_out_of_place_are_named() {
    for (text, label, name) in [
        ("DE44\u{200b}", "U+200B", "zero width space"),
        ("pay\u{200d}pal", "U+200D", "zero width joiner"),
        ("abc\u{202e}txt.exe", "U+202E", "right-to-left override"),
        ("سلام\u{200f}", "U+200F", "right-to-left mark"),
        ("in\u{ad}voice", "U+00AD", "soft hyphen"),
        ("a\u{1b}[2J", "U+001B", "escape"),
        ("a\u{9b}2J", "U+009B", "control character"),
        ("a\tb", "U+0009", "tab"),
        ("admin\n", "U+000A", "line feed"),
        ("a\rb", "U+000D", "carriage return"),
        ("a\u{3164}b", "U+3164", "Hangul filler"),
        ("rm\u{a0}-rf", "U+00A0", "no-break space"),
        ("a\u{3000}b", "U+3000", "ideographic space"),
        ("a\u{2028}b", "U+2028", "line separator"),
        ("a\u{e000}b", "U+E000", "private use character"),
        ("a\u{378}b", "U+0378", "unassigned character"),
        ("a\u{ffff}b", "U+FFFF", "unassigned character"),
        ("a\u{fe0f}b", "U+FE0F", "variation selector 16"),
        ("a\u{e0101}b", "U+E0101", "variation selector 18"),
        ("😀\u{200d}a", "U+200D", "zero width joiner"),
        ("a\u{34f}b", "U+034F", "combining grapheme joiner"),
        ("\u{1820}\u{180b}\u{180c}", "U+180C", "Mongolian separator"),
        ("a\u{feff}b", "U+FEFF", "zero width no-break space"),
        ("admin ", "U+0020", "space at the edge"),
    ] {
        assert_eq!(labels(text), [label], "{text:?}");
        assert_eq!(names(text), [name], "{text:?}");
    }
}

#[test]
fn letters_of_another_script_in_a_latin_word_are_named() {
    assert_eq!(names("p\u{430}ypal"), ["Cyrillic а, looks like a"]);
    assert_eq!(labels("p\u{430}ypal"), ["U+0430"]);
    assert_eq!(names("faceboo\u{43a}"), ["Cyrillic к, looks like k"]);
    assert_eq!(names("g\u{3bf}\u{3bf}gle"), ["Greek οο, looks like oo"]);
    assert_eq!(names("p\u{200b}\u{430}ypal").len(), 2);
    assert_eq!(names("𝚊dmin"), ["Mathematical 𝚊, looks like a"]);
    assert_eq!(names("ａdmin"), ["Full-width ａ, looks like a"]);
    assert_eq!(names("bank.com\u{2044}evil.net"), ["Sign ⁄, looks like /"]);
    assert_eq!(names("\u{261}oogle"), ["Phonetic ɡ, looks like g"]);
}

#[test]
fn a_whole_word_that_reads_as_latin_is_marked_unless_it_stands_among_its_own() {
    assert_eq!(names("раура1"), ["Cyrillic раура, looks like paypa"]);
    assert_eq!(labels("раура1"), ["Cyrillic ×5"]);
    assert_eq!(names("send it to раура now").len(), 1);
    assert_eq!(names("привет, раура.com").len(), 1, "joined to a Latin word it is an address");
    assert_eq!(names("привет, сор и уха"), Vec::<String>::new());
}

#[test]
fn tag_characters_are_spelled_out() {
    let hidden: String = "ignore this".chars().map(|c| char::from_u32(0xe0000 + u32::from(c)).unwrap()).collect();
    assert_eq!(names(&format!("ok{hidden}")), ["11 tag characters, which spell “ignore this”"]);
    assert_eq!(names("🏴\u{e0075}\u{e0073}\u{e007f}").len(), 1, "a flag nobody recommends");
}

#[test]
fn a_long_row_of_hidden_characters_is_one_mark() {
    let row = "\u{200b}\u{200c}".repeat(500);
    assert_eq!(labels(&format!("a{row}b")), ["1000 hidden"]);
    assert_eq!(names(&format!("a{row}b")), ["1000 hidden characters: zero width space, zero width non-joiner"]);
    assert_eq!(labels(&"\u{200b}".repeat(12)), ["U+200B ×12"]);
}

#[test]
fn a_key_is_one_line() {
    let marks = |text: &str| count(text, Form::Line);
    assert_eq!(marks("a\nb\tc\n"), 3);
    assert_eq!(marks("to\u{200b}"), 1);
    assert_eq!(marks(" to"), 1);
}

#[test]
fn the_pieces_are_the_text_whole_and_a_hidden_character_is_in_no_plain_piece() {
    let text: String = ('\0'..='\u{30ff}').chain('\u{e0000}'..='\u{e01ff}').chain(['\u{10ffff}']).collect();
    for form in [Form::Line, Form::Block] {
        let joined: String = pieces(&text, form)
            .into_iter()
            .map(|piece| match piece {
                Piece::Plain(text) => text,
                Piece::Mark(mark) => mark.text,
            })
            .collect();
        assert_eq!(joined, text);
    }
    for piece in pieces(&text, Form::Line) {
        if let Piece::Plain(plain) = piece {
            assert!(!plain.contains(['\u{202e}', '\u{200b}', '\u{7f}', '\u{85}', '\u{ad}', '\u{e0041}']), "{plain:?}");
        }
    }
}

#[test]
fn what_a_terminal_would_hide_or_obey_is_escaped() {
    for (text, shown) in [
        ("a\u{1b}[2Jb", r"a\u{1b}[2Jb"),
        ("pay\u{202e}drawkcab", r"pay\u{202e}drawkcab"),
        ("one\ntwo\tthree\r", r"one\ntwo\tthree\r"),
        ("tag\u{e0041}, line\u{2028}, filler\u{3164}", r"tag\u{e0041}, line\u{2028}, filler\u{3164}"),
        ("name ", r"name\u{20}"),
        ("p\u{430}ypal", "p\u{430}[Cyrillic \u{430}, looks like a]ypal"),
    ] {
        assert_eq!(escaped(text), shown);
    }
    let spelled: String = "pay them".chars().map(|c| char::from_u32(0xe0000 + u32::from(c)).unwrap()).collect();
    assert_eq!(escaped(&format!("ok{spelled}{spelled}")), "ok[16 tag characters, which spell “pay thempay them”]");
    for ordinary in ["caffè", "cafe\u{300}", "हिन्दी", "{\"a\\n\": \"it's 😀\"}", "👩🏽\u{200d}💻"]
    {
        assert_eq!(escaped(ordinary), ordinary);
    }
}

#[test]
fn json_keeps_its_value_when_what_it_hides_is_escaped() {
    let json = "{\n  \"to\": \"a\u{202e}b\u{e0041} p\u{430}ypal\u{7f}\", \"n\": 1.0 }\r\n";
    let shown = "{\n  \"to\": \"a\\u202eb\\udb40\\udc41 p\u{430}ypal\\u007f\", \"n\": 1.0 }\r\n";
    assert_eq!(escaped_json(json), shown);
}

#[test]
fn no_hidden_character_is_left_where_escapes_are_written() {
    for character in ('\0'..='\u{1ffff}').chain('\u{e0000}'..='\u{e0fff}').chain(['\u{f0000}', char::MAX]) {
        let shown = escaped(&format!("{character}a{character}b{}", character.to_string().repeat(9)));
        let hides = |piece: &Piece<'_>| matches!(piece, Piece::Mark(mark) if !mark.visible);
        assert!(!pieces(&shown, Form::Line).iter().any(hides), "{character:?}: {shown}");
    }
}

#[test]
fn a_hostile_quarter_of_a_megabyte_is_split_in_time_that_grows_with_its_length() {
    let started = std::time::Instant::now();
    for unit in ["\u{43e} ", "\u{200d}", "a\u{200b}", "\u{fe0f}\u{200d}", "\u{e0067}", "\u{43e}.x "] {
        assert!(count(&unit.repeat(256 * 1024 / unit.len()), Form::Block) > 0);
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

/// The rule by which `table.rs` was made, over the list that Unicode keeps.
fn expected(character: char) -> Option<char> {
    let category = get_general_category(character);
    let script = character.script();
    let is_letter = matches!(
        category,
        Category::UppercaseLetter
            | Category::LowercaseLetter
            | Category::TitlecaseLetter
            | Category::ModifierLetter
            | Category::OtherLetter
            | Category::DecimalNumber
            | Category::LetterNumber
            | Category::OtherNumber
    );
    let is_own_kind = matches!(
        script,
        Script::Common
            | Script::Inherited
            | Script::Han
            | Script::Hiragana
            | Script::Katakana
            | Script::Hangul
            | Script::Bopomofo
    );
    if character.is_ascii() || !is_letter || is_own_kind {
        return None;
    }
    let code = u32::from(character);
    let skeleton: Vec<char> = unicode_security::confusable_detection::skeleton(&character.to_string()).collect();
    // In that list an m is made of r and n, and a capital i is a small l.
    let like = match skeleton.as_slice() {
        ['r', 'n'] => 'm',
        [one] => *one,
        _ => return None,
    };
    if like == character || (0xff00..=0xffef).contains(&code) {
        return None;
    }
    if like == 'l' && category == Category::UppercaseLetter {
        return Some('I');
    }
    if script != Script::Latin {
        return (like.is_ascii_alphanumeric() || like.script() == Script::Latin).then_some(like);
    }
    // Latin letters of living alphabets are not look-alikes of each other; phonetic ones are.
    let living = code < 0x250 || (0x1e00..0x1f00).contains(&code) || (0x2c60..0x2c80).contains(&code);
    (!living && like.is_ascii_alphanumeric()).then_some(like)
}

#[test]
fn the_table_of_look_alikes_is_unicodes() {
    for character in '\0'..=char::MAX {
        assert_eq!(lookalike::looks_like(character), expected(character), "{character:?}");
    }
}

#[test]
fn the_table_of_scripts_is_unicodes() {
    for character in '\0'..=char::MAX {
        let assigned = get_general_category(character) != Category::Unassigned;
        let expected = if assigned { character.script() } else { Script::Unknown };
        assert_eq!(scripts::script(character), expected, "{character:?}");
    }
}
