//! What redaction costs, whatever the text is. What it finds is tested beside the code.

mod costly;

use std::time::{Duration, Instant};

use proptest::{collection::vec, prelude::*};
use redact::redact;

const SIZE: usize = 512 << 10;

/// The bound is far above what linear work takes on a busy machine without optimization (0.2 s for the costliest text),
/// and far below what anything quadratic takes (minutes).
fn is_quick(what: &str, text: &str) {
    let began = Instant::now();
    redact(text);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "{what} took {took:?}");
}

#[test]
fn a_text_that_is_made_to_cost_much_costs_no_more_than_its_length() {
    let string = |piece: &str| format!("[\"{}\"]", piece.repeat(SIZE / piece.len()));
    let key = |piece: &str| format!("{{\"{}\":0}}", piece.repeat(SIZE / piece.len()));
    let list = |piece: &str| format!("[{}0]", piece.repeat(SIZE / piece.len()));
    let members = |piece: &str| format!("{{{}\"a\":0}}", piece.repeat(SIZE / piece.len()));
    let numbered = |name: &str| (0..SIZE / 16).map(|n| format!("\"{name}{n:06}\":0,")).collect::<String>();
    let texts = [
        string("eyJmmcp_AAAAAAAAAAAAAAAA-"),
        string("eyJ"),
        string("eyJaaaa."),
        string(".bearer"),
        string("bearer "),
        string("://a:"),
        string("://a:b@"),
        string("="),
        string("a="),
        string("password="),
        string("password = ("),
        string("x_token=$A "),
        string("A_TOKEN=${"),
        string("password='"),
        string("password: "),
        string(r"\npassword: "),
        string(r"\n  - token: a"),
        string(r"token: |\n  "),
        string(r"token: |\n "),
        string(r"\n \n"),
        string("basic "),
        string("basic YWJj "),
        string("-----BEGIN PRIVATE KEY-----<"),
        string("-----BEGIN PRIVATE KEY-----A-----END PRIVATE KEY-----"),
        string("sk-ant-"),
        string("github_pat_"),
        string("SK0"),
        string(r"\\"),
        string(r"\u0065yJ"),
        string(r"\ud83d"),
        string(r"[\n\n\n"),
        list(r#"["token","x1"],"#),
        key("next_token_"),
        key("token"),
        key("nextTokenKey"),
        key("keyİkey"),
        key(r"\u006bey"),
        list(r#""eyJ","#),
        list(r#""\n[\"\"]","#),
        list(r#""eyJ"                         ,"#),
        members(r#""pin":1,"#),
        members(r#""name":"pin","value":1,"#),
        list(r#"{"value":"eyJ","name":"pin"},"#),
        format!("{}0{}", r#"{"value":"#.repeat(SIZE / 24), r#","name":"pin"}"#.repeat(SIZE / 24)),
        members(r#""p\u0069n":[[[[["eyJ"]]]]],"#),
        format!("{{{}\"a\":0}}", numbered("key")),
        format!("{{{}\"a\":0}}", numbered(r"k\u0065y")),
        format!("{{\"token\":{}{}}}", "[".repeat(SIZE / 2), "]".repeat(SIZE / 2)),
    ];
    for text in texts {
        is_quick(&text.chars().take(20).collect::<String>(), &text);
    }
}

#[test]
fn json_in_strings_in_strings_costs_no_more_than_its_length() {
    let inside = [
        format!("[\"{}\"]", "eyJmmcp_AAAAAAAAAAAAAAAA-".repeat(SIZE / 25)),
        format!("[\"{}", "eyJmmcp_AAAAAAAAAAAAAAAA-".repeat(SIZE / 25)),
        format!("{{{}\"a\":0}}", r#""pin":1,"#.repeat(SIZE / 200)),
        format!("[{}0]", r#""","#.repeat(SIZE / 100)),
        format!("[{}0]", r#""\n[\"\"]","#.repeat(SIZE / 200)),
    ];
    for (text, depth) in inside.iter().flat_map(|text| [1, 4, 6].map(|depth| (text, depth))) {
        is_quick(&format!("{} in {depth} strings", &text[..20]), &costly::in_strings(text, depth));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_mixture_of_what_is_looked_for_costs_more_than_its_length(program in vec(any::<u8>(), 2..12)) {
        let text = costly::text(&program, SIZE);
        is_quick(&format!("{program:?}"), &text);
    }
}
