//! The arguments of a call: one JSON object as it stands, or single ones, typed by the tool's input schema.

use std::io::{self, Read};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::value::RawValue;
use wire::json::fields;

/// At most so many bytes are read from stdin: the gateway takes no larger request.
const MOST: u64 = 4 * 1024 * 1024;

/// One `--arg`.
#[derive(Clone, Debug)]
pub(super) struct Named {
    name: String,
    value: String,
}

/// Reads a `--arg`.
pub(super) fn named(text: &str) -> Result<Named, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok(Named { name: name.to_owned(), value: value.to_owned() }),
        _ => Err("give NAME=VALUE, as in customer=Ada".to_owned()),
    }
}

/// The arguments as they were given; `-` stands for what is on stdin.
pub(super) fn whole(given: &str) -> anyhow::Result<Box<RawValue>> {
    match given {
        "-" => object(read(io::stdin().lock())?),
        text => object(text.to_owned()),
    }
}

fn read(from: impl Read) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    from.take(MOST + 1).read_to_end(&mut bytes).context("cannot read the arguments from stdin")?;
    if bytes.len() as u64 > MOST {
        bail!("the arguments on stdin have more than 4 MiB");
    }
    String::from_utf8(bytes).context("the arguments on stdin are not UTF-8")
}

fn object(text: String) -> anyhow::Result<Box<RawValue>> {
    let value = RawValue::from_string(text).context("the arguments are not JSON")?;
    if !value.get().starts_with('{') {
        bail!("the arguments must be a JSON object, as {{\"customer\": \"Ada\"}}");
    }
    Ok(value)
}

/// An object of single arguments, each of the type that the schema wants.
pub(super) fn typed(given: &[Named], schema: &RawValue) -> anyhow::Result<Box<RawValue>> {
    let mut members = Vec::with_capacity(given.len());
    for (at, argument) in given.iter().enumerate() {
        if given[..at].iter().any(|earlier| earlier.name == argument.name) {
            bail!("the argument {:?} is given twice", argument.name);
        }
        let value = value(argument, &kinds(schema, &argument.name))?;
        members.push(format!("{}:{value}", serde_json::to_string(&argument.name)?));
    }
    Ok(RawValue::from_string(format!("{{{}}}", members.join(",")))?)
}

/// The types of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    String,
    Integer,
    Number,
    Boolean,
    Null,
    Array,
    Object,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Null => "null",
            Self::Array => "a JSON array",
            Self::Object => "a JSON object",
        }
    }

    /// Whether a JSON value is of this type.
    fn is_of(self, json: &str) -> bool {
        let is_number = json.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        match self {
            Self::String => json.starts_with('"'),
            Self::Integer => is_number && !json.contains(['.', 'e', 'E']),
            Self::Number => is_number,
            Self::Boolean => matches!(json, "true" | "false"),
            Self::Null => json == "null",
            Self::Array => json.starts_with('['),
            Self::Object => json.starts_with('{'),
        }
    }
}

/// What the schema says that an argument may be; nothing where it does not say so in plain words.
fn kinds(schema: &RawValue, name: &str) -> Vec<Kind> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Types {
        One(Kind),
        Several(Vec<Kind>),
    }

    let property = member(schema, "properties").and_then(|properties| member(properties, name));
    let types = property.and_then(|property| member(property, "type"));
    match types.and_then(|types| serde_json::from_str(types.get()).ok()) {
        Some(Types::One(kind)) => vec![kind],
        Some(Types::Several(kinds)) => kinds,
        None => Vec::new(),
    }
}

fn member<'a>(object: &'a RawValue, key: &str) -> Option<&'a RawValue> {
    fields(object).ok()?.into_iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// A value as JSON, with exactly the digits that were given.
fn value(Named { name, value }: &Named, kinds: &[Kind]) -> anyhow::Result<String> {
    let as_string = || serde_json::to_string(value);
    if let [Kind::String] = kinds {
        return Ok(as_string()?);
    }
    let json = serde_json::from_str::<Box<RawValue>>(value).ok();
    let fits = |json: &str| kinds.is_empty() || kinds.iter().any(|kind| kind.is_of(json));
    match json.filter(|json| fits(json.get())) {
        Some(json) => Ok(json.get().to_owned()),
        None if kinds.is_empty() || kinds.contains(&Kind::String) => Ok(as_string()?),
        // What was given may be secret: it is not repeated.
        None => {
            let wanted: Vec<_> = kinds.iter().map(|kind| kind.words()).collect();
            bail!("the argument {name:?} must be {}", wanted.join(" or "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r##"{"type": "object", "maximum": 1e400, "properties": {
        "text": {"type": "string"}, "count": {"type": "integer"}, "ratio": {"type": "number"},
        "sure": {"type": "boolean"}, "none": {"type": "null"}, "list": {"type": "array"}, "map": {"type": "object"},
        "maybe": {"type": ["string", "null"]}, "size": {"type": ["integer", "null"]},
        "odd": {"type": "decimal"}, "linked": {"$ref": "#/$defs/x"}, "any": true}}"##;

    fn made(given: &[&str]) -> Result<String, String> {
        let schema: Box<RawValue> = serde_json::from_str(SCHEMA).expect("JSON");
        let given: Vec<Named> = given.iter().map(|text| named(text)).collect::<Result<_, _>>()?;
        typed(&given, &schema).map(|made| made.get().to_owned()).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_value_gets_the_type_that_the_schema_wants_and_keeps_its_digits() {
        for (given, made_of_it) in [
            ("text=Ada", r#"{"text":"Ada"}"#),
            ("text=12", r#"{"text":"12"}"#),
            ("text=null", r#"{"text":"null"}"#),
            ("text=", r#"{"text":""}"#),
            ("text=a=b\"\n", r#"{"text":"a=b\"\n"}"#),
            ("count=1250", r#"{"count":1250}"#),
            ("count=-123456789012345678901234567890", r#"{"count":-123456789012345678901234567890}"#),
            ("ratio=0.10000000000000000000001", r#"{"ratio":0.10000000000000000000001}"#),
            ("ratio=1E5", r#"{"ratio":1E5}"#),
            ("ratio=7", r#"{"ratio":7}"#),
            ("sure=true", r#"{"sure":true}"#),
            ("none=null", r#"{"none":null}"#),
            ("list=[1, 2.50]", r#"{"list":[1, 2.50]}"#),
            (r#"map={"a": 1.0}"#, r#"{"map":{"a": 1.0}}"#),
        ] {
            assert_eq!(made(&[given]).as_deref(), Ok(made_of_it), "{given}");
        }
    }

    #[test]
    fn of_several_types_or_none_json_is_tried_and_else_it_is_a_string() {
        for (given, made_of_it) in [
            ("maybe=null", r#"{"maybe":null}"#),
            ("maybe=12", r#"{"maybe":"12"}"#),
            ("maybe=Ada", r#"{"maybe":"Ada"}"#),
            ("size=12", r#"{"size":12}"#),
            ("size=null", r#"{"size":null}"#),
            ("odd=1.50", r#"{"odd":1.50}"#),
            ("odd=Ada", r#"{"odd":"Ada"}"#),
            ("linked=[1]", r#"{"linked":[1]}"#),
            ("any={", r#"{"any":"{"}"#),
            ("strange=true", r#"{"strange":true}"#),
            ("strange=yes", r#"{"strange":"yes"}"#),
        ] {
            assert_eq!(made(&[given]).as_deref(), Ok(made_of_it), "{given}");
        }
    }

    #[test]
    fn what_does_not_parse_is_refused_by_the_name_of_the_argument() {
        for (given, wanted) in [
            ("count=many", "an integer"),
            ("count=1.5", "an integer"),
            ("count=007", "an integer"),
            ("count=", "an integer"),
            ("ratio=1,5", "a number"),
            ("ratio=NaN", "a number"),
            ("sure=yes", "true or false"),
            ("none=", "null"),
            ("list={}", "a JSON array"),
            ("map=[", "a JSON object"),
            ("size=big", "an integer or null"),
        ] {
            let name = given.split('=').next().expect("a name");
            assert_eq!(made(&[given]), Err(format!("the argument {name:?} must be {wanted}")), "{given}");
        }
        assert_eq!(made(&["text=a", "count=1", "text=b"]), Err(r#"the argument "text" is given twice"#.to_owned()));
        assert!(made(&["text"]).is_err() && made(&["=a"]).is_err());
    }

    #[test]
    fn arguments_stand_in_the_order_in_which_they_were_given() {
        assert_eq!(made(&["text=a", "count=1"]).as_deref(), Ok(r#"{"text":"a","count":1}"#));
        assert_eq!(made(&["count=1", "text=a"]).as_deref(), Ok(r#"{"count":1,"text":"a"}"#));
        assert_eq!(made(&["a\"b=1"]).as_deref(), Ok(r#"{"a\"b":1}"#));
    }

    #[test]
    fn a_schema_that_cannot_be_read_says_nothing() {
        for schema in [r#"[]"#, r#"{"properties": 1}"#, r#"{"properties": {"a": {"type": ["string", 1]}}}"#] {
            let schema: Box<RawValue> = serde_json::from_str(schema).expect("JSON");
            assert_eq!(kinds(&schema, "a"), [], "{schema}");
        }
    }

    #[test]
    fn an_object_stays_the_bytes_that_it_is() {
        let given = r#"{"b": 1.0,  "a":1e2, "a": "\u0041"}"#;
        assert_eq!(whole(given).map(|made| made.get().to_owned()).ok().as_deref(), Some(given));
        for wrong in ["", "[]", "1", "{", "{} {}", "{'a': 1}"] {
            assert!(whole(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn stdin_is_read_up_to_its_bound() {
        let most = usize::try_from(MOST).expect("it fits");
        assert_eq!(read(&vec![b' '; most][..]).map(|text| text.len()).ok(), Some(most));
        assert!(read(&vec![b' '; most + 1][..]).is_err());
        assert!(read(&[0xff][..]).is_err());
    }
}
