//! Request bodies as JSON, with errors that name the field.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use wire::canonical::{CanonicalError, check_numbers};

use super::{authorize::Taken, refused::Asking};
use crate::{
    error::{Error, Kind},
    limit::body::{self, LARGEST},
    service::Services,
};

/// The largest body of who has not said yet who they are, in bytes.
pub const SMALL: usize = 16 * 1024;

/// A JSON body of at most so many bytes, decoded. It counts at the budget of whoever the handler's other arguments found
/// out to be asking, else at the process's.
pub struct Body<T, const MOST: usize = LARGEST>(pub T);

impl<T: DeserializeOwned, const MOST: usize> FromRequest<Arc<Services>> for Body<T, MOST> {
    type Rejection = Error;

    async fn from_request(request: Request, services: &Arc<Services>) -> Result<Self, Error> {
        let taken = request.extensions().get::<Taken>().cloned().unwrap_or_default();
        let load = taken.begin(|| services.budget.begin_unknown())?;
        let asking = Asking::of(request.extensions());
        let bytes = body::read(request.into_body(), MOST, load).await?;
        asking.has_body(&bytes);
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
