//! Examples made from schemas: what a schema gives as its example, else something of its form.

use serde_json::Value;

use super::model::{Document, Others, Schema};

/// A JSON value whose members keep the order of the schema.
pub(super) enum Example {
    Scalar(Value),
    List(Vec<Example>),
    Object(Vec<(String, Example)>),
}

/// Deeper than any schema of this API: schemas that hold themselves end here.
const DEEPEST: usize = 8;

/// A request's body: what is required, and what has an example of its own.
pub(super) fn request(document: &Document, schema: &Schema) -> Example {
    make(document, schema, false, 0)
}

/// An answer: everything it can have.
pub(super) fn answer(document: &Document, schema: &Schema) -> Example {
    make(document, schema, true, 0)
}

fn make(document: &Document, schema: &Schema, whole: bool, depth: usize) -> Example {
    if let Some(example) = schema.examples.first() {
        return Example::Scalar(example.clone());
    }
    let found = document.resolve(schema);
    if depth > DEEPEST {
        return Example::Scalar(Value::Null);
    }
    if let Some(example) = found.examples.first() {
        return Example::Scalar(example.clone());
    }
    if let Some(one) = found.one_of.iter().find(|one| !one.is_only_null()) {
        return make(document, one, whole, depth + 1);
    }
    if !found.properties.is_empty() || !found.all_of.is_empty() {
        let mut members = Vec::new();
        collect(document, found, whole, depth, &mut members);
        return Example::Object(members);
    }
    if let Some(items) = &found.items {
        return Example::List(vec![make(document, items, whole, depth + 1)]);
    }
    if let Some(Others::Of(other)) = &found.additional_properties {
        return Example::Object(vec![("agent".to_owned(), make(document, other, whole, depth + 1))]);
    }
    Example::Scalar(scalar(found))
}

fn collect(document: &Document, schema: &Schema, whole: bool, depth: usize, members: &mut Vec<(String, Example)>) {
    for part in &schema.all_of {
        collect(document, document.resolve(part), whole, depth, members);
    }
    for (name, property) in &schema.properties {
        if whole || schema.required.contains(name) || !property.examples.is_empty() {
            members.push((name.clone(), make(document, property, whole, depth + 1)));
        }
    }
}

fn scalar(schema: &Schema) -> Value {
    if let Some(word) = schema.words.first() {
        return word.clone();
    }
    match (schema.kind.name(), schema.format.as_deref()) {
        (Some("boolean"), _) => false.into(),
        (Some("integer" | "number"), _) => schema.minimum.clone().map_or_else(|| 1.into(), Value::Number),
        (Some("string"), Some("uuid")) => "01980b5e-6c1f-7a30-8f0e-3d2c4b5a6978".into(),
        (Some("string"), Some("date-time")) => "2026-11-21T09:30:00Z".into(),
        (Some("string"), _) => "…".into(),
        (Some("object"), _) => Value::Object(serde_json::Map::new()),
        _ => Value::Null,
    }
}

impl Example {
    /// In lines, indented by two.
    pub(super) fn pretty(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, Some(0));
        out
    }

    /// In one line.
    pub(super) fn compact(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, None);
        out
    }

    fn write(&self, out: &mut String, indent: Option<usize>) {
        match self {
            Self::Scalar(value) => out.push_str(&value.to_string()),
            Self::List(items) => {
                write_all(out, indent, ['[', ']'], items, |out, item, indent| item.write(out, indent));
            }
            Self::Object(members) => {
                write_all(out, indent, ['{', '}'], members, |out, (name, value), indent| {
                    out.push_str(&Value::from(name.as_str()).to_string());
                    out.push_str(if indent.is_some() { ": " } else { ":" });
                    value.write(out, indent);
                });
            }
        }
    }
}

fn write_all<T>(
    out: &mut String,
    indent: Option<usize>,
    [open, close]: [char; 2],
    items: &[T],
    write: impl Fn(&mut String, &T, Option<usize>),
) {
    let line = |out: &mut String, depth: Option<usize>| {
        if let Some(depth) = depth {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        }
    };
    let inner = indent.map(|depth| depth + 1);
    out.push(open);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        line(out, inner);
        write(out, item, inner);
    }
    if !items.is_empty() {
        line(out, indent);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_in_lines_and_in_one_line() {
        let example = Example::Object(vec![
            ("to".to_owned(), Example::Scalar("Ada".into())),
            ("cents".to_owned(), Example::List(vec![Example::Scalar(1.into()), Example::Scalar(2.into())])),
            ("none".to_owned(), Example::List(Vec::new())),
        ]);
        assert_eq!(example.compact(), r#"{"to":"Ada","cents":[1,2],"none":[]}"#);
        assert_eq!(example.pretty(), "{\n  \"to\": \"Ada\",\n  \"cents\": [\n    1,\n    2\n  ],\n  \"none\": []\n}");
    }
}
