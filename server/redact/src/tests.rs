#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::*;

const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl";
const KEY: &str = "mmcp_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg012345";

/// The text with a star in the place of each range, which come in its order.
pub(crate) fn starred(text: &str, ranges: Vec<Range<usize>>) -> String {
    let mut out = text.to_owned();
    for range in ranges.into_iter().rev() {
        out.replace_range(range, "*");
    }
    out
}

fn is_untouched(json: &str) -> bool {
    matches!(redact(json), Cow::Borrowed(same) if same.as_ptr() == json.as_ptr() && same.len() == json.len())
}

#[test]
fn any_value_under_a_secret_name_is_replaced_whole() {
    let values = [
        "\"x\"",
        "\"\"",
        "12.50",
        "-1e9",
        "true",
        "null",
        "{}",
        "[]",
        r#"{"a":[{"b":"}]"}],"c":{}}"#,
        r#"["]",{"x":[1]}]"#,
    ];
    for value in values {
        let json = format!(r#"{{"a":1,"password":{value},"b":[2]}}"#);
        assert_eq!(redact(&json), r#"{"a":1,"password":"[redacted]","b":[2]}"#);
    }
}

#[test]
fn the_value_of_a_secret_flag_is_cut_out_wherever_it_stands() {
    for (json, expected) in [
        (
            r#"{"args":["-y","--api-key","x1","--port","80"]}"#,
            r#"{"args":["-y","--api-key","[redacted]","--port","80"]}"#,
        ),
        (r#"["--api-key=x1"]"#, r#"["--api-key=[redacted]"]"#),
        (r#"{"command":"srv --token x1\n--v"}"#, r#"{"command":"srv --token [redacted]\n--v"}"#),
        (r#"{"a":"{\"args\":[\"--password\",\"x1\"]}"}"#, r#"{"a":"{\"args\":[\"--password\",\"[redacted]\"]}"}"#),
    ] {
        assert_eq!(redact(json), expected);
    }
    for json in [r#"["--api-key",["x"],"y"]"#, r#"["--api-key","{API_KEY}"]"#, r#"{"a":"--api-key","b":"x"}"#] {
        assert!(is_untouched(json), "{json}");
    }
}

#[test]
fn everything_else_keeps_its_bytes() {
    let json = "\t{ \"z\" : 1.0e2,\n \"a\":9007199254740993, \"a\":\"\\u00e9\\/é\\ud800\", \"password\" : \"x\" ,\"e\":[ ] }\r\n";
    let expected = "\t{ \"z\" : 1.0e2,\n \"a\":9007199254740993, \"a\":\"\\u00e9\\/é\\ud800\", \"password\" : \"[redacted]\" ,\"e\":[ ] }\r\n";
    assert_eq!(redact(json), expected);
}

#[test]
fn a_name_spelt_with_escapes_is_the_same_name() {
    for key in
        [r"p\u0061ssword", r"\u0070\u0061\u0073\u0073\u0077\u006f\u0072\u0064", r"pass\u0057ord", r"\ud800password"]
    {
        assert_eq!(redact(&format!(r#"{{"{key}":"x"}}"#)), format!(r#"{{"{key}":"[redacted]"}}"#));
    }
}

#[test]
fn credentials_in_strings_keys_and_at_the_top_are_cut_out() {
    let json = format!(r#"{{"note":"use {KEY} or {JWT}","{JWT}":1,"list":["Authorization: Bearer abc123"]}}"#);
    let expected = r#"{"note":"use [redacted] or [redacted]","[redacted]":1,"list":["Authorization: [redacted]"]}"#;
    assert_eq!(redact(&json), expected);
    assert_eq!(redact(&format!("\"{JWT}\"")), "\"[redacted]\"");
}

#[test]
fn escapes_beside_and_inside_a_credential_neither_hide_it_nor_change() {
    let escaped = JWT.replace("eyJ", r"\u0065yJ").replace('.', r"\u002e");
    let json = format!(
        r#"["\n\u00e9\/{escaped}\"\ud83d\ude00", "Bearer\tabc123\n", "postgres:\/\/app:hunter2@db", "a:\//b:c@d", "a:/\/b:c@d"]"#
    );
    let expected = r#"["\n\u00e9\/[redacted]\"\ud83d\ude00", "[redacted]\n", "postgres:\/\/app:[redacted]@db", "a:\//b:[redacted]@d", "a:/\/b:[redacted]@d"]"#;
    assert_eq!(redact(&json), expected);
}

#[test]
fn a_password_is_found_however_the_slashes_of_its_url_are_spelt() {
    for slashes in ["//", r"\/\/", r"\//", r"/\/", r"\u002f/"] {
        let json = format!(r#"["a:{slashes}b:hunter2@c"]"#);
        assert_eq!(redact(&json), format!(r#"["a:{slashes}b:[redacted]@c"]"#));
    }
}

#[test]
fn a_name_and_its_value_in_two_members_are_a_pair_in_any_order() {
    let secret = [
        (r#"{"name":"Authorization","value":"Token abc"}"#, r#"{"name":"Authorization","value":"[redacted]"}"#),
        (r#"{"value":"abc","name":"X-Api-Key"}"#, r#"{"value":"[redacted]","name":"X-Api-Key"}"#),
        (
            r#"{"value":"a","enabled":true,"key":"DB_PASSWORD"}"#,
            r#"{"value":"[redacted]","enabled":true,"key":"DB_PASSWORD"}"#,
        ),
        (r#"{"Key":"password","Value":{"a":[1,"x"]},"b":2}"#, r#"{"Key":"password","Value":"[redacted]","b":2}"#),
        (r#"{"values":["a","b"],"header":"Set-Cookie"}"#, r#"{"values":"[redacted]","header":"Set-Cookie"}"#),
        (
            r#"{"n\u0061me":"p\u0061ssword","v\u0061lue":12}"#,
            r#"{"n\u0061me":"p\u0061ssword","v\u0061lue":"[redacted]"}"#,
        ),
        (
            r#"[{"name":"Accept","value":"*/*"},{"name":"Cookie","value":"a=b"},{"name":"Host","value":"x"}]"#,
            r#"[{"name":"Accept","value":"*/*"},{"name":"Cookie","value":"[redacted]"},{"name":"Host","value":"x"}]"#,
        ),
        (r#"{"value":{"value":"x","name":"token"},"name":"secret"}"#, r#"{"value":"[redacted]","name":"secret"}"#),
        (
            r#"{"name":"outer","value":{"value":"eyJ","password":"x","name":"token"}}"#,
            r#"{"name":"outer","value":{"value":"[redacted]","password":"[redacted]","name":"token"}}"#,
        ),
    ];
    for (json, expected) in secret {
        assert_eq!(redact(json), expected);
        let inside = json!({"text": json}).to_string();
        assert_eq!(redact(&inside), json!({"text": expected}).to_string(), "in a string");
    }
    for harmless in [
        r#"{"name":"Authorization","type":"header","required":true}"#,
        r#"{"name":"Ada","value":"token"}"#,
        r#"{"name":["password"],"value":"x"}"#,
        r#"[{"name":"password"},{"value":"x"}]"#,
        r#"{"name":"password","sub":{"value":"x"}}"#,
        r#"["Authorization","value"]"#,
    ] {
        assert!(is_untouched(harmless), "{harmless} became {}", redact(harmless));
    }
}

#[test]
fn a_name_and_its_value_in_a_list_of_two_are_a_pair() {
    for (json, expected) in [
        (r#"["x-api-key","k1-abc"]"#, r#"["x-api-key","[redacted]"]"#),
        (r#"["Authorization", "Bearer abc123"]"#, r#"["Authorization", "[redacted]"]"#),
        (r#"[["x-api-key","swordfish"],["accept","*/*"]]"#, r#"[["x-api-key","[redacted]"],["accept","*/*"]]"#),
        (
            r#"{"headers":[["Cookie","a=b; c=d"],["Host","x"]]}"#,
            r#"{"headers":[["Cookie","[redacted]"],["Host","x"]]}"#,
        ),
        (r#"[ [ "p\u0061ssword" , 12 ] ]"#, r#"[ [ "p\u0061ssword" , "[redacted]" ] ]"#),
        (
            r#"{"a":[["token","correct horse"],["b",{"password":1}]]}"#,
            r#"{"a":[["token","[redacted]"],["b",{"password":"[redacted]"}]]}"#,
        ),
    ] {
        assert_eq!(redact(json), expected);
        let inside = json!({"text": json}).to_string();
        assert_eq!(redact(&inside), json!({"text": expected}).to_string(), "in a string");
    }
    for harmless in [
        r#"{"required":["password","email"]}"#,
        r#"["token","user_name"]"#,
        r#"["password","must have a digit: 1"]"#,
        r#"[["username","password"],["password","token"]]"#,
        r#"["password","x1","y2"]"#,
        r#"[["password"],["x1"]]"#,
        r#"[["token",null],["secret",true],["password",["x1"]],["cookie","${COOKIE}"]]"#,
        r#"["x1","password"]"#,
    ] {
        assert!(is_untouched(harmless), "{harmless} became {}", redact(harmless));
    }
}

#[test]
fn lines_of_yaml_in_a_string_are_read() {
    let file = |password: &str, key: &str| {
        let text = format!("db:\n  \"password\": {password}\n  key: |\n    a\n  api_key: |\n    {key}\n");
        json!({"file": text}).to_string()
    };
    let json = file("hunter2", "b\n    c");
    assert_eq!(redact(&json), file("[redacted]", "[redacted]"));
    assert_eq!(redact(&escape_all(&json)).matches("[redacted]").count(), 2);
    assert!(is_untouched(&json!({"text": "password: required\nNote: a password: none"}).to_string()));
}

#[test]
fn whether_a_whole_text_is_a_credential_its_beginning_tells() {
    for credential in ["sk-abc", "ghp_x", "mmcp_0", "eyJh", "bot12345:a", "https://a:b@c"] {
        assert!(has_credential(credential), "{credential}");
    }
    for name in ["skeleton", "key-management", "secret_store", "SK", "bottle", "bot123", "asia", "ghost"] {
        assert!(!has_credential(name), "{name}");
    }
}

#[test]
fn what_is_assigned_and_what_is_known_by_its_shape_is_found_in_json() {
    let token = ["gh", "p_", &"a1B2".repeat(9)].concat();
    let json = json!({
        "file": format!("# settings\nDB_HOST=db\nDB_PASSWORD=correct horse\nGITHUB={token}\n"),
        "url": "https://x.example/cb?state=1&access_token=abc%2Fdef#top",
        "key": "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n",
        "header": "Authorization: Basic YWRhOmh1bnRlcjI=",
    })
    .to_string();
    let expected = json!({
        "file": "# settings\nDB_HOST=db\nDB_PASSWORD=[redacted]\nGITHUB=[redacted]\n",
        "url": "https://x.example/cb?state=1&access_token=[redacted]#top",
        "key": "[redacted]\n",
        "header": "Authorization: [redacted]",
    })
    .to_string();
    // The fragment is taken for a part of the value: whether it is one only a browser knows.
    assert_eq!(redact(&json), expected.replace("#top", ""));
    assert_eq!(redact(&escape_all(&json)).matches("[redacted]").count(), 5);
}

#[test]
fn json_in_a_string_is_looked_into() {
    let inner = json!({"user": "ada", "password": "hunter2", "n": [1, {"note": KEY}]}).to_string();
    let middle = json!({"content": [{"type": "text", "text": inner}], "isError": false}).to_string();
    let outer = json!({"log": middle}).to_string();
    let redacted = redact(&outer);
    assert!(!redacted.contains("hunter2") && !redacted.contains(KEY), "{redacted}");
    let outer: Value = serde_json::from_str(&redacted).unwrap();
    let middle: Value = serde_json::from_str(outer["log"].as_str().unwrap()).unwrap();
    let inner: Value = serde_json::from_str(middle["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(inner, json!({"user": "ada", "password": REDACTED, "n": [1, {"note": REDACTED}]}));
}

#[test]
fn the_rest_of_json_in_a_string_keeps_its_bytes() {
    let json = r#"{"text":"{ \"a\" : 1.0e2,\n \"p\\u0061ssword\":\t\"x\" , \"b\":\"\\\\\" }"}"#;
    assert_eq!(redact(json), r#"{"text":"{ \"a\" : 1.0e2,\n \"p\\u0061ssword\":\t\"[redacted]\" , \"b\":\"\\\\\" }"}"#);
}

#[test]
fn text_without_anything_to_redact_is_the_same_text() {
    let texts = [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"send_invoice","arguments":{"amount":1.0e2}}}"#,
        r#"{"_meta":{"progressToken":"abc"},"tokens_used":12,"author":"Ada","prefix":"mmcp_012345"}"#,
        r#"{"text":"{\"tokens_used\":1,\"key\":\"\\u00e9\"}","url":"https://example.com:8080/"}"#,
        "",
        "null",
    ];
    for text in texts {
        assert!(is_untouched(text), "{text} became {}", redact(text));
    }
}

#[test]
fn what_is_not_json_is_kept_only_when_nothing_in_it_could_be_secret() {
    assert!(is_untouched("<html>502</html>"));
    for text in ["password=hunter2", r#"{"password":"x""#, r#"{"a":1} {"token":"x"}"#, &format!("key {KEY}")] {
        assert_eq!(redact(text), "\"[redacted: not JSON]\"", "{text}");
    }
}

#[test]
fn depth_and_size_cost_only_their_length() {
    let deep = format!("{{\"a\":{}\"password\"{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert!(is_untouched(&deep));
    let deep = format!("{{\"password\":{}1{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(redact(&deep), r#"{"password":"[redacted]"}"#);
    let wide = format!("[{}\"{KEY}\"]", r#""\u0065\\y","#.repeat(100_000));
    assert!(!redact(&wide).contains(KEY));
    let escaped = format!("\"{}{JWT}\"", "\\n".repeat(1_000_000));
    assert!(!redact(&escaped).contains(JWT));
}

#[test]
fn json_in_a_string_is_followed_four_times_and_shapes_are_found_at_any_depth() {
    let wrapped =
        |times: usize, innermost: Value| (0..times).fold(innermost.to_string(), |json, _| json!([json]).to_string());
    assert!(!redact(&wrapped(4, json!({"password": "hunter2"}))).contains("hunter2"));
    assert!(!redact(&wrapped(7, json!({"note": JWT}))).contains(JWT));
}

/// JSON whose names and texts are innocent though many come close.
fn innocent() -> impl Strategy<Value = Value> {
    let words = [
        "author",
        "tokens_used",
        "progressToken",
        "key",
        "public_key",
        "n",
        "",
        "é\"\\\n",
        "monkey business",
        "{}",
        "[1]",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(words.to_vec()).prop_map(Value::from),
        "[a-d\u{0}-\u{20}\"\\\\é😀]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let members = vec((select(words.to_vec()), inner.clone()), 0..6).prop_map(|members| {
            members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>()
        });
        prop_oneof![vec(inner, 0..6).prop_map(Value::from), members.prop_map(Value::from)]
    })
}

/// A value around another one, with an innocent one beside it; or the value as JSON in a string.
fn wrap(value: Value, beside: Value, how: u8) -> Value {
    match how {
        0 => json!([beside, value]),
        1 => json!({"author": beside, "n": value}),
        2 => json!([value, beside]),
        _ => json!({"text": value.to_string(), "z": beside}),
    }
}

/// The same JSON with every character of every string as an escape.
fn escape_all(json: &str) -> String {
    let mut out = String::new();
    let mut at = 0;
    for token in tokens(json).filter(|token| matches!(token.kind, Kind::String | Kind::Key)) {
        out.push_str(&json[at..token.start]);
        let value = unescape(inside(token));
        let units: String = value.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        out.push_str(&format!("\"{units}\""));
        at = token.end();
    }
    out + &json[at..]
}

proptest! {
    #[test]
    fn innocent_json_is_never_changed(value in innocent(), pretty in any::<bool>(), escaped in any::<bool>()) {
        let json = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let json = if escaped { escape_all(&json) } else { json };
        prop_assert!(is_untouched(&json), "{} became {}", json, redact(&json));
    }

    #[test]
    fn a_planted_secret_never_stays_and_the_rest_always_does(
        beside in innocent(),
        name in select(vec!["password", "X-Api-Key", "client_secret", "authToken", "p\u{e9}_secret"]),
        secret in "hunter2[a-z0-9\"\\\\\u{0}-\u{1f}é]{0,20}",
        kind in 0_u8..4,
        hows in vec((0_u8..4, innocent()), 0..4),
        escaped in any::<bool>(),
    ) {
        let (planted, left) = match kind {
            0 => (json!({name: secret}), json!({name: REDACTED})),
            1 => (json!({name: [beside, {"x": secret}]}), json!({name: REDACTED})),
            2 => (json!(format!("see {JWT} {KEY}")), json!("see [redacted] [redacted]")),
            _ => (json!({"note": "Bearer hunter2\n"}), json!({"note": "[redacted]\n"})),
        };
        let around = |value: Value| hows.iter().fold(value, |value, (how, beside)| wrap(value, beside.clone(), *how));
        let json = around(planted).to_string();
        let json = if escaped { escape_all(&json) } else { json };
        let redacted = redact(&json);
        prop_assert_eq!(serde_json::from_str::<Value>(&redacted).unwrap(), around(left));
        prop_assert_eq!(redact(&redacted), redacted.clone(), "a second time changes nothing");
    }

    #[test]
    fn no_text_makes_it_panic(text in r#"[\{\}\[\]",:\\upasword0-9é ]{0,60}"#) {
        redact(&text);
    }
}
