//! The OpenAPI document as a page for people: read from the document that is served, rendered once,
//! without scripts and without anything from elsewhere.

mod example;
mod model;
mod operation;
mod page;
mod schema;

use std::sync::LazyLock;

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};

use super::{
    openapi::document,
    support::fixed::{self, Fixed},
};
use crate::error::Result;

const STYLE_TEXT: &str = concat!(
    include_str!("../../../console/styles/tokens.css"),
    include_str!("../page.css"),
    include_str!("docs/style.css")
);

/// The page's own style is all that it may load; it is framed by nobody.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

static PAGE: LazyLock<serde_json::Result<Fixed>> = LazyLock::new(|| {
    let document = serde_json::from_str(&document()?)?;
    Ok(Fixed::new("text/html; charset=utf-8", page::render(&document).into_string().into_bytes()))
});

static STYLE: LazyLock<Result<Fixed>> =
    LazyLock::new(|| Ok(Fixed::new("text/css; charset=utf-8", STYLE_TEXT.as_bytes().to_vec())));

/// The page, for everybody.
pub async fn get_docs(headers: HeaderMap) -> Result<Response> {
    let mut response = fixed::answer(&PAGE, &headers)?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// The page's style.
pub async fn get_docs_style(headers: HeaderMap) -> Result<Response> {
    fixed::answer(&STYLE, &headers)
}
