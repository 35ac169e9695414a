//! The toolkit that a request's path names.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

/// The names in `/{org}/{toolkit}/mcp`, decoded. A name that is not UTF-8 stays as it was sent: nothing has such a
/// name, so once the caller is known it is answered like any other unknown name.
pub struct Address {
    pub(in crate::mcp) org: String,
    pub(in crate::mcp) toolkit: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let decoded = Path::<(String, String)>::from_request_parts(parts, state).await;
        let (org, toolkit) = decoded.map_or_else(|_| as_sent(parts.uri.path()), |Path(names)| names);
        Ok(Self { org, toolkit })
    }
}

fn as_sent(path: &str) -> (String, String) {
    let mut names = path.split('/').skip(1).map(ToOwned::to_owned);
    (names.next().unwrap_or_default(), names.next().unwrap_or_default())
}
