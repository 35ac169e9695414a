//! What a hostile caller and a hostile upstream might send: JSON Schemas with references and branches, values that meet
//! them, texts made of the beginnings of credentials. The same seed gives the same again. The soak of `bench` includes
//! this file too.

use fastrand::Rng;
use serde_json::{Map, Value, json};

const NAMES: [&str; 6] = ["a", "all", "any", "to", "cents", "password"];
/// What credentials begin with, and what may go on and on after it.
const BEGINNINGS: [&str; 10] =
    ["eyJ", "mmcp_", "Bearer ", "bearer\t", "://", "://user:", "@", "AAAA.", ".....", "\\u0065yJ"];
const PATTERNS: [&str; 7] = [
    "^[a-z]+$",
    "\\p{L}{20}",
    "(a|b)*a(a|b){60}",
    "(a*)*b",
    "(?=x)y",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "[^\\x00-\\x7f]{9}",
];

/// A definition of the tool `name` with an input schema of at most so many parts.
pub(super) fn definition(rng: &mut Rng, name: &str, parts: usize) -> String {
    let mut left = parts;
    let mut schema = match schema(rng, &mut left, 0) {
        Value::Object(schema) => schema,
        _ => Map::new(),
    };
    let definitions: Map<String, Value> =
        (0..rng.usize(1..20)).map(|n| (format!("d{n}"), self::schema(rng, &mut left, 0))).collect();
    schema.insert("$defs".to_owned(), Value::Object(definitions));
    schema.insert("type".to_owned(), json!("object"));
    json!({"name": name, "description": text(rng, 200), "inputSchema": schema}).to_string()
}

fn schema(rng: &mut Rng, left: &mut usize, depth: usize) -> Value {
    if *left == 0 || depth > 12 {
        return json!({"$ref": reference(rng)});
    }
    *left -= 1;
    let mut schema = Map::new();
    for _ in 0..rng.usize(1..4) {
        let mut some = |rng: &mut Rng, most: usize| -> Vec<Value> {
            (0..rng.usize(1..=most)).map(|_| self::schema(rng, left, depth + 1)).collect()
        };
        let (keyword, value) = match rng.usize(0..16) {
            0 | 1 => ("$ref", json!(reference(rng))),
            2 => ("anyOf", json!(some(rng, 3))),
            3 => ("allOf", json!(some(rng, 3))),
            4 => ("oneOf", json!(some(rng, 3))),
            5 => ("not", some(rng, 1).remove(0)),
            6 => ("if", some(rng, 1).remove(0)),
            7 => ("items", some(rng, 1).remove(0)),
            8 | 9 => ("properties", named(some(rng, 3), &NAMES)),
            10 => ("patternProperties", named(some(rng, 2), &PATTERNS)),
            11 => ("pattern", json!(rng.choice(PATTERNS))),
            12 => ("enum", json!((0..rng.usize(1..200)).map(|_| json!(rng.u8(..))).collect::<Vec<_>>())),
            13 => ("uniqueItems", json!(true)),
            14 => ("unevaluatedProperties", json!(false)),
            _ => ("additionalProperties", some(rng, 1).remove(0)),
        };
        schema.insert(keyword.to_owned(), value);
    }
    Value::Object(schema)
}

fn reference(rng: &mut Rng) -> String {
    match rng.usize(0..8) {
        0 => "#".to_owned(),
        1 => "#/properties/a".to_owned(),
        _ => format!("#/$defs/d{}", rng.usize(0..20)),
    }
}

fn named(schemas: Vec<Value>, names: &[&str]) -> Value {
    Value::Object(schemas.into_iter().zip(names).map(|(schema, name)| ((*name).to_owned(), schema)).collect())
}

/// A value of at most so many others, deep or wide.
pub(super) fn value(rng: &mut Rng, left: &mut usize, depth: usize) -> Value {
    *left = left.saturating_sub(1);
    if *left == 0 || depth > 90 {
        return json!({"wrong": 1});
    }
    // One that goes on in one place only goes deep.
    let wide = if rng.bool() { 1 } else { rng.usize(1..6) };
    match rng.usize(0..8) {
        0 => json!(text(rng, 2_000)),
        1 => json!(rng.i64(..)),
        2 | 3 => (0..wide).map(|_| value(rng, left, depth + 1)).collect(),
        _ => Value::Object(
            (0..wide).map(|_| (rng.choice(NAMES).unwrap_or("a").to_owned(), value(rng, left, depth + 1))).collect(),
        ),
    }
}

/// A text of at most so many bytes: one piece over and over, or many pieces.
pub(super) fn text(rng: &mut Rng, bytes: usize) -> String {
    let mut text = String::new();
    let again: String = (0..rng.usize(1..4)).map(|_| rng.choice(BEGINNINGS).unwrap_or_default()).collect();
    let one = rng.bool();
    while text.len() < bytes {
        text.push_str(if one { &again } else { rng.choice(BEGINNINGS).unwrap_or_default() });
        if rng.u8(..) == 0 {
            break;
        }
    }
    text
}
