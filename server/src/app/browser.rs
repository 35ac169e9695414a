//! Protection for browsers: the console's cookie, and the refusal of requests from other sites. These layers stand
//! around `/api/v1` only: agents sign in with bearer tokens only.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::{
    error::{Error, Kind},
    service::Services,
};

/// Puts the session and the check for cross-site requests around the API.
pub(super) fn protect(api: Router<Arc<Services>>, services: &Services) -> Router<Arc<Services>> {
    // Behind a proxy the Host header may not be what the browser's address bar says.
    let origin = services.public_url.origin().ascii_serialization();
    let csrf = CsrfLayer::new().add_trusted_origin(&origin).unwrap_or_else(|error| {
        tracing::warn!(%error, "the public URL is no origin of a browser; only the Host header says who we are");
        CsrfLayer::new()
    });
    api.layer(services.sessions.layer(services.is_https()))
        .layer(middleware::map_response(async |response| kept(response)))
        .layer(csrf.with_rejection_response(|_: ProtectionError| cross_site().into_response()))
}

/// For reads that leave a record: a GET passes [`protect`], so it is refused here if a page of another site sent it,
/// also by a link (Fetch Metadata, section 2.4). Programs and old browsers send no such header.
pub(super) async fn refuse_other_sites(request: Request, next: Next) -> Response {
    let mut sites = request.headers().get_all("sec-fetch-site").iter();
    if sites.any(|site| site == "cross-site" || site == "same-site") {
        return cross_site().into_response();
    }
    next.run(request).await
}

/// The answer to a changing request from a page of another site, including one that would sign somebody in (log-in
/// CSRF). Programs send neither of the headers that are checked.
fn cross_site() -> Error {
    Error::new(
        Kind::Forbidden,
        "cross_site_request",
        "a page of another site sent this request; open the console at its own address and try again",
    )
}

/// That a session could not be kept is an error like every other: of the session layer it is a bare 500.
fn kept(response: Response) -> Response {
    let is_bare =
        response.status() == StatusCode::INTERNAL_SERVER_ERROR && response.extensions().get::<Arc<Error>>().is_none();
    if is_bare {
        return Error::unavailable("you could not be signed in right now; try again").into_response();
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_could_not_be_kept_is_an_error_like_every_other() {
        let code = |response: Response| kept(response).extensions().get::<Arc<Error>>().map(|error| error.code);
        assert_eq!(code(StatusCode::INTERNAL_SERVER_ERROR.into_response()), Some("unavailable"));
        assert_eq!(code(Error::internal("a fault").into_response()), Some("internal"));
        assert_eq!(code(StatusCode::NO_CONTENT.into_response()), None);
    }
}
