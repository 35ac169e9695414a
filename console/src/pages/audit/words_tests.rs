use super::*;
use crate::pages::audit::roll::sample::record;

#[test]
fn every_word_of_the_server_has_words_for_people() {
    // `db::audit::Status`, and the word for an intent without outcome.
    for word in ["ok", "error", "refused", "held", "rejected", "replayed", "failed", "unknown", "interrupted"] {
        assert!(ending(word).is_some_and(|ending| ending.means.ends_with('.')), "{word}");
    }
    assert_eq!(ending("postponed"), None);
    let labels: std::collections::HashSet<_> = ENDINGS.iter().map(|ending| ending.label).collect();
    assert_eq!(labels.len(), ENDINGS.len());
}

#[test]
fn what_may_have_run_is_never_shown_as_harmless() {
    for ending in ENDINGS.iter().filter(|ending| ending.means.contains("may have run")) {
        assert!(matches!(ending.tone, Tone::Warn | Tone::Bad), "{}", ending.word);
    }
}

#[test]
fn an_error_is_the_tools_or_the_servers() {
    let label = |answer: Option<&str>| {
        let record = AuditRecord { answer: answer.map(ToOwned::to_owned), ..record(1, "error") };
        outcome(&record).map(|outcome| (outcome.label, outcome.tone))
    };
    assert_eq!(label(Some("tool_error")), Some(("tool error", Tone::Bad)));
    assert_eq!(label(Some("protocol_error")), Some(("server error", Tone::Bad)));
    assert_eq!(label(None), Some(("error", Tone::Bad)));
}

#[test]
fn only_calls_run() {
    let done = AuditRecord { action: "create_api_key".to_owned(), ..record(1, "ok") };
    assert_eq!(outcome(&done).map(|outcome| outcome.label), Some("done"));
    assert_eq!(outcome(&record(1, "ok")).map(|outcome| outcome.label), Some("ran"));
}

#[test]
fn an_outcome_says_who_decided_where_somebody_did() {
    let by = |status: &str| AuditRecord { decided_by_email: Some("jo.k@example.com".to_owned()), ..record(1, status) };
    assert_eq!(decided(&by("ok")), Some(("Approved by", "jo.k@example.com")));
    assert_eq!(decided(&by("rejected")), Some(("Rejected by", "jo.k@example.com")));
    assert_eq!(decided(&by("held")), None, "nobody had decided then");
    assert_eq!(decided(&record(1, "ok")), None);
    let names = ["jo.k@example.com", "ines@example.com", "_x@example.com", "+@example.com", ""].map(short_name);
    assert_eq!(names, ["Jo", "Ines", "X", "+", ""]);
}

#[test]
fn operations_read_as_words_and_methods_as_they_are() {
    assert_eq!(action("create_api_key"), "Create api key");
    assert_eq!(action("approve_approval"), "Approved a request");
    for same in ["tools/list", "initialize", "session ended", "x_\u{202e}y"] {
        assert_eq!(action(same), same);
    }
}

#[test]
fn several_statuses_are_named_together() {
    assert_eq!(statuses("error,failed"), "Error, not executed");
    assert_eq!(statuses("held"), "Held");
}

#[test]
fn only_the_digest_of_a_list_is_read_as_one() {
    let text = r#"{"tools":4,"sha256":"ab12"}"#;
    assert_eq!(digest("tools/list", text), Some(Digest { tools: 4, sha256: "ab12".to_owned() }));
    assert_eq!(digest(CALL, text), None);
    assert_eq!(digest("tools/list", r#"{"tools":4,"sha256":"ab12","error":1}"#), None);
    assert_eq!(digest("tools/list", "no JSON"), None);
}

#[test]
fn the_arguments_of_a_call_stay_as_they_were_written() {
    let asked = r#"{"name":"pay","arguments":{"amount": 1.50, "a":1,"a":2},"_meta":{}}"#;
    assert_eq!(arguments(CALL, asked).as_deref(), Some(r#"{"amount": 1.50, "a":1,"a":2}"#));
    assert_eq!(arguments("resources/read", asked), None);
    assert_eq!(arguments(CALL, r#"{"arguments":{},"arguments":{"x":1}}"#), None, "two of them: all is shown");
    assert_eq!(arguments(CALL, r#"{"name":"pay"}"#), None);
}

#[test]
fn a_result_is_its_texts_where_they_say_it_all() {
    let of = |response| texts(CALL, response);
    assert_eq!(of(r#"{"content":[{"type":"text","text":"refunded"}]}"#), Some(vec!["refunded".to_owned()]));
    let structured = r#"{"content":[{"type":"text","text":"{\"a\":1}"}],"structuredContent":{"a":1}}"#;
    assert_eq!(of(structured), Some(vec![r#"{"a":1}"#.to_owned()]));
    for whole in [
        r#"{"content":[{"type":"text","text":"see below"}],"structuredContent":{"a":1}}"#,
        r#"{"content":[{"type":"image","data":""}]}"#,
        r#"{"content":[]}"#,
        r#"{"code":-32000,"message":"no"}"#,
    ] {
        assert_eq!(of(whole), None, "{whole}");
    }
}
