//! Answers that are the same for everybody while the process runs. Clients may keep them and ask
//! each time whether they still hold (RFC 9111, `no-cache`); after an update they see the new ones at once.

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use crate::error::{Error, Result};

/// A body with its type and its tag.
pub struct Fixed {
    body: Bytes,
    content_type: &'static str,
    etag: String,
}

impl Fixed {
    /// Tags the body by its content, so that replicas of one version agree.
    pub fn new(content_type: &'static str, body: Vec<u8>) -> Self {
        let hash = hex::encode(digest(&SHA256, &body));
        Self { etag: format!("\"{}\"", &hash[..32]), body: body.into(), content_type }
    }

    /// 200 with the body, or 304 when the client has it already (RFC 9110, section 13.1.2).
    ///
    /// # Errors
    /// Never for a tag made by [`Fixed::new`].
    pub fn answer(&self, headers: &HeaderMap) -> Result<Response> {
        self.kept(headers, "no-cache")
    }

    /// The same for an answer to one caller, which nobody in between may keep.
    ///
    /// # Errors
    /// As [`Fixed::answer`].
    pub fn private(&self, headers: &HeaderMap) -> Result<Response> {
        self.kept(headers, "private, no-cache")
    }

    fn kept(&self, headers: &HeaderMap, cache: &'static str) -> Result<Response> {
        let etag = HeaderValue::from_str(&self.etag).map_err(Error::internal)?;
        let kept = [(header::ETAG, etag), (header::CACHE_CONTROL, HeaderValue::from_static(cache))];
        if self.is_known(headers) {
            return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
        }
        let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type))];
        Ok((kept, content_type, self.body.clone()).into_response())
    }

    /// Proxies that compress mark the tag as weak; it is the same document to a reader.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|tag| tag.trim() == "*" || tag.trim().trim_start_matches("W/") == self.etag)
    }
}

/// Answers with what was made at first use.
///
/// # Errors
/// A fault of ours when it could not be made.
pub fn answer<E: std::fmt::Display>(made: &Result<Fixed, E>, headers: &HeaderMap) -> Result<Response> {
    match made {
        Ok(fixed) => fixed.answer(headers),
        Err(error) => Err(Error::internal(error.to_string())),
    }
}
