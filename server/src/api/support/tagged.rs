//! `ETag` of what can be changed, and `If-Match` of who changes it.

use api_types::{ApiKey, Connection, ConnectionDetail, Member, Org, Role, Toolkit, ToolkitTool};
use axum::{
    Json,
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{error::Error, service::etag};

/// The states that the header names, in which a change may be made.
pub struct IfMatch(pub etag::IfMatch);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Ok(Self(etag::IfMatch::read(&parts.headers)))
    }
}

/// A resource that can be changed.
pub trait Changeable: Serialize {
    /// The tag of its state.
    fn etag(&self) -> &str;
}

macro_rules! changeable {
    ($($name:ident),+) => {$(
        impl Changeable for $name {
            fn etag(&self) -> &str {
                &self.etag
            }
        }
    )+};
}

changeable!(ApiKey, Connection, Member, Org, Role, Toolkit, ToolkitTool);

impl Changeable for ConnectionDetail {
    fn etag(&self) -> &str {
        &self.connection.etag
    }
}

/// An answer with such a resource, tagged.
pub struct Tagged<T>(pub StatusCode, pub T);

impl<T> Tagged<T> {
    /// As asked: 200.
    pub fn ok(resource: T) -> Self {
        Self(StatusCode::OK, resource)
    }

    /// Made: 201.
    pub fn created(resource: T) -> Self {
        Self(StatusCode::CREATED, resource)
    }
}

impl<T: Changeable> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let Self(status, resource) = self;
        let tag = HeaderValue::from_str(resource.etag());
        let mut response = (status, Json(resource)).into_response();
        if let Ok(tag) = tag {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}
