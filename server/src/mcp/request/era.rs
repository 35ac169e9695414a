//! The revision of one request. 2026-07-28 states everything with each request, in `_meta` and again in headers;
//! earlier revisions state it once, in `initialize`. The body decides the revision, and the headers must agree (MCP
//! 2026-07-28, "Streamable HTTP", "Request Metadata" and "Server Validation").

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::value::RawValue;
use wire::{
    error::RpcError,
    header,
    mcp::{Implementation, RequestMeta, Revision, input::Inputs, mirrored_name},
    param_header::{self, param_headers},
};

use domain::directory::ToolkitTool;
use wire::definition::ToolDefinition;

pub(in crate::mcp) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(in crate::mcp) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// What a request states about itself.
#[derive(Clone, Debug, Default)]
pub(in crate::mcp) struct Spoken {
    /// It is of 2026-07-28.
    pub(in crate::mcp) modern: bool,
    /// It declares the tasks extension.
    pub(in crate::mcp) tasks: bool,
    /// The kinds of input that its client can be asked for; `None`: its revision has no such questions.
    pub(in crate::mcp) inputs: Option<Inputs>,
    /// The client's name and version, if the request states them.
    pub(in crate::mcp) client: Option<String>,
}

/// The revision and metadata of a request; checks that its headers agree.
///
/// # Errors
/// With HTTP 400: a missing, repeated or differing header; an unknown revision; `_meta` without a required member.
pub(in crate::mcp) fn of_request(
    headers: &HeaderMap,
    method: &str,
    params: Option<&RawValue>,
) -> Result<Spoken, RpcError> {
    let version = text(headers, &PROTOCOL_VERSION)?;
    let meta = RequestMeta::read(params).map_err(|wrong| {
        // An unknown revision may require other members, so it is refused as unknown first.
        let unknown = version.filter(|version| Revision::parse(version).is_none());
        unknown.map_or(wrong, RpcError::unsupported_version)
    })?;
    let Some(meta) = meta else {
        return without_meta(version, method);
    };
    let claimed = &*meta.protocol_version;
    match version {
        Some(version) if version != claimed => {
            return Err(mismatch(&PROTOCOL_VERSION, version, claimed));
        }
        None => return Err(missing(&PROTOCOL_VERSION, claimed)),
        Some(_) => {}
    }
    let revision = Revision::parse(claimed).ok_or_else(|| RpcError::unsupported_version(claimed))?;
    if !revision.is_modern() {
        return Ok(Spoken::default());
    }
    match text(headers, &METHOD)? {
        Some(sent) if sent == method => {}
        Some(sent) => return Err(mismatch(&METHOD, sent, method)),
        None => return Err(missing(&METHOD, method)),
    }
    if let Some(name) = mirrored_name(method, params)? {
        let sent = single(headers, &NAME)?.ok_or_else(|| missing(&NAME, &name))?;
        let sent = header::decode(sent.as_bytes())
            .map_err(|error| RpcError::header_mismatch(format!("Header mismatch: Mcp-Name: {error}")))?;
        if sent != name {
            return Err(mismatch(&NAME, &sent, &name));
        }
    }
    let client = meta.client.as_ref().map(label);
    Ok(Spoken { modern: true, tasks: meta.tasks, inputs: Some(meta.inputs), client })
}

/// A request without the `_meta` of 2026-07-28 is of an earlier revision, and its header must not say otherwise.
fn without_meta(version: Option<&str>, method: &str) -> Result<Spoken, RpcError> {
    // The handshake is of an earlier revision, whatever the header says.
    if method == "initialize" {
        return Ok(Spoken::default());
    }
    let Some(version) = version else { return Ok(Spoken::default()) };
    match Revision::parse(version) {
        None => Err(RpcError::unsupported_version(version)),
        Some(revision) if revision.is_modern() => Err(RpcError::invalid_params(
            "params._meta must have io.modelcontextprotocol/protocolVersion and io.modelcontextprotocol/clientCapabilities \
             with every request of MCP 2026-07-28",
        )),
        Some(_) => Ok(Spoken::default()),
    }
}

/// The revision of a body without a request, by its header; without one 2025-03-26, which had no such header.
///
/// # Errors
/// An unknown revision; the header twice.
pub(in crate::mcp) fn of_header(headers: &HeaderMap) -> Result<Revision, RpcError> {
    match text(headers, &PROTOCOL_VERSION)? {
        None => Ok(Revision::V2025_03_26),
        Some(version) => Revision::parse(version).ok_or_else(|| RpcError::unsupported_version(version)),
    }
}

/// Checks that the `Mcp-Param-…` headers agree with the arguments.
///
/// # Errors
/// [`wire::error::HEADER_MISMATCH`], naming the header.
pub(in crate::mcp) fn check_params(
    headers: &HeaderMap,
    tool: &ToolkitTool,
    arguments: &RawValue,
) -> Result<(), RpcError> {
    // Hardly any tool has such headers; this check avoids parsing the definition.
    if !tool.tool.definition.contains(param_header::ANNOTATION) {
        return Ok(());
    }
    let schema = serde_json::from_str(&tool.tool.definition).ok().and_then(|raw| ToolDefinition::parse(raw).ok());
    // Clients leave out tools with invalid annotations; a caller of such a tool sends no header.
    let Some(declared) = schema.and_then(|tool| param_headers(&tool.input_schema).ok()) else { return Ok(()) };
    let sent = |name: &str| headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    param_header::check(&declared, arguments, sent)
        .map_err(|problem| RpcError::header_mismatch(format!("Header mismatch: {problem}")))
}

/// The method and the name in a request's headers, if it is of 2026-07-28. They are the client's statement.
pub(in crate::mcp) fn said(headers: &HeaderMap) -> (Option<&str>, Option<String>) {
    let method = text(headers, &METHOD).ok().flatten();
    let name = single(headers, &NAME).ok().flatten().and_then(|name| header::decode(name.as_bytes()).ok());
    (method, name.map(Into::into))
}

/// Name and version in a readable form.
pub(in crate::mcp) fn label(client: &Implementation<'_>) -> String {
    let version = client.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    let label = format!("{}{version}", client.name);
    label.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// A header that may occur once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, RpcError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (first, None) => Ok(first),
        _ => Err(RpcError::header_mismatch(format!("Header mismatch: {name} is sent twice"))),
    }
}

/// The same, of visible ASCII.
pub(in crate::mcp) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, RpcError> {
    let Some(value) = single(headers, name)? else { return Ok(None) };
    let text = value.to_str();
    text.map(Some).map_err(|_| RpcError::header_mismatch(format!("Header mismatch: {name} has invalid characters")))
}

fn mismatch(name: &HeaderName, sent: &str, body: &str) -> RpcError {
    RpcError::header_mismatch(format!(
        "Header mismatch: {name} header value '{}' does not match body value '{}'",
        short(sent),
        short(body)
    ))
}

fn missing(name: &HeaderName, body: &str) -> RpcError {
    RpcError::header_mismatch(format!(
        "Header mismatch: the header {name} is missing; the body value is '{}'",
        short(body)
    ))
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}
