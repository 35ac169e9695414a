//! The OpenAPI document as a page for people: read from the document that is served, rendered once,
//! without scripts and without anything from elsewhere. Its examples ask this instance.

mod example;
mod model;
mod operation;
mod page;
mod schema;

use std::sync::{Arc, LazyLock};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use parking_lot::Mutex;

use super::{
    openapi::document,
    support::fixed::{self, Fixed},
};
use crate::{
    error::{Error, Result},
    service::Services,
};

const STYLE_TEXT: &str = concat!(
    include_str!("../../../console/styles/tokens.css"),
    include_str!("../page.css"),
    include_str!("docs/style.css")
);

/// The page's own style is all that it may load; it is framed by nobody.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// Where the gateways of the document's examples are: in place of each the page names this one.
const ELSEWHERE: [&str; 2] = ["http://127.0.0.1:8765", "https://permesso.example.com"];

/// The page that was made last, and of which instance.
static PAGE: Mutex<Option<(String, Arc<Fixed>)>> = Mutex::new(None);

/// The page of the instance at this address, which has no slash at its end.
fn page_of(instance: &str) -> Result<Arc<Fixed>> {
    let mut made = PAGE.lock();
    if let Some((of, page)) = made.as_ref()
        && of == instance
    {
        return Ok(page.clone());
    }
    let page = Arc::new(Fixed::new("text/html; charset=utf-8", rendered(instance).map_err(Error::internal)?));
    *made = Some((instance.to_owned(), page.clone()));
    Ok(page)
}

fn rendered(instance: &str) -> serde_json::Result<Vec<u8>> {
    let quoted = serde_json::to_string(instance)?;
    let spelled = quoted.trim_matches('"');
    let document = ELSEWHERE.iter().fold(document()?, |document, elsewhere| document.replace(elsewhere, spelled));
    Ok(page::render(&serde_json::from_str(&document)?, instance).into_string().into_bytes())
}

static STYLE: LazyLock<Result<Fixed>> =
    LazyLock::new(|| Ok(Fixed::new("text/css; charset=utf-8", STYLE_TEXT.as_bytes().to_vec())));

/// The page, for everybody.
pub async fn get_docs(State(services): State<Arc<Services>>, headers: HeaderMap) -> Result<Response> {
    let page = page_of(services.public_url.as_str().trim_end_matches('/'))?;
    let mut response = page.answer(&headers)?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// The page's style.
pub async fn get_docs_style(headers: HeaderMap) -> Result<Response> {
    fixed::answer(&STYLE, &headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_asks_the_instance_whose_page_it_is() {
        let page = |instance| String::from_utf8(rendered(instance).expect("a page")).expect("UTF-8");
        let ours = page("https://tools.acme.test");
        assert!(ours.contains("api=https://tools.acme.test/api/v1\n"), "the first commands");
        assert!(ours.matches("https://tools.acme.test/api/v1/orgs/acme/toolkits/ledger/call").count() >= 3, "programs");
        assert!(ours.contains("https://tools.acme.test/acme/bank/mcp"), "answers");
        for elsewhere in ELSEWHERE {
            assert!(!ours.contains(elsewhere), "{elsewhere}");
        }
        // Whatever the setting has, the page has it as text.
        assert!(!page("http://a.test/\"<b>\\x").contains("<b>"));
    }

    #[test]
    fn every_token_that_the_style_uses_is_one_of_the_consoles() {
        for used in STYLE_TEXT.split("var(").skip(1) {
            let name = used.split(')').next().unwrap_or_default();
            assert!(STYLE_TEXT.contains(&format!("{name}:")), "{name}");
        }
    }

    #[test]
    fn a_page_is_made_again_for_another_instance_only() {
        let first = page_of("https://one.test").expect("a page");
        assert!(Arc::ptr_eq(&first, &page_of("https://one.test").expect("a page")));
        assert!(!Arc::ptr_eq(&first, &page_of("https://two.test").expect("a page")));
    }
}
