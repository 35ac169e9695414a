//! Compresses responses of the REST API: JSON and exports. Excluded are the event stream, whose events are small and
//! must not wait; responses to agents, which pass byte for byte; and every response that shows a secret once, since the
//! length of a compressed response reveals something of its content (BREACH).

use async_compression::{
    Level,
    tokio::bufread::{BrotliEncoder, GzipEncoder},
};
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use futures::{
    TryStreamExt,
    stream::{self, Stream},
};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;

use super::console::accepts;

/// The path of the API.
const BASE: &str = "/api/v1/";
/// Parts of paths under which secrets are shown once: login tokens, keys, links of invitations.
const SECRETS: [&str; 3] = ["auth", "api-keys", "invitations"];
/// Parts of paths under which tools are called: a stored answer counts as given once its bytes were sent, and an encoder
/// takes them before.
const CALLS: [&str; 2] = ["call", "calls"];
/// The compressed content types.
const TYPES: [&str; 4] = ["application/json", "application/problem+json", "application/jsonl", "text/csv"];
/// Smaller responses, in bytes, are not compressed: they fit into one packet.
const SMALL: u64 = 1_024;
/// How many compressed bytes are made before other requests get their turn.
const PIECE: usize = 8 * 1024;

/// The encoding of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    /// The best encoding that the client accepts.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let taken = |encoding: &Self| accepts(headers, header::ACCEPT_ENCODING, encoding.name());
        [Self::Brotli, Self::Gzip].into_iter().find(taken)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    fn compress(self, body: Body) -> Body {
        let reader = StreamReader::new(body.into_data_stream().map_err(std::io::Error::other));
        match self {
            Self::Brotli => Body::from_stream(pieces(BrotliEncoder::with_quality(reader, Level::Precise(3)))),
            Self::Gzip => Body::from_stream(pieces(GzipEncoder::with_quality(reader, Level::Precise(3)))),
        }
    }
}

/// The layer. It stands outside the layer that writes errors, and decides itself which responses to skip.
pub(super) async fn compress(request: Request, next: Next) -> Response {
    let is_asked = request.method() != Method::HEAD && may_be_compressed(request.uri().path());
    let encoding = Encoding::of(request.headers());
    let mut response = next.run(request).await;
    if !is_asked || !is_compressible(response.headers()) {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    // The size of a stream is not known.
    let is_small = response.body().size_hint().exact().is_some_and(|size| size < SMALL);
    match encoding {
        Some(encoding) if !is_small => {
            let headers = response.headers_mut();
            headers.remove(header::CONTENT_LENGTH);
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
            response.map(|body| encoding.compress(body))
        }
        _ => response,
    }
}

fn may_be_compressed(path: &str) -> bool {
    path.strip_prefix(BASE)
        .is_some_and(|path| !path.split('/').any(|part| SECRETS.contains(&part) || CALLS.contains(&part)))
}

/// An `ETag` identifies bytes, so a response that has one is not compressed.
fn is_compressible(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.and_then(|value| value.split(';').next()).unwrap_or_default();
    TYPES.contains(&media.trim())
        && ![header::CONTENT_ENCODING, header::ETAG, header::SET_COOKIE].iter().any(|name| headers.contains_key(name))
}

/// The reader's bytes, a piece at a time. An error ends the stream, so that the client sees that it is incomplete.
fn pieces(reader: impl AsyncRead + Unpin) -> impl Stream<Item = std::io::Result<Bytes>> {
    stream::try_unfold(reader, |mut reader| async move {
        let mut piece = Vec::with_capacity(PIECE);
        while piece.len() < PIECE {
            if reader.read_buf(&mut piece).await? == 0 {
                break;
            }
        }
        tokio::task::yield_now().await;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), reader)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_hold_a_secret_and_what_is_not_of_the_api_is_left_alone() {
        for path in ["/api/v1/orgs/acme/approvals", "/api/v1/orgs/acme/audit/export", "/api/v1/me"] {
            assert!(may_be_compressed(path), "{path}");
        }
        for path in [
            "/acme/bank/mcp",
            "/api/v1",
            "/api/docs",
            "/api/v1/auth/login",
            "/api/v1/auth/session",
            "/api/v1/invitations/accept",
            "/api/v1/orgs/acme/api-keys",
            "/api/v1/orgs/acme/api-keys/1/rotate",
            "/api/v1/orgs/acme/invitations",
        ] {
            assert!(!may_be_compressed(path), "{path}");
        }
    }

    #[test]
    fn the_best_encoding_that_is_taken_is_used() {
        let of = |value| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            Encoding::of(&headers)
        };
        assert_eq!(of("gzip, deflate, br, zstd"), Some(Encoding::Brotli));
        assert_eq!(of("gzip"), Some(Encoding::Gzip));
        assert_eq!(of("br;q=0, gzip;q=0.5"), Some(Encoding::Gzip));
        assert_eq!(of("identity;q=0, *"), None, "an answer is given all the same: what was asked is done");
    }
}
