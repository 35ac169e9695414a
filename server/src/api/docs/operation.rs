//! One operation: what it does, who may, what it takes, what it answers, and how to ask by hand.

use maud::{Markup, html};

use super::{
    example,
    model::{Document, Operation, ResponseDoc, Schema},
    schema::{kind, member, members, prose},
};

/// One operation at its place.
pub(super) struct PlacedOperation<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) operation: &'a Operation,
}

impl PlacedOperation<'_> {
    /// The article, whose id is the operation's.
    pub(super) fn article(&self, document: &Document) -> Markup {
        let Self { operation, .. } = self;
        let body = operation.request_body.as_ref().and_then(|body| body.content.values().next()?.schema.as_ref());
        html! {
            article id=(operation.operation_id) {
                h3 { a href={ "#" (operation.operation_id) } { (prose(operation.summary.trim_end_matches('.'))) } }
                p.call { (method(self.method)) " " code { (broken(self.path)) } }
                @if !operation.description.is_empty() { p { (prose(&operation.description)) } }
                p.who { (self.who()) }
                (self.parameters("path", "In the path"))
                (self.parameters("query", "In the query"))
                (self.parameters("header", "In the headers"))
                @if let Some(schema) = body {
                    h4 { "Body: " (kind(schema)) }
                    (members(document, schema))
                }
                h4 { "By hand" }
                pre.curl tabindex="0" aria-label={ "curl for " (operation.operation_id) } { code { (self.curl(document, body)) } }
                @for sample in &operation.samples {
                    details {
                        summary { "A program: " (sample.label) }
                        pre tabindex="0" aria-label={ (sample.label) " for " (operation.operation_id) } { code { (sample.source) } }
                    }
                }
                (answers(document, operation))
            }
        }
    }

    fn who(&self) -> Markup {
        html! {
            @if self.operation.is_public() {
                "For everybody, without a credential."
            } @else if let Some(right) = self.operation.right() {
                "Needs the right " code.right { (right) } "."
            } @else if self.operation.tags.iter().any(|tag| tag == "calls") {
                "For whoever may call tools there: by role, and in public toolkits from outside of the org too."
            } @else if self.path.contains("{org}") {
                "For every member of the org."
            } @else {
                "For everybody with a valid credential."
            }
        }
    }

    fn parameters(&self, place: &str, title: &str) -> Markup {
        let found: Vec<_> = self.operation.parameters.iter().filter(|parameter| parameter.place == place).collect();
        html! {
            @if !found.is_empty() {
                h4 { (title) }
                dl.members {
                    @for parameter in found {
                        @let described = Schema { description: parameter.description.clone(), ..parameter.schema.clone() };
                        (member(&parameter.name, &described, parameter.required))
                    }
                }
            }
        }
    }

    /// A command for a shell in which `api` and `token` are set, and an id where the path has one.
    fn curl(&self, document: &Document, body: Option<&Schema>) -> String {
        let mut path = self.path.to_owned();
        for (name, value) in [("org", "acme"), ("id", "$id"), ("slug", "files"), ("toolkit", "bank"), ("name", "pay")] {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        path = path.replace("{role}", "approver").replace("{tool}", "write_file").replace("{sha256}", "$sha256");
        let mut command = "curl".to_owned();
        let implied = if body.is_some() { "post" } else { "get" };
        if self.method != implied {
            command += &format!(" -X {}", self.method.to_uppercase());
        }
        command += &format!(" \"$api{path}\"");
        if !self.operation.is_public() {
            command += " \\\n  -H \"authorization: Bearer $token\"";
        }
        if let Some(schema) = body {
            let example = example::request(document, schema).compact().replace('\'', r"'\''");
            command += &format!(" \\\n  -H 'content-type: application/json' \\\n  -d '{example}'");
        }
        command
    }
}

/// A method as a badge.
pub(super) fn method(name: &str) -> Markup {
    html! { span class={ "method " (name) } { (name.to_uppercase()) } }
}

/// A path that may break after each slash.
fn broken(path: &str) -> Markup {
    html! {
        @for segment in path.split_inclusive('/') { (segment) wbr; }
    }
}

/// Answers of its own, one a row; those that many operations have are named and described once.
fn answers(document: &Document, operation: &Operation) -> Markup {
    let (common, own): (Vec<_>, Vec<_>) =
        operation.responses.iter().partition(|(_, answer)| answer.reference.is_some());
    let good = own.iter().find_map(|(status, answer)| {
        let schema = answer.content.values().next()?.schema.as_ref()?;
        status.starts_with('2').then_some(schema)
    });
    html! {
        h4 { "Answers" }
        dl.answers {
            @for (status, answer) in own { (answer_row(status, answer)) }
            @if !common.is_empty() {
                div {
                    dt { a href="#errors" { "Errors" } }
                    dd.common { @for (status, _) in common { code { (status) } " " } }
                }
            }
        }
        @if let Some(schema) = good {
            details {
                summary { "An answer" }
                pre tabindex="0" { code { (example::answer(document, schema).pretty()) } }
            }
        }
    }
}

/// A status, what it means, and what comes with it. That errors come as problems is said once.
pub(super) fn answer_row(status: &str, answer: &ResponseDoc) -> Markup {
    html! {
        div {
            dt { code { (status) } }
            dd {
                (prose(&answer.description))
                @for (media, content) in answer.content.iter().filter(|(media, _)| *media != "application/problem+json") {
                    @if let Some(schema) = &content.schema { " " span.kind { (kind(schema)) } }
                    @if media != "application/json" { " " code { (media) } }
                }
            }
        }
    }
}
