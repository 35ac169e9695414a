//! The page as a whole: what holds everywhere, the operations by resource, and the types.

use std::collections::BTreeMap;

use maud::{DOCTYPE, Markup, html};

use super::{
    model::{Document, ResponseDoc, Tag},
    operation::{PlacedOperation, answer_row, method},
    schema::{kind, members, prose},
};

/// The whole page, of the instance at this address.
pub(super) fn render(document: &Document, instance: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (document.info.title) " REST API" }
                link rel="stylesheet" href="/api/docs.css";
            }
            body {
                a.skip href="#content" { "To the content" }
                header {
                    p.brand { strong { (document.info.title) } " REST API " span.version { (document.info.version) } }
                    a href="/api/v1/openapi.json" { "openapi.json" }
                }
                div.columns {
                    (contents(document))
                    main id="content" {
                        (introduction(document, instance))
                        @for tag in &document.tags { (resource(document, tag)) }
                        (types(document))
                    }
                }
            }
        }
    }
}

fn places<'a>(document: &'a Document, tag: &'a Tag) -> impl Iterator<Item = PlacedOperation<'a>> {
    let all = document.paths.iter().flat_map(|(path, item)| {
        item.iter().map(move |(method, operation)| PlacedOperation { method, path, operation })
    });
    all.filter(|place| place.operation.tags.contains(&tag.name))
}

fn contents(document: &Document) -> Markup {
    html! {
        nav aria-label="Contents" {
            ul {
                li { a href="#start" { "Start" } }
                @for tag in &document.tags {
                    li {
                        a href={ "#" (tag.name) } { (tag.name) }
                        ul {
                            @for place in places(document, tag) {
                                li {
                                    a href={ "#" (place.operation.operation_id) } {
                                        (method(place.method)) " " (place.operation.operation_id.replace('_', " "))
                                    }
                                }
                            }
                        }
                    }
                }
                li { a href="#types" { "types" } }
            }
        }
    }
}

/// The commands of the operations go on from these.
fn first_commands(instance: &str) -> String {
    format!(
        "api={instance}/api/v1
token=$(curl -s \"$api/auth/login\" -H 'content-type: application/json' \\
  -d '{{\"email\":\"sam@example.com\",\"password\":\"…\"}}' | jq -r .access_token)
curl \"$api/me\" -H \"authorization: Bearer $token\""
    )
}

fn introduction(document: &Document, instance: &str) -> Markup {
    html! {
        section id="start" {
            h1 { (document.info.title) " REST API" }
            p { (prose(&document.info.description)) }
            pre tabindex="0" aria-label="First commands" { code { (first_commands(instance)) } }
            dl.rules {
                div {
                    dt { "Credentials" }
                    dd {
                        code { "Authorization: Bearer …" } " with a log-in's token or an API key; in the browser the "
                        "console's cookie. What one may do is what one's role in the org of the path allows."
                    }
                }
                div {
                    dt { "Lists" }
                    dd {
                        "take " code { "limit" } " and " code { "cursor" } " and answer "
                        code { "{\"items\": […], \"next_cursor\": …}" } "; " code { "next_cursor" }
                        " is " code { "null" } " on the last page."
                    }
                }
                div {
                    dt { "Errors" }
                    dd {
                        "are a " a href="#schema-Problem" { "Problem" } ". Branch on its " code { "code" }
                        ", show its " code { "detail" } ", and tell whoever runs the gateway its "
                        code { "request_id" } "."
                    }
                }
            }
            h2 id="errors" { a href="#errors" { "Errors of many operations" } }
            dl.answers {
                @for (status, answer) in common_answers(document) { (answer_row(status, answer)) }
            }
        }
    }
}

/// What operations point to, by status.
fn common_answers(document: &Document) -> BTreeMap<&str, &ResponseDoc> {
    let answers = document.paths.values().flat_map(|item| item.values()).flat_map(|operation| &operation.responses);
    let common = answers.filter(|(_, answer)| answer.reference.is_some());
    common.map(|(status, answer)| (status.as_str(), document.answer(answer))).collect()
}

fn resource(document: &Document, tag: &Tag) -> Markup {
    html! {
        section id=(tag.name) {
            h2 { a href={ "#" (tag.name) } { (tag.name) } }
            p { (prose(&tag.description)) }
            @for place in places(document, tag) { (place.article(document)) }
        }
    }
}

/// An id inside of each, not on it: a browser opens what holds the target of a link.
fn types(document: &Document) -> Markup {
    html! {
        section id="types" {
            h2 { a href="#types" { "types" } }
            p { "Of bodies and answers, by name." }
            @for (name, schema) in &document.components.schemas {
                details.type {
                    summary { code { (name) } }
                    div id={ "schema-" (name) } {
                        p { (prose(&schema.description)) }
                        @if !schema.words.is_empty() { p { (kind(schema)) } } @else { (members(document, schema)) }
                    }
                }
            }
        }
    }
}
