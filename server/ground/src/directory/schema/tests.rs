#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::time::{Duration, Instant};

use domain::{ConnectionId, ToolId};
use serde_json::json;

use super::*;

mod ill;

fn definition(schema: &Value) -> String {
    json!({"name": "t", "inputSchema": schema}).to_string()
}

fn tool(definition: &str) -> Tool {
    Tool {
        id: ToolId::new(),
        connection: ConnectionId::new(),
        name: "t".into(),
        seen_sha256: wire::canonical::sha256(definition.as_bytes()),
        normal_sha256: None,
        changed: false,
        text_sha256: [0; 32],
        definition: definition.into(),
        offered: true,
    }
}

async fn check(schema: &Value, arguments: &Value) -> Validation {
    let arguments = serde_json::value::to_raw_value(arguments).unwrap();
    Schemas::default().check(&tool(&definition(schema)), &arguments).await
}

async fn usable(schema: &Value) -> Checked {
    Schemas::default().usable(&definition(schema)).await.expect("a turn")
}

fn full() -> Validation {
    Validation::Fits(Checked { check: ArgumentsCheck::Full, note: None })
}

fn wrong(validation: Validation) -> Vec<String> {
    match validation {
        Validation::Wrong(problems) => problems.iter().map(ToString::to_string).collect(),
        Validation::Fits(checked) => unreachable!("they fit: {checked:?}"),
    }
}

fn checked(validation: Validation) -> (ArgumentsCheck, String) {
    match validation {
        Validation::Fits(checked) => (checked.check, checked.note.unwrap_or_default()),
        Validation::Wrong(problems) => unreachable!("they do not fit: {problems:?}"),
    }
}

/// An ordinary filter: a rule, or a list of filters all or one of which must hold.
fn filter() -> Value {
    let list = json!({"type": "array", "items": {"$ref": "#/$defs/filter"}});
    json!({
        "type": "object",
        "properties": {"filter": {"$ref": "#/$defs/filter"}},
        "$defs": {"filter": {"anyOf": [
            {"type": "object", "properties": {"all": list, "field": {"type": "string"}}},
            {"type": "object", "properties": {"all": list, "any": list, "field": {"type": "string"}}, "required": ["all"]},
        ], "properties": {"wrong": false}}},
    })
}

#[tokio::test]
async fn a_wrong_argument_is_named() {
    let schema = json!({"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"]});
    assert_eq!(check(&schema, &json!({"amount": 1})).await, full());
    let problems = wrong(check(&schema, &json!({"amount": "x"})).await);
    assert!(problems[0].contains("/amount"), "{problems:?}");
    let problems = wrong(check(&schema, &json!({})).await);
    assert!(problems[0].contains("amount"), "{problems:?}");
}

#[tokio::test]
async fn a_wrong_value_does_not_stand_in_the_explanation() {
    let schema = json!({"properties": {"pin": {"type": "string", "pattern": "^[0-9]+$"}}});
    let problems = wrong(check(&schema, &json!({"pin": "s3cret"})).await);
    assert!(!problems.join(" ").contains("s3cret"), "{problems:?}");
}

#[tokio::test]
async fn a_filter_within_a_filter_is_checked_or_given_up_in_time() {
    for depth in [1, 5, 18, 20, 40, 60] {
        let arguments = (0..depth).fold(json!({"wrong": 1}), |inner, _| json!({"all": [inner]}));
        let began = Instant::now();
        let validation = check(&filter(), &json!({"filter": arguments})).await;
        assert!(began.elapsed() < Duration::from_secs(20), "{depth} levels took {:?}", began.elapsed());
        match validation {
            Validation::Wrong(_) => {}
            Validation::Fits(checked) => {
                assert!(depth > 5, "an ordinary depth is checked");
                assert_eq!(checked.check, ArgumentsCheck::None);
                assert!(checked.note.unwrap().contains("takes too long"));
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_left_out_and_never_refuses_more() {
    let fits: [(Value, Value, &str); 13] = [
        (json!({"$ref": "http://127.0.0.1:1/x.json"}), json!({}), "http://127.0.0.1:1/x.json"),
        (json!({"$ref": "file:///etc/passwd"}), json!({}), "file:///etc/passwd"),
        (json!({"$ref": "#/$defs/gone", "required": ["a"]}), json!({}), "leads to nothing"),
        (json!({"properties": {"a": {"pattern": "(?=x)y"}}}), json!({"a": "z"}), "(?=x)y"),
        (json!({"not": {"properties": {"a": {"pattern": "(?=x)y"}}}}), json!({"a": "z"}), "(?=x)y"),
        (json!({"oneOf": [{"pattern": "(?=x)y"}, {"type": "object"}]}), json!({"a": "z"}), "(?=x)y"),
        (json!({"if": {"pattern": "(?=x)y"}, "then": {"required": ["b"]}}), json!({}), "(?=x)y"),
        (json!({"patternProperties": {"(?=x)y": {}}, "additionalProperties": false}), json!({"xy": 1}), "(?=x)y"),
        (json!({"properties": {"a": {"pattern": "a".repeat(2_001)}}}), json!({"a": "z"}), "longer than 2,000"),
        (json!({"allOf": [{"$ref": "#"}]}), json!({}), "leads back"),
        (
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
            json!({}),
            "leads back",
        ),
        (json!({"properties": {"a": {"$id": "https://example.com/a", "type": "string"}}}), json!({"a": 1}), "$id"),
        (
            json!({"enum": [{"type": "string"}, {"a": 1}], "properties": {"a": {"$ref": "#/enum/0"}}}),
            json!({"a": 1}),
            "#/enum/0",
        ),
    ];
    for (schema, arguments, note) in fits {
        let (check, why) = checked(check(&schema, &arguments).await);
        assert_eq!(check, ArgumentsCheck::Partial, "{schema}");
        assert!(why.contains(note), "{schema}: {why}");
    }
    // The rest still counts.
    let schema = json!({"properties": {"a": {"pattern": "(?=x)y", "type": "string"}, "b": {"type": "integer"}}});
    assert!(wrong(check(&schema, &json!({"a": 1})).await)[0].contains("/a"));
    assert!(wrong(check(&schema, &json!({"b": "x"})).await)[0].contains("/b"));
}

#[tokio::test]
async fn ordinary_schemas_are_used_whole() {
    let schemas = [
        json!({"type": "object"}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "definitions": {"a": {"type": "string"}},
               "properties": {"x": {"$ref": "#/definitions/a"}}}),
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/tool",
               "properties": {"x": {"$ref": "https://example.com/tool#/$defs/a"}}, "$defs": {"a": {"type": "string"}}}),
        json!({"properties": {"x": {"$ref": "#node"}}, "$defs": {"a": {"$anchor": "node", "type": "string"}}}),
        json!({"$schema": "https://example.com/no-such-dialect", "properties": {"x": {"type": "string"}}}),
        json!({"properties": {"x": {"$ref": "#/components/a~1b%20c"}}, "components": {"a/b c": {"type": "string"}}}),
        json!({"properties": {"x": {"$ref": "#/$defs/~0~1"}}, "$defs": {"~/": {"type": "string"}, "~~1": {"type": "integer"}}}),
        json!({"properties": {"x": {"$dynamicRef": "#x"}}, "$defs": {"a": {"$dynamicAnchor": "x", "type": "string"}}}),
        json!({"properties": {"x": {"type": "string", "pattern": "^[\\w.-]{1,64}$"}}, "additionalProperties": false}),
        filter(),
    ];
    for schema in &schemas {
        assert_eq!(usable(schema).await, Checked { check: ArgumentsCheck::Full, note: None }, "{schema}");
    }
    for schema in &schemas[1..9] {
        assert!(!wrong(check(schema, &json!({"x": 1})).await).is_empty(), "{schema}");
    }
}

#[tokio::test]
async fn data_that_looks_like_a_schema_is_left_alone() {
    let schema = json!({"$id": "https://example.com/t", "properties": {"a": {"const": {"$ref": "https://example.com/t#/x", "$anchor": "y"}}}});
    let arguments = json!({"a": {"$ref": "https://example.com/t#/x", "$anchor": "y"}});
    assert_eq!(check(&schema, &arguments).await, full());
    assert!(!wrong(check(&schema, &json!({"a": {"$ref": "#/x"}})).await).is_empty());
}

#[tokio::test]
async fn a_reference_means_to_the_validator_what_was_measured() {
    // Decoded first and then taken apart (RFC 6901, section 6): it leads to the member `y` of `x`.
    let schema = json!({"properties": {"a": {"$ref": "#/$defs/x%2Fy"}},
        "$defs": {"x/y": {"type": "string"}, "x": {"y": {"type": "integer"}}}});
    assert_eq!(check(&schema, &json!({"a": 1})).await, full());
    assert!(!wrong(check(&schema, &json!({"a": "s"})).await).is_empty());
    // In 2019-09 it is `#` whatever it says; here it is what it says, or nothing.
    let schema = json!({"$schema": "https://json-schema.org/draft/2019-09/schema",
        "properties": {"a": {"$recursiveRef": "#/$defs/leaf"}}, "$defs": {"leaf": {"type": "string"}}});
    assert!(!wrong(check(&schema, &json!({"a": 1})).await).is_empty());
}

#[tokio::test]
async fn what_is_not_json_schema_is_left_out_and_named() {
    let checked = usable(&json!({"type": 12})).await;
    assert_eq!(checked.check, ArgumentsCheck::Partial);
    assert_eq!(checked.note.as_deref(), Some("`type` at `#` is left out: it is not JSON Schema"));
}

/// A definition of references: each part refers to the next, so many times.
fn chain(length: usize, times: usize) -> Value {
    let mut parts: serde_json::Map<String, Value> = (0..length)
        .map(|n| (format!("d{n}"), json!({"allOf": vec![json!({"$ref": format!("#/$defs/d{}", n + 1)}); times]})))
        .collect();
    parts.insert(format!("d{length}"), json!({"type": "string"}));
    json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": parts})
}

/// Everything that hung, overflowed or filled the process, or came near to it, each with arguments that meet it.
fn hostile() -> Vec<(&'static str, Value, Value)> {
    let numbered = |n: usize, of: &dyn Fn(usize) -> Value| -> serde_json::Map<String, Value> {
        (0..n).map(|n| (format!("p{n}"), of(n))).collect()
    };
    let long = "x".repeat(200_000);
    vec![
        ("twice the next, sixty deep", chain(60, 2), json!({"a": "x"})),
        ("twice the next, ten deep", chain(10, 2), json!({"a": "x"})),
        ("a long chain", chain(24_000, 1), json!({"a": 1})),
        ("a chain as long as may be", chain(1_900, 1), json!({"a": 1})),
        (
            "a chain through values",
            {
                let mut parts =
                    numbered(1_900, &|n| json!({"properties": {"a": {"$ref": format!("#/$defs/p{}", n + 1)}}}));
                parts.insert("p1900".into(), json!({"type": "string"}));
                json!({"$ref": "#/$defs/p0", "$defs": parts})
            },
            (0..120).fold(json!(1), |inner, _| json!({"a": inner})),
        ),
        (
            "anchors in a circle",
            {
                let parts = numbered(
                    1_900,
                    &|n| json!({"$anchor": format!("x{n}"), "allOf": [{"$ref": format!("#x{}", (n + 1) % 1_900)}]}),
                );
                json!({"properties": {"a": {"$ref": "#x0"}}, "$defs": parts})
            },
            json!({"a": 1}),
        ),
        (
            "large patterns",
            {
                let parts = numbered(3_000, &|n| json!({"pattern": format!("\\p{{L}}{{20}}{n}")}));
                json!({"properties": parts})
            },
            json!({"p1": long}),
        ),
        (
            "patterns of many states",
            { json!({"properties": numbered(150, &|n| json!({"pattern": format!("(a|b)*a(a|b){{{}}}x", 50 + n)}))}) },
            {
                let text = "ab".repeat(20_000);
                Value::Object(numbered(150, &|_| json!(text)))
            },
        ),
        (
            "patterns of names",
            {
                json!({"patternProperties": (0..150).map(|n| (format!("(a|b)*a(a|b){{{n}}}x"), json!({}))).collect::<serde_json::Map<_, _>>()})
            },
            Value::Object((0..2_000).map(|n| (format!("{}{n}", "ab".repeat(50)), json!(1))).collect()),
        ),
        (
            "one long list of values",
            json!({"properties": {"a": {"items": {"enum": (0..30_000).collect::<Vec<_>>()}}}}),
            json!({"a": vec![-1; 100_000]}),
        ),
        (
            "large constants",
            {
                let large: Value = (0..1_500).map(|n| format!("{n:060}")).collect();
                json!({"properties": {"a": {"anyOf": vec![json!({"const": large}); 1], "items": {"not": {"const": large}}}}})
            },
            json!({"a": vec![vec![format!("{:060}", 0); 300]; 300]}),
        ),
        (
            "unique items",
            json!({"properties": {"a": {"items": {"uniqueItems": true}, "uniqueItems": true}}}),
            json!({"a": vec![vec![vec![1; 14]; 14]; 1_000]}),
        ),
        (
            "unevaluated everywhere",
            {
                let parts = numbered(2_000, &|_| json!({"unevaluatedProperties": false, "allOf": [{"$ref": "#"}]}));
                json!({"properties": parts, "unevaluatedProperties": false})
            },
            json!({"p1": {"p2": {"p3": {}}}}),
        ),
        (
            "unevaluated, doubled",
            {
                let mut schema = chain(11, 2);
                schema["unevaluatedProperties"] = json!(false);
                schema["$ref"] = json!("#/$defs/d0");
                schema
            },
            json!({"a": "x", "b": 1}),
        ),
        ("as many parts as fit", { json!({"properties": numbered(20_000, &|_| json!({}))}) }, json!({"p1": 1})),
        (
            "many names that are required",
            json!({"required": (0..20_000).map(|n| format!("k{n}")).collect::<Vec<_>>()}),
            json!({}),
        ),
        (
            "identities everywhere",
            json!({"$defs": numbered(3_000, &|n| json!({"$id": format!("x{n}"), "$schema": "http://json-schema.org/draft-07/schema#"}))}),
            json!({}),
        ),
        (
            "the same part for every value",
            {
                json!({"$defs": {"v": {"anyOf": vec![json!({"additionalProperties": {"$ref": "#/$defs/v"}, "items": {"$ref": "#/$defs/v"}, "minProperties": 1_000}); 20]}},
                   "properties": {"a": {"$ref": "#/$defs/v"}}})
            },
            (0..100).fold(json!({"b": 1}), |inner, _| json!({"a": inner})),
        ),
        (
            "names over and over",
            json!({"propertyNames": {"anyOf": vec![json!({"pattern": "^(a|b)*c$"}); 100]}}),
            Value::Object((0..3_000).map(|n| (format!("{}{n}", "ab".repeat(20)), json!(1))).collect()),
        ),
        (
            "a long name and many problems",
            json!({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}),
            json!({"k".repeat(128 * 1024): vec![1; 13_000]}),
        ),
        (
            "parts that are booleans",
            json!({"properties": {"b": {"items": {"allOf": vec![json!({"$ref": "#/$defs/t"}); 1_500]}}},
                   "$defs": {"t": {"allOf": vec![true; 30_000]}}}),
            json!({"b": vec![1; 4_000]}),
        ),
        (
            "as many booleans as may be",
            json!({"properties": {"b": {"items": {"allOf": vec![true; 4_000]}}}}),
            json!({"b": vec![1; 100_000]}),
        ),
        (
            "parts behind a reference that reads two ways",
            {
                let next = |n: usize| json!({"$ref": format!("#/$defs/x%2Fp{}", n + 1)});
                let mut hidden = numbered(60, &|n| json!({"allOf": vec![next(n); 60]}));
                let patterns = numbered(1_500, &|n| json!({"pattern": format!("\\p{{L}}{{6}}{n}")}));
                hidden.insert("y".into(), json!({"$ref": "#/$defs/x%2Fp0", "properties": patterns}));
                json!({"properties": {"a": {"$ref": "#/$defs/x%2Fy"}}, "$defs": {"x/y": {}, "x": hidden}})
            },
            json!({"a": {"p1": "x"}}),
        ),
        (
            "unevaluated over what unfolds",
            {
                let mut schema = chain(10, 2);
                let looks = json!({"unevaluatedProperties": false, "$ref": "#/$defs/d0"});
                schema["properties"] = Value::Object(numbered(280, &|_| looks.clone()));
                schema
            },
            json!({"p1": {"a": 1}}),
        ),
        ("one long pattern", json!({"properties": {"a": {"pattern": "\\p{L}".repeat(40_000)}}}), json!({"a": "x"})),
        (
            "dynamic references",
            {
                json!({"$dynamicAnchor": "a", "properties": {"x": {"anyOf": [{"$dynamicRef": "#a"}, {"$dynamicRef": "#a"}, {"$ref": "#"}]}}, "required": ["y"]})
            },
            (0..100).fold(json!({}), |inner, _| json!({"x": inner})),
        ),
    ]
}

/// Memory that the process has had at most, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn a_hostile_definition_neither_hangs_nor_overflows_nor_fills_the_process() {
    for (what, schema, arguments) in hostile() {
        let (began, before) = (Instant::now(), peak());
        // The worker of this test goes on meanwhile.
        let beat = tokio::spawn(async {
            loop {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let validation = check(&schema, &arguments).await;
        beat.abort();
        assert!(began.elapsed() < Duration::from_secs(20), "{what} took {:?}", began.elapsed());
        assert!(peak().saturating_sub(before) < 150 << 20, "{what} took {} MiB", peak().saturating_sub(before) >> 20);
        println!("{what}: {:?}, {} MiB, {validation:.200?}", began.elapsed(), peak().saturating_sub(before) >> 20);
    }
}

#[tokio::test]
async fn a_definition_over_a_bound_is_none_with_its_reason() {
    let large = json!({"description": "x".repeat(300_000)});
    let deep = (0..100).fold(json!({}), |inner, _| json!({"items": inner}));
    for (schema, reason) in [
        (large, "262144"),
        (deep, "deeper than 64"),
        (chain(60, 2), "unfolds"),
        (chain(1_900, 1), "one behind the other"),
    ] {
        let checked = usable(&schema).await;
        assert_eq!(checked.check, ArgumentsCheck::None);
        assert!(checked.note.as_ref().is_some_and(|note| note.contains(reason)), "{checked:?}");
    }
}

#[tokio::test]
async fn compiled_schemas_are_bounded_together() {
    let schemas = Schemas::default();
    for n in 0..40 {
        let parts: serde_json::Map<String, Value> = (0..2_000).map(|p| (format!("p{n}_{p}"), json!({}))).collect();
        let tool = tool(&definition(&json!({"properties": parts})));
        schemas.check(&tool, &serde_json::value::to_raw_value(&json!({})).unwrap()).await;
    }
    schemas.compiled.run_pending_tasks().await;
    assert!(schemas.compiled.weighted_size() <= KEPT_BYTES);
    assert!(schemas.compiled.entry_count() < 40, "the least used are gone");
}

#[test]
fn a_compiled_schema_weighs_what_it_was_seen_to_take() {
    // Five of each kept took so much: the values of an enumeration, the parts of an object.
    let numbers = compile(&definition(&json!({"properties": {"a": {"enum": vec![0; 120_000]}}})));
    assert!(numbers.bytes > 9 << 20, "{}", numbers.bytes);
    let parts: serde_json::Map<String, Value> =
        (0..4_000).map(|n| (format!("p{n}"), json!({"type": "string"}))).collect();
    let parts = compile(&definition(&json!({"properties": parts})));
    assert!(parts.bytes > 5 << 20, "{}", parts.bytes);
}

/// A small schema with everything in it that is rewritten, weakened or left out.
fn any_schema(rng: &mut fastrand::Rng, depth: usize) -> Value {
    let mut schema = serde_json::Map::new();
    for _ in 0..rng.usize(1..3) {
        let child = |rng: &mut fastrand::Rng| match depth {
            0 => rng.choice([json!(true), json!(false), json!({"type": "string"}), json!({"minimum": 1})]).unwrap(),
            _ => any_schema(rng, depth - 1),
        };
        let (keyword, value) = match rng.usize(0..16) {
            0 => (
                "$ref",
                json!(rng.choice(["#/$defs/a", "#/$defs/b", "#/$defs/c%2Fd", "#/properties/a", "#a"]).unwrap()),
            ),
            1 => ("anyOf", json!([child(rng), child(rng)])),
            2 => ("allOf", json!([child(rng), child(rng)])),
            3 => ("oneOf", json!([child(rng), child(rng)])),
            4 => ("not", child(rng)),
            5 => ("if", child(rng)),
            6 => ("then", child(rng)),
            7 => ("items", child(rng)),
            8 => ("properties", json!({"a": child(rng), "b": child(rng)})),
            9 => ("patternProperties", json!({"^a": child(rng), "(?=b)b": child(rng)})),
            10 => ("pattern", json!(rng.choice(["^a", "(?=a)a", "b$"]).unwrap())),
            11 => ("additionalProperties", child(rng)),
            12 => ("contains", child(rng)),
            13 => ("type", json!(rng.choice(["object", "string", "integer", "array"]).unwrap())),
            14 => ("unevaluatedProperties", child(rng)),
            _ => ("enum", json!([1, "a", {"a": 1}, [1]])),
        };
        schema.insert(keyword.to_owned(), value);
    }
    Value::Object(schema)
}

fn any_value(rng: &mut fastrand::Rng, depth: usize) -> Value {
    match rng.usize(0..if depth == 0 { 4 } else { 6 }) {
        0 => json!(rng.i8(-2..3)),
        1 | 2 => json!(rng.choice(["a", "ab", "b", ""]).unwrap()),
        3 => json!({}),
        4 => json!([any_value(rng, depth - 1), any_value(rng, depth - 1)]),
        _ => json!({"a": any_value(rng, depth - 1), "ab": any_value(rng, depth - 1), "b": any_value(rng, depth - 1)}),
    }
}

#[test]
fn a_verdict_is_that_of_the_schema_as_it_was_written_or_milder() {
    let work = || {
        let (mut whole, mut parts) = (0, 0);
        for seed in 0..1_500 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut schema = any_schema(&mut rng, 2);
            let anchored = json!({"$anchor": "a", "anyOf": [any_schema(&mut rng, 1)]});
            let defined =
                json!({"a": any_schema(&mut rng, 1), "b": anchored, "c/d": {}, "c": {"d": any_schema(&mut rng, 1)}});
            schema["$defs"] = defined;
            // Older dialects say other things of what stands beside a reference.
            if let Some(dialect) = [None, Some("07"), Some("06")][rng.usize(0..3)] {
                schema["$schema"] = json!(format!("http://json-schema.org/draft-{dialect}/schema#"));
            }
            let Ok(as_written) = jsonschema::validator_for(&schema) else { continue };
            let ours = compile(&definition(&schema));
            for _ in 0..8 {
                let value = any_value(&mut rng, 2);
                let refused = matches!(ours.check(&value.to_string()), Validation::Wrong(_));
                match ours.usable.check {
                    ArgumentsCheck::Full => {
                        whole += 1;
                        assert_eq!(refused, !as_written.is_valid(&value), "seed {seed}: {schema}\n{value}");
                    }
                    _ => {
                        parts += 1;
                        assert!(!refused || !as_written.is_valid(&value), "seed {seed}: {schema}\n{value}");
                    }
                }
            }
        }
        assert!(whole > 1_000 && parts > 1_000, "{whole} and {parts} verdicts");
    };
    std::thread::Builder::new().stack_size(aside::STACK).spawn(work).unwrap().join().unwrap();
}
