#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

use serde_json::json;

use super::*;

fn http(config: Value, before: Option<&Config>) -> Result<Config> {
    Config::read(ConnectionKind::StreamableHttp, &config, before)
}

fn stdio(config: Value, before: Option<&Config>) -> Result<Config> {
    Config::read(ConnectionKind::Stdio, &config, before)
}

fn field(read: Result<Config>) -> String {
    read.err().unwrap().fields.remove(0).field
}

#[test]
fn no_secret_is_shown() {
    let config = json!({"url": "https://a.example/mcp?key=SECRET&n=1", "headers": {"Authorization": "Bearer SECRET"}});
    let shown = http(config, None).ok().unwrap().shown();
    assert_eq!(
        shown,
        json!({"url": "https://a.example/mcp?key=********&n=********", "headers": {"authorization": MASK}})
    );
    let config = json!({"command": "npx", "args": ["-y"], "env": {"TOKEN": "SECRET"}, "cwd": "/tmp"});
    let shown = stdio(config, None).ok().unwrap().shown();
    assert_eq!(shown, json!({"command": "npx", "args": ["-y"], "env": {"TOKEN": MASK}, "cwd": "/tmp"}));
}

#[test]
fn what_is_shown_can_be_sent_back_and_changes_nothing() {
    let url = "https://a.example/mcp?key=a%20b&key=2&flag";
    let before = http(json!({"url": url, "headers": {"X-Key": "k"}}), None).ok().unwrap();
    let after = http(before.shown(), Some(&before)).ok().unwrap();
    assert_eq!(after.shown(), before.shown());
    let (Config::StreamableHttp(before), Config::StreamableHttp(after)) = (before, after) else { panic!() };
    assert_eq!(after.headers, before.headers);
    assert!(after.url.query_pairs().eq(before.url.query_pairs()));

    let before = stdio(json!({"command": "npx", "env": {"A": "1", "B": "2"}}), None).ok().unwrap();
    assert!(stdio(before.shown(), Some(&before)).ok().unwrap() == before);
}

#[test]
fn a_kept_value_never_goes_to_another_address_or_program() {
    let before = http(json!({"url": "https://a.example/mcp?k=1", "headers": {"x-key": "k"}}), None).ok().unwrap();
    for url in [
        "https://b.example/mcp",
        "http://a.example/mcp",
        "https://a.example:8443/mcp",
        "https://a.example/other",
        "https://a.example/mcp/",
        "https://a.example/",
    ] {
        assert_eq!(field(http(json!({"url": url, "headers": {"x-key": MASK}}), Some(&before))), "config.headers.x-key");
        assert_eq!(field(http(json!({"url": format!("{url}?k={MASK}")}), Some(&before))), "config.url, `k`");
    }
    let same = |query: &str| {
        let config = json!({"url": format!("https://a.example/mcp{query}"), "headers": {"X-Key": MASK, "x-more": "2"}});
        http(config, Some(&before))
    };
    assert!(same("?k=1").is_ok());
    assert!(same(&format!("?k={MASK}")).is_ok());
    for query in ["", "?k=2", "?k=1&to=evil", "?to=evil&k=1", "?j=1"] {
        assert_eq!(field(same(query)), "config.headers.x-key", "{query}");
    }
    for query in [format!("?k={MASK}&to=evil"), format!("?to=evil&k={MASK}"), format!("?k={MASK}&k={MASK}")] {
        assert!(same(&query).is_err(), "{query}");
        assert_eq!(
            field(http(json!({"url": format!("https://a.example/mcp{query}")}), Some(&before))),
            "config.url, `k`"
        );
    }
}

#[test]
fn a_kept_variable_never_goes_to_a_program_that_is_called_otherwise() {
    let config = json!({"command": "npx", "args": ["-y", "a"], "env": {"A": "1", "B": "2"}, "cwd": "/srv"});
    let before = stdio(config.clone(), None).ok().unwrap();
    let with = |field: &str, value: Value| {
        let mut config = before.shown_as(View::Whole);
        config[field] = value;
        stdio(config, Some(&before))
    };
    assert!(with("command", json!("npx")).ok().unwrap() == before);
    assert!(with("env", json!({"A": MASK, "B": "2"})).ok().unwrap() == before, "what was there may be sent");
    for (name, value) in [
        ("command", json!("env")),
        ("args", json!(["-y", "a", "--upload=https://evil.example"])),
        ("args", json!([])),
        ("cwd", json!("/tmp")),
        ("cwd", Value::Null),
        ("env", json!({"A": MASK, "B": MASK, "HTTPS_PROXY": "http://evil.example"})),
        ("env", json!({"A": MASK, "B": "http://evil.example"})),
        ("env", json!({"A": MASK})),
    ] {
        assert_eq!(field(with(name, value.clone())), "config.env.A", "{name} {value}");
    }
}

#[test]
fn a_masked_argument_keeps_what_was_there_for_the_same_program_only() {
    let config =
        json!({"command": "srv", "args": ["--api-key=SECRET", "--db", "pg://a:SECRET@db/x"], "env": {"A": "1"}});
    let before = stdio(config, None).ok().unwrap();
    for view in [View::Masked, View::Whole] {
        let shown = before.shown_as(view);
        assert!(!shown.to_string().contains("SECRET"), "{shown}");
        assert!(stdio(shown.clone(), Some(&before)).ok().unwrap() == before);
        let with = |name: &str, value: Value| {
            let mut config = shown.clone();
            config[name] = value;
            field(stdio(config, Some(&before)))
        };
        assert_eq!(with("command", json!("evil")), "config.env.A");
        assert_eq!(with("env", json!({})), "config.args");
        let mut args = shown["args"].clone();
        args.as_array_mut().unwrap().push(json!("--upload=https://evil.example"));
        assert_eq!(with("args", args), "config.env.A");
    }
}

#[test]
fn arguments_refer_to_variables_once_they_are_saved_and_stored_ones_keep_their_bytes() {
    let (sealer, id) = (Sealer::new(&crate::seal::MasterKey::development()), ConnectionId::new());
    let open = |sealed: &[u8]| Config::open(&sealer, id, "stdio", sealed).ok().unwrap();
    let args = |config: Config| match config.into_transport() {
        Transport::Stdio { args, .. } => args,
        Transport::StreamableHttp { .. } => panic!("it is a program"),
    };
    let written = ["--key={KEY}", "{{KEY}", "{OTHER}"];
    let config = json!({"command": "srv", "args": written, "env": {"KEY": "SECRET"}});
    let stored = sealer.seal(Purpose::ConnectionConfig, id.0.as_bytes(), config.to_string().as_bytes());
    assert_eq!(args(open(&stored)), written, "an earlier version stored it");
    assert!(stdio(config.clone(), Some(&open(&stored))).ok().unwrap() == open(&stored), "it is the same again");

    let saved = stdio(config, None).ok().unwrap();
    assert_eq!(saved.shown_as(View::Whole)["args"], json!(written));
    let opened = open(&saved.seal(&sealer, id).ok().unwrap());
    assert!(opened == saved);
    assert_eq!(args(opened), ["--key=SECRET", "{KEY}", "{OTHER}"]);
    let long = json!({"command": "srv", "args": ["{A}{A}{A}"], "env": {"A": "x".repeat(50_000)}});
    assert_eq!(field(stdio(long, None)), "config.args");
    assert_eq!(field(stdio(json!({"command": "srv", "args_refer": true}), None)), "config.args_refer");
}

#[test]
fn a_masked_path_keeps_its_secret_and_its_headers_and_nothing_goes_to_another_path() {
    let secret = "550e8400-e29b-41d4-a716-446655440000";
    let url = format!("https://a.example/{secret}/mcp");
    let before = http(json!({"url": url, "headers": {"x-key": "k"}}), None).ok().unwrap();
    assert_eq!(before.shown(), json!({"url": "https://a.example/********/mcp", "headers": {"x-key": MASK}}));
    assert!(http(before.shown(), Some(&before)).ok().unwrap() == before);
    let whole = before.shown_as(View::Whole);
    assert_eq!(whole, json!({"url": url, "headers": {"x-key": MASK}}));
    assert!(http(whole, Some(&before)).ok().unwrap() == before);
    for url in ["https://b.example/********/mcp", "https://a.example/********/logs"] {
        assert_eq!(field(http(json!({"url": url}), Some(&before))), "config.url");
    }
}

#[test]
fn a_placeholder_needs_something_to_keep() {
    assert_eq!(field(http(json!({"url": "https://a.example", "headers": {"x": MASK}}), None)), "config.headers.x");
    assert_eq!(field(stdio(json!({"command": "npx", "env": {"A": MASK}}), None)), "config.env.A");
}

#[test]
fn what_is_wrong_is_named() {
    let url = "https://a.example/mcp";
    for (config, wrong) in [
        (json!({}), "config"),
        (json!([url]), "config"),
        (json!({"url": "not a url"}), "config.url"),
        (json!({"url": url, "header": {}}), "config.header"),
        (json!({"url": "ftp://a.example"}), "config.url"),
        (json!({"url": "data:text/plain,x"}), "config.url"),
        (json!({"url": "https://user@a.example"}), "config.url"),
        (json!({"url": "https://:pass@a.example"}), "config.url"),
        (json!({"url": "https://a.example/mcp#secret"}), "config.url"),
        (json!({"url": url, "headers": {"a b": "x"}}), "config.headers.a b"),
        (json!({"url": url, "headers": {"x": "a\nb"}}), "config.headers.x"),
        (json!({"url": url, "headers": {"Host": "b.example"}}), "config.headers.host"),
        (json!({"url": url, "headers": {"X": "1", "x": "2"}}), "config.headers.x"),
    ] {
        assert_eq!(field(http(config.clone(), None)), wrong, "{config}");
    }
    for (config, wrong) in [
        (json!({"url": url}), "config.url"),
        (json!({"command": " "}), "config.command"),
        (json!({"command": "a", "args": ["\u{0}"]}), "config.args"),
        (json!({"command": "a", "args": ["--key=********"]}), "config.args"),
        (json!({"command": "a", "env": {"A=B": "x"}}), "config.env.A=B"),
        (json!({"command": "a", "cwd": "relative"}), "config.cwd"),
    ] {
        assert_eq!(field(stdio(config.clone(), None)), wrong, "{config}");
    }
}

#[test]
fn a_change_keeps_what_it_does_not_name_and_null_takes_away() {
    let config = json!({"url": "https://a.example/mcp", "headers": {"x-one": "1", "x-two": "2"}});
    let before = http(config, None).ok().unwrap();
    let after = |change: Value| http(before.merged(&change)?, Some(&before));
    assert!(after(json!({})).ok().unwrap() == before);
    let changed = after(json!({"headers": {"X-One": "3", "X-Two": null}})).ok().unwrap();
    assert!(changed == http(json!({"url": "https://a.example/mcp", "headers": {"x-one": "3"}}), None).ok().unwrap());
    let bare = after(json!({"headers": null})).ok().unwrap();
    assert!(bare == http(json!({"url": "https://a.example/mcp"}), None).ok().unwrap());
    assert_eq!(field(after(json!({"url": "https://b.example/mcp"}))), "config.headers.x-one");
    assert_eq!(field(after(json!({"url": null}))), "config");
    assert_eq!(field(after(json!({"headers": {"X-One": "1", "x-one": "2"}}))), "config.headers.x-one");
    assert_eq!(field(after(json!(["https://b.example/mcp"]))), "config");
    let program = stdio(json!({"command": "npx", "args": ["-y", "a", "s3cr3t-token"], "env": {"A": "1"}}), None);
    let program = program.ok().unwrap();
    let kept = program.merged(&json!({"env": {"A": "2"}})).ok().unwrap();
    assert!(
        stdio(kept, Some(&program)).ok().unwrap()
            == stdio(json!({"command": "npx", "args": ["-y", "a", "s3cr3t-token"], "env": {"A": "2"}}), None)
                .ok()
                .unwrap()
    );
}

#[test]
fn a_value_that_is_no_text_is_named_and_not_shown() {
    let stdio_with = |name: &str, value: Value| field(stdio(json!({"command": "srv", name: value}), None));
    assert_eq!(stdio_with("env", json!({"PORT": 8080})), "config.env.PORT");
    assert_eq!(stdio_with("env", json!({"DEBUG": true})), "config.env.DEBUG");
    assert_eq!(stdio_with("args", json!(["-p", 80])), "config.args[1]");
    let wrong = http(json!({"url": "https://a.example", "headers": {"x-key": 4711}}), None).err().unwrap();
    assert_eq!(wrong.fields[0].field, "config.headers.x-key");
    assert!(wrong.message.contains("in quotes") && !wrong.message.contains("4711"), "{}", wrong.message);
}
