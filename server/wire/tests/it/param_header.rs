//! Arguments repeated in headers, by the rules of MCP 2026-07-28 ("Schema Extension",
//! "Server Behavior for Custom Headers").

use serde_json::value::RawValue;
use wire::param_header::{MAX_PARAM_HEADERS, ParamHeader, check, param_headers};

fn raw(json: &str) -> &RawValue {
    serde_json::from_str(json).unwrap()
}

fn header(path: &str) -> ParamHeader {
    let path = path.split('.').map(str::to_owned).collect();
    ParamHeader { name: "Region".to_owned(), path }
}

/// The schema of an object with these properties.
fn schema(properties: &str) -> String {
    format!(r#"{{"type":"object","properties":{{{properties}}}}}"#)
}

fn refusal(schema: &str) -> String {
    param_headers(raw(schema)).unwrap_err()
}

fn checked(arguments: &str, sent: &[&str]) -> Result<(), String> {
    let answer = |name: &str| match name {
        "Mcp-Param-Region" => sent.iter().map(|value| value.as_bytes()).collect(),
        _ => Vec::new(),
    };
    check(&[header("to.region")], raw(arguments), answer)
}

#[test]
fn annotated_properties_are_found_at_any_depth() {
    let schema = schema(
        r#""region":{"type":"string","x-mcp-header":"Region"},"query":{"type":"string"},
        "to":{"properties":{"n":{"x-mcp\u002dheader":"N-1","type":"integer"},
        "x":{"type":"object","properties":{"on":{"type":"boolean","x-mcp-header":"on!"}}}}}"#,
    );
    let found = param_headers(raw(&schema)).unwrap();
    let found: Vec<_> = found.iter().map(|found| (found.header_name(), found.path.join("/"))).collect();
    let expected = [("Mcp-Param-Region", "region"), ("Mcp-Param-N-1", "to/n"), ("Mcp-Param-on!", "to/x/on")];
    assert_eq!(found, expected.map(|(name, path)| (name.to_owned(), path.to_owned())));
}

#[test]
fn what_only_looks_like_an_annotation_is_none() {
    for schema in [
        "{}".to_owned(),
        schema(r#""a":{"description":"x-mcp-header"}"#),
        schema(r#""x-mcp-header":{"type":"array"}"#),
        schema(r#""a":{"default":{"x-mcp-header":1},"enum":[{"x-mcp-header":1}],"examples":[{"x-mcp-header":1}]}"#),
        r#"{"$defs":{"x-mcp-header":{"type":"string"}},"const":{"x-mcp-header":""}}"#.to_owned(),
    ] {
        assert_eq!(param_headers(raw(&schema)), Ok(Vec::new()), "{schema}");
    }
}

#[test]
fn an_annotation_off_the_chain_of_properties_is_refused() {
    let annotated = r#"{"type":"string","x-mcp-header":"A"}"#;
    for schema in [
        r#"{"type":"string","x-mcp-header":"A"}"#.to_owned(),
        schema(&format!(r#""a":{{"items":{annotated}}}"#)),
        schema(&format!(r#""a":{{"items":{{"properties":{{"b":{annotated}}}}}}}"#)),
        schema(&format!(r#""a":{{"prefixItems":[{annotated}]}}"#)),
        schema(&format!(r#""a":{{"anyOf":[{{"type":"null"}},{annotated}]}}"#)),
        schema(&format!(r#""a":{{"not":{annotated}}}"#)),
        format!(r#"{{"if":{{"properties":{{"a":{annotated}}}}}}}"#),
        format!(r#"{{"allOf":[{{"properties":{{"a":{annotated}}}}}]}}"#),
        format!(r##"{{"$ref":"#/$defs/a","$defs":{{"a":{annotated}}}}}"##),
        format!(r#"{{"definitions":{{"properties":{annotated}}}}}"#),
        format!(r#"{{"patternProperties":{{"^a":{annotated}}}}}"#),
        format!(r#"{{"additionalProperties":{annotated}}}"#),
        format!(r#"{{"x-other":{{"deep":[[{annotated}]]}}}}"#),
        format!(r#"{{"properties":[{annotated}]}}"#),
    ] {
        let reason = refusal(&schema);
        assert_eq!(reason, "x-mcp-header is only allowed on what a chain of properties leads to", "{schema}");
    }
}

#[test]
fn an_annotation_that_makes_no_header_is_refused() {
    for (property, words) in [
        (r#"{"type":"string","x-mcp-header":""}"#, "not a header's name"),
        (r#"{"type":"string","x-mcp-header":"a b"}"#, "not a header's name"),
        (r#"{"type":"string","x-mcp-header":"a\r\nb"}"#, "not a header's name"),
        (r#"{"type":"string","x-mcp-header":"é"}"#, "not a header's name"),
        (r#"{"type":"string","x-mcp-header":"a:"}"#, "not a header's name"),
        (r#"{"type":"string","x-mcp-header":7}"#, "not a header's name"),
        (r#"{"type":"string","x-mcp-header":null}"#, "not a header's name"),
        (r#"{"type":"number","x-mcp-header":"A"}"#, "only allowed on type"),
        (r#"{"type":"object","x-mcp-header":"A"}"#, "only allowed on type"),
        (r#"{"type":["string","null"],"x-mcp-header":"A"}"#, "only allowed on type"),
        (r#"{"x-mcp-header":"A"}"#, "only allowed on type"),
        (r#"{"type":"string","x-mcp-header":"A","x-mcp-header":"B"}"#, "twice"),
    ] {
        let reason = refusal(&schema(&format!("\"amount\":{property}")));
        assert!(reason.contains(words), "{property}: {reason}");
    }
}

#[test]
fn one_name_serves_one_argument_whatever_its_case() {
    let twice = schema(
        r#""a":{"type":"string","x-mcp-header":"Region"},"b":{"properties":{"c":{"type":"string","x-mcp-header":"rEGION"}}}"#,
    );
    assert!(refusal(&twice).contains("b.c"));
}

#[test]
fn headers_and_depth_are_bounded() {
    let many = |count: usize| {
        let properties = (0..count).map(|n| format!(r#""p{n}":{{"type":"string","x-mcp-header":"P{n}"}}"#));
        schema(&properties.collect::<Vec<_>>().join(","))
    };
    assert_eq!(param_headers(raw(&many(MAX_PARAM_HEADERS))).unwrap().len(), MAX_PARAM_HEADERS);
    assert!(refusal(&many(MAX_PARAM_HEADERS + 1)).contains("more than 64"));
    let deep = format!(r#"{}{{"x-mcp-header":"A"}}{}"#, r#"{"not":"#.repeat(100_000), "}".repeat(100_000));
    assert!(refusal(&deep).contains("levels deep"));
}

#[test]
fn a_value_is_written_as_the_specification_says() {
    for (value, expected) in [
        (r#""us-\u0077est1""#, Some("us-west1")),
        (r#""""#, Some("")),
        ("true", Some("true")),
        ("false", Some("false")),
        ("42", Some("42")),
        ("-7", Some("-7")),
        ("42.0", Some("42")),
        ("4.2e1", Some("42")),
        ("-0", Some("0")),
        ("9007199254740991", Some("9007199254740991")),
        ("1.5", Some("1.5")),
        ("null", None),
        ("[1]", None),
        ("{}", None),
    ] {
        let arguments = format!(r#"{{"to":{{"region":{value},"x":1}}}}"#);
        assert_eq!(header("to.region").value(raw(&arguments)).unwrap().as_deref(), expected, "{value}");
    }
    for arguments in ["{}", r#"{"to":null}"#, r#"{"to":[{"region":"a"}]}"#, r#"{"region":"a"}"#, r#"{"to":{}}"#] {
        assert_eq!(header("to.region").value(raw(arguments)).unwrap(), None, "{arguments}");
    }
}

#[test]
fn a_value_that_has_no_one_text_is_an_error() {
    for (arguments, message) in [
        (r#"{"to":{"region":9007199254740992}}"#, "params.arguments.to.region must be an integer within ±(2^53 - 1)"),
        (r#"{"to":{"region":-1e300}}"#, "params.arguments.to.region must be an integer within ±(2^53 - 1)"),
        (r#"{"to":{"region":"a","r\u0065gion":"b"}}"#, "params.arguments.to has the key \"region\" twice"),
        (r#"{"to":{},"to":{"region":"b"}}"#, "params.arguments has the key \"to\" twice"),
        (
            r#"{"to":{"region":"\ud800"}}"#,
            "params.arguments.to.region is not valid Unicode: it has a lone surrogate escape",
        ),
    ] {
        let error = header("to.region").value(raw(arguments)).unwrap_err().to_string();
        assert_eq!(error, message);
        assert!(checked(arguments, &["b"]).unwrap_err().contains("Mcp-Param-Region"));
    }
}

#[test]
fn what_was_sent_must_be_what_the_body_says() {
    for (arguments, sent) in [
        (r#"{"to":{"region":"us"}}"#, &["us"][..]),
        (r#"{"to":{"region":"us"}}"#, &["=?base64?dXM=?="]),
        (r#"{"to":{"region":"世"}}"#, &["=?base64?5LiW?="]),
        (r#"{"to":{"region":42}}"#, &["42.0"]),
        (r#"{"to":{"region":42.00}}"#, &["42"]),
        (r#"{"to":{"region":1e-7}}"#, &["1e-7"]),
        (r#"{"to":{"region":"42.0"}}"#, &["42.0"]),
        (r#"{"to":{"region":true}}"#, &["true"]),
        (r#"{"to":{"region":null}}"#, &[]),
        ("{}", &[]),
        (r#"{"to":{"region":{"deep":1}}}"#, &[]),
    ] {
        assert_eq!(checked(arguments, sent), Ok(()), "{arguments} {sent:?}");
    }
}

#[test]
fn what_differs_is_refused_by_the_headers_name() {
    let value = r#"{"to":{"region":"us"}}"#;
    let missing = "the header Mcp-Param-Region is missing: params.arguments.to.region has a value";
    let left_out = "the header Mcp-Param-Region must be left out: params.arguments.to.region has no value for it";
    let differs = "the header Mcp-Param-Region does not match params.arguments.to.region";
    for (arguments, sent, message) in [
        (value, &[][..], missing),
        (value, &["us", "us"], "the header Mcp-Param-Region stands there twice"),
        (value, &["eu"], differs),
        (value, &["US"], differs),
        (value, &["é"], "the header Mcp-Param-Region has characters other than visible ASCII, space and tab"),
        (value, &["=?base64?dXM?="], "the header Mcp-Param-Region is marked as Base64, but is not valid Base64"),
        ("{}", &["us"], left_out),
        (r#"{"to":{"region":null}}"#, &["null"], left_out),
        (r#"{"to":{"region":[]}}"#, &["[]"], left_out),
        (r#"{"to":{"region":42}}"#, &["43"], differs),
        (r#"{"to":{"region":42}}"#, &["042"], differs),
        (r#"{"to":{"region":42}}"#, &["4.2e1"], differs),
        (r#"{"to":{"region":42}}"#, &["+42"], differs),
        (r#"{"to":{"region":42}}"#, &["42."], differs),
        (r#"{"to":{"region":"42"}}"#, &["42.0"], differs),
        (r#"{"to":{"region":"true"}}"#, &["True"], differs),
    ] {
        assert_eq!(checked(arguments, sent).unwrap_err(), message, "{arguments} {sent:?}");
    }
}
