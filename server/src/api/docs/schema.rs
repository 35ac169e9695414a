//! Types in words, and tables of an object's members.

use maud::{Markup, html};

use super::model::{Document, Others, Schema};

/// How patterns begin that only keep control characters out, which is true of all texts.
const ANY: &str = r"^[^\u0000";

/// A text with `code` and `- ` items in it: as much Markdown as the doc comments have.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for line in text.lines() {
            @if line.starts_with("- ") { br; }
            @for (at, part) in line.split('`').enumerate() {
                @if at % 2 == 1 { code { (part) } } @else { (part) }
            }
            " "
        }
    }
}

/// What a value is: its type with a link, or its words.
pub(super) fn kind(schema: &Schema) -> Markup {
    html! {
        (bare(schema))
        @if schema.is_nullable() { " or " code { "null" } }
    }
}

fn bare(schema: &Schema) -> Markup {
    let others: Vec<&Schema> = schema.one_of.iter().filter(|one| !one.is_only_null()).collect();
    html! {
        @if let Some(name) = schema.target() {
            a href={ "#schema-" (name) } { (name) }
        } @else if !schema.words.is_empty() {
            @for (at, word) in schema.words.iter().enumerate() {
                @if at > 0 { ", " }
                code { (word.as_str().map_or_else(|| word.to_string(), str::to_owned)) }
            }
        } @else if !others.is_empty() {
            @for (at, one) in others.iter().enumerate() {
                @if at > 0 { " or " }
                (bare(one))
            }
        } @else if let Some(items) = &schema.items {
            "list of " (bare(items))
        } @else if let Some(Others::Of(other)) = &schema.additional_properties {
            "object of " (bare(other))
        } @else {
            (schema.format.as_deref().filter(|format| !format.starts_with("int")).or(schema.kind.name()).unwrap_or("any JSON"))
        }
    }
}

/// Bounds in words, where the description does not say them.
pub(super) fn bounds(schema: &Schema) -> String {
    let range = |least: Option<String>, most: Option<String>, unit: &str| match (least, most) {
        (Some(least), Some(most)) if least == most => Some(format!("always {least}{unit}")),
        (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}")),
        (Some(least), None) if least != "0" => Some(format!("at least {least}{unit}")),
        (None, Some(most)) => Some(format!("at most {most}{unit}")),
        _ => None,
    };
    let text = |number: &Option<u64>| number.map(|number| number.to_string());
    let number = |number: &Option<serde_json::Number>| number.as_ref().map(ToString::to_string);
    let parts = [
        range(number(&schema.minimum), number(&schema.maximum), ""),
        range(text(&schema.min_length), text(&schema.max_length), " characters"),
        range(text(&schema.min_items), text(&schema.max_items), " entries"),
        schema.default.as_ref().map(|default| format!("{default} unless given")),
    ];
    let unsaid = parts.into_iter().flatten().filter(|part| !schema.description.contains(part));
    let mut text = unsaid.collect::<Vec<_>>().join("; ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// What an object has, one member a row; what it takes from another is linked. Nothing for what is no object.
pub(super) fn members(document: &Document, schema: &Schema) -> Markup {
    let found = document.resolve(schema);
    let parts: Vec<&Schema> = if found.all_of.is_empty() { vec![found] } else { found.all_of.iter().collect() };
    html! {
        @for part in parts {
            @if part.target().is_some() {
                p { "Everything of " (kind(part)) ", and:" }
            } @else if !part.properties.is_empty() {
                dl.members {
                    @for (name, property) in &part.properties {
                        (member(name, property, part.required.contains(name)))
                    }
                }
                @if let Some(Others::Allowed(false)) = part.additional_properties { p.bounds { "Other members are refused." } }
            } @else {
                p { (kind(part)) }
            }
        }
    }
}

/// One row: a name, what it is, and what it means.
pub(super) fn member(name: &str, schema: &Schema, required: bool) -> Markup {
    let bounds = bounds(schema);
    html! {
        div {
            dt {
                code.name { (name) }
                span.kind { (kind(schema)) }
                @if !required { span.optional { "optional" } }
            }
            dd {
                (prose(&schema.description))
                @if !bounds.is_empty() { " " span.bounds { (bounds) "." } }
                @if let Some(pattern) = schema.pattern.as_ref().filter(|pattern| !pattern.starts_with(ANY)) { " " span.bounds { "Form: " code { (pattern) } } }
            }
        }
    }
}
