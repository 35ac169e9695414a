//! What follows from an operation's form and is therefore not written at each handler: parameters of
//! the path, the second way to sign in, the errors that everybody with this form can get, and that an
//! answer names what it has nothing for (`null`).

use std::collections::BTreeSet;

use domain::approval::Status;
use http::StatusCode;
use serde_json::{Value, json};
use utoipa::{
    Modify,
    openapi::{
        Content, OpenApi, PathItem, Ref, RefOr, Required,
        header::HeaderBuilder,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        response::{Response, ResponseBuilder},
        schema::{
            AdditionalProperties, ArrayItems, KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
        },
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::{
    api::audit::histogram::WIDTHS,
    db::audit::{self, INTERRUPTED},
};

/// Runs once over the document that the attributes make.
pub(super) struct Complete;

const BEARER: &str = "bearer";
const SESSION: &str = "session";

impl Modify for Complete {
    fn modify(&self, api: &mut OpenApi) {
        let mut sent = BTreeSet::new();
        for (path, item) in &mut api.paths.paths {
            // What is one's own alone has no tag.
            if !path.starts_with("/me") {
                conditional(item);
            }
            for operation in operations(item) {
                complete(path, operation);
                if let Some(body) = &operation.request_body {
                    references(&serde_json::to_value(body).unwrap_or_default(), &mut sent);
                }
            }
        }
        let Some(components) = &mut api.components else { return };
        close_over(&components.schemas, &mut sent);
        for (name, schema) in &mut components.schemas {
            hoist_descriptions(schema);
            open_free(schema);
            if sent.contains(name) {
                name_forms(schema);
            } else {
                require_nullable(schema);
            }
        }
        for error in ERRORS {
            components.responses.insert(error.name.to_owned(), error.response().into());
        }
        components.add_security_scheme(BEARER, bearer());
        components.add_security_scheme(SESSION, session());
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// What can be changed is tagged, and whoever changes or deletes it may say what they saw.
fn conditional(item: &mut PathItem) {
    let is_changed = item.patch.is_some() || item.put.is_some();
    for operation in [&mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten().filter(|_| is_changed) {
        let header = ParameterBuilder::new()
            .name("If-Match")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("The tag of the state that was seen, or `*`: in another state nothing is done (412)."))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .build();
        operation.parameters.get_or_insert_default().push(RefOr::T(header));
        operation.responses.responses.insert("412".to_owned(), RefOr::Ref(Ref::from_response_name("ChangedSince")));
    }
    for operation in operations(item) {
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response
                && response.content.values().any(is_tagged)
            {
                let tag = ObjectBuilder::new().schema_type(Type::String);
                let header = HeaderBuilder::new().description(Some("The `etag` of the body.")).schema(Some(tag));
                response.headers.insert("ETag".to_owned(), RefOr::T(header.build()));
            }
        }
    }
}

/// Whether an answer is one resource that can be changed.
fn is_tagged(content: &RefOr<Content>) -> bool {
    let tagged = ["ApiKey", "Connection", "ConnectionDetail", "Member", "Org", "Role", "Toolkit", "ToolkitTool"];
    match content {
        RefOr::T(Content { schema: Some(RefOr::Ref(target)), .. }) => {
            tagged.iter().any(|name| target.ref_location.ends_with(&format!("/{name}")))
        }
        _ => false,
    }
}

fn complete(path: &str, operation: &mut Operation) {
    let rights = sign_ins(operation);
    let parameters = operation.parameters.get_or_insert_default();
    let mut has_query = false;
    for parameter in parameters.iter_mut() {
        if let RefOr::T(Parameter { schema: Some(schema), parameter_in, .. }) = parameter {
            has_query |= matches!(parameter_in, ParameterIn::Query);
            drop_null(schema);
        }
    }
    parameters.iter_mut().for_each(|parameter| query_form(operation.operation_id.as_deref(), parameter));
    parameters.splice(0..0, path_parameters(path).map(RefOr::T));
    let has_path = path.contains('{');
    if parameters.is_empty() {
        operation.parameters = None;
    }

    if operation.operation_id.as_deref() == Some("call_tool") {
        operation.extensions.get_or_insert_default().insert("x-codeSamples".to_owned(), samples());
    }
    let has_body = operation.request_body.is_some();
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response {
            describe(status, response);
        }
    }
    let mut can_answer = |status: &str, when: bool| {
        let known = ERRORS.iter().find(|error| error.status == status);
        if let Some(error) = known.filter(|_| when && !responses.contains_key(status)) {
            responses.insert(status.to_owned(), RefOr::Ref(Ref::from_response_name(error.name)));
        }
    };
    can_answer("400", has_body);
    can_answer("401", rights.is_some());
    can_answer("429", rights.is_some());
    can_answer("403", rights.is_some_and(|rights| !rights.is_empty()));
    can_answer("404", has_path);
    can_answer("413", has_body);
    can_answer("422", has_body || has_query);
    can_answer("503", true);
    can_answer("default", true);
}

/// Programs that call a tool, as docs/api.md has them too, under the name by which readers of such documents look for them.
fn samples() -> Value {
    json!([
        {"lang": "Shell", "label": "curl", "source": include_str!("../calls/examples/call.sh")},
        {"lang": "Python", "label": "Python", "source": include_str!("../calls/examples/call.py")},
        {"lang": "TypeScript", "label": "TypeScript", "source": include_str!("../calls/examples/call.ts")},
    ])
}

/// Lists whose cursors are names; those of all others are ids.
const BY_NAME: [&str; 6] =
    ["list_roles", "list_connections", "list_connection_tools", "list_toolkits", "list_toolkit_tools", "list_tools"];

/// The form of a parameter that no attribute can say.
fn query_form(operation: Option<&str>, parameter: &mut RefOr<Parameter>) {
    let RefOr::T(Parameter { name, schema: Some(RefOr::T(Schema::Object(text))), .. }) = parameter else { return };
    match (operation, name.as_str()) {
        (Some(operation), "cursor") if !BY_NAME.contains(&operation) => {
            text.format = Some(SchemaFormat::KnownFormat(KnownFormat::Uuid));
            (text.min_length, text.max_length) = (None, None);
        }
        (Some("list_approvals"), "status") => {
            let word = Status::ALL.map(Status::as_str).join("|");
            text.pattern = Some(format!("^({word})(,({word}))*$"));
        }
        (Some("list_audit" | "get_audit_histogram" | "export_audit"), "status") => {
            let word = audit::Status::ALL.map(audit::Status::as_str).join("|");
            text.pattern = Some(format!("^({word}|{INTERRUPTED})(,({word}|{INTERRUPTED}))*$"));
        }
        (Some("get_audit_histogram"), "bucket") => {
            text.enum_values = Some(WIDTHS.map(Value::from).to_vec());
        }
        (_, "cursor" | "actor" | "action" | "toolkit" | "tool" | "q") => {
            text.pattern = Some(LINE.to_owned());
        }
        _ => {}
    }
}

/// Every way to sign in, with the right that the attribute names; `None` for a public operation.
fn sign_ins(operation: &mut Operation) -> Option<Vec<String>> {
    let named = operation.security.take().unwrap_or_else(|| vec![SecurityRequirement::new(BEARER, [""; 0])]);
    let named = serde_json::to_value(named).unwrap_or_default();
    let Some(rights) = named[0][BEARER].as_array() else {
        operation.security = Some(Vec::new());
        return None;
    };
    let rights: Vec<String> = rights.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
    operation.security = Some([BEARER, SESSION].map(|name| SecurityRequirement::new(name, rights.clone())).to_vec());
    Some(rights)
}

/// The parameters of a path. What precedes one says what it names.
fn path_parameters(path: &str) -> impl Iterator<Item = Parameter> {
    let segments: Vec<&str> = path.split('/').collect();
    let pairs: Vec<_> = segments.windows(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect();
    pairs.into_iter().filter_map(|(before, segment)| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        let description = match (before.as_str(), name) {
            ("orgs", _) => Some("The org's slug."),
            ("roles" | "policies", _) => Some("The role's name."),
            ("members", _) => Some("The membership's id."),
            ("invitations", _) => Some("The invitation's id."),
            ("sessions", _) => Some("The session's id."),
            ("api-keys", _) => Some("The key's id."),
            ("connections", _) => Some("The connection's slug."),
            ("toolkits", _) => Some("The toolkit's slug."),
            ("tools", "tool") => Some("The tool's name at the upstream."),
            ("tools", _) => Some("The tool's name as agents see it."),
            ("reviewed", _) => Some("The definition's SHA-256, in hex."),
            ("approvals" | "calls", _) => Some("The approval's id."),
            ("audit", _) => Some("The record's id."),
            _ => None,
        };
        let format = (name == "id").then_some(SchemaFormat::KnownFormat(KnownFormat::Uuid));
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(description)
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).format(format)));
        Some(parameter.build())
    })
}

/// Words for a status that the attribute left without, and the body that every error has.
fn describe(status: &str, response: &mut Response) {
    if response.description.is_empty() {
        response.description = match status {
            "201" => "Made.",
            "204" => "Done; there is no body.",
            _ => "As asked.",
        }
        .to_owned();
    }
    if status.parse::<u16>().is_ok_and(|status| status >= 400) {
        let description = std::mem::take(&mut response.description);
        *response = problem(status, description);
    }
}

struct KnownError {
    status: &'static str,
    name: &'static str,
    description: &'static str,
}

const ERRORS: &[KnownError] = &[
    KnownError { status: "400", name: "BadRequest", description: "The body is not JSON, or did not come whole." },
    KnownError { status: "401", name: "Unauthorized", description: "There is no valid credential." },
    KnownError {
        status: "403",
        name: "Forbidden",
        description: "The role does not have the right, or it takes a person.",
    },
    KnownError { status: "404", name: "NotFound", description: "It is not there, or it is another org's." },
    KnownError {
        status: "412",
        name: "ChangedSince",
        description: "`changed_since`: somebody has changed it since it was read; nothing was done.",
    },
    KnownError { status: "413", name: "TooLarge", description: "The body is larger than 4 MiB (16 KiB to sign in)." },
    KnownError { status: "422", name: "Invalid", description: "A field is wrong; `errors` says which." },
    KnownError {
        status: "429",
        name: "TooMany",
        description: "The caller or its org has too much in flight: `too_many_calls`, `too_many_bytes`. Nothing was done.",
    },
    KnownError {
        status: "503",
        name: "Unavailable",
        description: "The database is gone for now, or the process has too much in flight (`overloaded`); nothing was done.",
    },
    KnownError { status: "default", name: "Error", description: "Any other error." },
];

impl KnownError {
    fn response(&self) -> Response {
        problem(self.status, self.description.to_owned())
    }
}

fn problem(status: &str, description: String) -> Response {
    let body = Content::new(Some(Ref::from_schema_name("Problem")));
    let response = ResponseBuilder::new().description(description).content("application/problem+json", body);
    let wait = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    if wait.iter().any(|wait| wait.as_str() == status) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
        let header = HeaderBuilder::new().description(Some("Seconds to wait.")).schema(Some(seconds));
        return response.header("Retry-After", header.build()).build();
    }
    response.build()
}

fn bearer() -> SecurityScheme {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    SecurityScheme::Http(scheme.description(Some("A login's token, or an API key (`mmcp_…`).")).build())
}

fn session() -> SecurityScheme {
    let text = "The console's session, set by signing in; named `permesso` where the address is not https.";
    SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description("__Host-permesso", text)))
}

/// The names of schemas that a piece of the document points to.
fn references(piece: &Value, found: &mut BTreeSet<String>) {
    match piece {
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str);
            found.extend(name.and_then(|path| path.strip_prefix("#/components/schemas/")).map(ToOwned::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Adds what the schemas of these names point to.
fn close_over<'a>(
    schemas: impl IntoIterator<Item = (&'a String, &'a RefOr<Schema>)> + Copy,
    names: &mut BTreeSet<String>,
) {
    loop {
        let before = names.len();
        for (_, schema) in schemas.into_iter().filter(|(name, _)| names.contains(*name)).collect::<Vec<_>>() {
            references(&serde_json::to_value(schema).unwrap_or_default(), names);
        }
        if names.len() == before {
            return;
        }
    }
}

/// What may be `null` is described beside the choice, as everything else is, and not within it.
fn hoist_descriptions(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            for property in object.properties.values_mut() {
                if let RefOr::T(Schema::OneOf(one)) = property
                    && let Some(target) = one.items.iter_mut().find_map(|item| match item {
                        RefOr::Ref(target) if !target.description.is_empty() => Some(target),
                        _ => None,
                    })
                {
                    one.description.get_or_insert(std::mem::take(&mut target.description));
                }
            }
        }
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(hoist_descriptions),
        _ => {}
    }
}

/// Any text: U+0000 is refused everywhere, since no database keeps it.
const TEXT: &str = r"^[^\u0000]*$";
/// A text in one line: no control characters.
const LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";
/// A text that says something.
const SAYING: &str = r"^[^\u0000]*[^\s\u0000][^\u0000]*$";
/// A name for people: no control characters, and one character that can be seen. What is not seen `domain::marks` knows; of
/// that this has what a pattern can say, without what Unicode has given no meaning yet (a test holds them together).
const NAME: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f]*",
    r"[^\s\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f",
    r"\u2028-\u202e\u2060-\u206f\u2800\u3164\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc]",
    r"[^\u0000-\u001f\u007f-\u009f]*$",
);
/// The longest name for people, in characters.
const LONGEST_NAME: usize = 100;

/// Which characters a text that is sent may have, where the attribute does not say it.
fn name_forms(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::Object(object)) = schema else { return };
    for (name, property) in &mut object.properties {
        let RefOr::T(Schema::Object(text)) = property else { continue };
        let is_text = match &text.schema_type {
            SchemaType::Type(one) => *one == Type::String,
            SchemaType::Array(several) => several.contains(&Type::String),
            SchemaType::AnyValue => false,
        };
        if !is_text || text.pattern.is_some() || text.enum_values.is_some() {
            continue;
        }
        let form = match &text.format {
            None if name == "name" && text.max_length == Some(LONGEST_NAME) => NAME,
            None if matches!(name.as_str(), "note" | "reason") && text.min_length.is_some() => SAYING,
            None | Some(SchemaFormat::KnownFormat(KnownFormat::Password)) => TEXT,
            Some(_) => continue,
        };
        text.pattern = Some(form.to_owned());
    }
}

/// Answers have every member: `null` says that there is nothing.
fn require_nullable(schema: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::Object(object)) = schema {
        for (name, property) in &object.properties {
            if is_nullable(property) && !object.required.contains(name) {
                object.required.push(name.clone());
            }
        }
    }
    each_part(schema, &mut require_nullable);
}

/// An object of which nothing is said may have any members: generators of clients take it for an empty one otherwise.
fn open_free(schema: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::Object(object)) = schema
        && object.properties.is_empty()
        && object.additional_properties.is_none()
        && is_object(&object.schema_type)
    {
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(true)));
    }
    each_part(schema, &mut open_free);
}

fn is_object(schema: &SchemaType) -> bool {
    match schema {
        SchemaType::Type(one) => *one == Type::Object,
        SchemaType::Array(several) => several.contains(&Type::Object),
        SchemaType::AnyValue => false,
    }
}

/// The schemas of which one is made, one level down.
fn each_part(schema: &mut RefOr<Schema>, act: &mut dyn FnMut(&mut RefOr<Schema>)) {
    match schema {
        RefOr::T(Schema::Object(object)) => object.properties.values_mut().for_each(act),
        RefOr::T(Schema::Array(array)) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                act(items);
            }
        }
        RefOr::T(Schema::OneOf(one)) => one.items.iter_mut().for_each(act),
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(act),
        RefOr::T(Schema::AnyOf(any)) => any.items.iter_mut().for_each(act),
        _ => {}
    }
}

fn is_nullable(schema: &RefOr<Schema>) -> bool {
    let null = |of: &SchemaType| match of {
        SchemaType::Type(one) => *one == Type::Null,
        SchemaType::Array(several) => several.contains(&Type::Null),
        SchemaType::AnyValue => false,
    };
    match schema {
        RefOr::T(Schema::Object(object)) => null(&object.schema_type),
        RefOr::T(Schema::Array(array)) => null(&array.schema_type),
        RefOr::T(Schema::OneOf(one)) => one.items.iter().any(is_nullable),
        _ => false,
    }
}

/// Queries and headers have no `null`: a parameter is there or not.
fn drop_null(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            if let SchemaType::Array(several) = &object.schema_type
                && let Some(only) = several.iter().find(|one| **one != Type::Null)
            {
                object.schema_type = SchemaType::Type(only.clone());
            }
        }
        RefOr::T(Schema::OneOf(one)) => {
            one.items.retain(|item| !is_nullable(item));
            if one.items.len() == 1 {
                *schema = one.items.remove(0);
            }
        }
        _ => {}
    }
}
