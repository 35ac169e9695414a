//! Request bodies as JSON, with errors that name the field.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use serde::de::DeserializeOwned;
use wire::canonical::{CanonicalError, check_numbers};

use crate::error::{Error, Kind};

/// The largest body of the REST API, in bytes.
pub const MAX_BODY: usize = 4 * 1024 * 1024;

/// How long a body may take to come.
const WITHIN: std::time::Duration = std::time::Duration::from_secs(30);

/// A JSON body, decoded.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let bytes = tokio::time::timeout(WITHIN, Bytes::from_request(request, state)).await;
        let bytes = bytes.map_err(|_| Error::bad_request("the body did not come whole within 30 s"))?;
        let bytes = bytes.map_err(|rejection| {
            if axum::response::IntoResponse::into_response(rejection).status() == http::StatusCode::PAYLOAD_TOO_LARGE {
                Error::new(Kind::TooLarge, "too_large", "the body is larger than allowed (4 MiB; 16 KiB to sign in)")
            } else {
                Error::bad_request("the body could not be read whole")
            }
        })?;
        if let Ok(text) = std::str::from_utf8(&bytes)
            && let Err(error @ CanonicalError::Number { .. }) = check_numbers(text)
        {
            return Err(Error::new(Kind::Invalid, "invalid", format!("the body does not fit: {error}")));
        }
        serde_json::from_slice(&bytes).map(Self).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                Error::new(Kind::Invalid, "invalid", format!("the body does not fit: {error}"))
            }
            _ => Error::bad_request(format!("the body is not JSON: {error}")),
        })
    }
}
