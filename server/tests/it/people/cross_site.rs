//! What a page of another site cannot make a browser do (cross-site request forgery).

use permesso::clock::Clock;
use reqwest::Method;
use serde_json::json;

use crate::support::{
    Client, Gateway, World,
    client::Answer,
    database::database,
    world::{ADMIN, OWNER},
};

const ROLE: &str = r#"{"name":"made","rights":[]}"#;

async fn make_role(browser: &Client, headers: &[(&str, &str)]) -> Answer {
    browser.send(Method::POST, "/api/v1/orgs/acme/roles", Some(ROLE.to_owned()), headers).await
}

#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "cross_site_request"), "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.json()["request_id"], answer.headers["x-request-id"].to_str().unwrap_or_default());
}

#[tokio::test]
async fn another_site_changes_nothing_with_a_persons_cookie() {
    let world = World::new().await;
    let browser = Client::browser_of(&world.gateway.url, OWNER).await;
    let evil = "https://evil.example";
    for headers in [
        vec![("sec-fetch-site", "cross-site"), ("origin", evil)],
        vec![("sec-fetch-site", "same-site"), ("origin", "https://blog.example.com")],
        vec![("sec-fetch-site", "cross-site")],
        // Browsers that do not send Sec-Fetch-Site, and sandboxed frames.
        vec![("sec-fetch-site", ""), ("origin", evil)],
        vec![("sec-fetch-site", ""), ("origin", "null")],
    ] {
        refused(&make_role(&browser, &headers).await);
        let logs_out = browser.send(Method::DELETE, "/api/v1/auth/session", None, &headers).await;
        refused(&logs_out);
    }
    browser.get("/orgs/acme/roles").await.expect(200);
    // To look is not to change; what is read stays unreadable to the other site, since no CORS is offered.
    let looked =
        browser.send(Method::GET, "/api/v1/me", None, &[("sec-fetch-site", "cross-site"), ("origin", evil)]).await;
    assert_eq!(looked.status.as_u16(), 200);
    assert!(!looked.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn another_site_signs_nobody_in() {
    let world = World::new().await;
    let browser = Client::browser(&world.gateway.url);
    let evil = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    let body = json!({"email": OWNER.0, "password": OWNER.1}).to_string();
    for path in ["/api/v1/auth/session", "/api/v1/auth/login", "/api/v1/invitations/accept"] {
        let answer = browser.send(Method::POST, path, Some(body.clone()), &evil).await;
        refused(&answer);
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    assert_eq!(browser.cookie(), None);
}

#[tokio::test]
async fn the_console_itself_and_programs_are_not_in_the_way() {
    let world = World::new().await;
    let browser = Client::browser_of(&world.gateway.url, OWNER).await;
    make_role(&browser, &[]).await.expect(201);
    let host = world.gateway.url.clone();
    for headers in [
        vec![("sec-fetch-site", "same-origin"), ("origin", host.as_str())],
        vec![("sec-fetch-site", ""), ("origin", host.as_str())],
        // Typed into the address bar, or a bookmark.
        vec![("sec-fetch-site", "none")],
    ] {
        make_role(&browser, &headers).await.expect(409);
    }
    // A program sends neither header.
    make_role(&world.owner, &[]).await.expect(409);
    let body = Some(json!({"email": OWNER.0, "password": OWNER.1}).to_string());
    let signed_in = world.anonymous.send(Method::POST, "/api/v1/auth/session", body, &[]).await;
    assert_eq!(signed_in.status.as_u16(), 204);
}

#[tokio::test]
async fn behind_a_proxy_the_public_url_is_the_origin() {
    let database = database().await;
    let gateway = Gateway::start_at(&database, Clock::system(), Some("https://mcp.example.com/")).await;
    let browser = Client::browser(&gateway.url);
    let body = json!({"email": ADMIN.0, "password": ADMIN.1}).to_string();
    let sign_in = async |origin: &str| {
        let headers = [("sec-fetch-site", ""), ("origin", origin)];
        browser.send(Method::POST, "/api/v1/auth/session", Some(body.clone()), &headers).await
    };
    sign_in("https://mcp.example.com").await.expect(204);
    refused(&sign_in("https://mcp.example.com.evil.example").await);
    refused(&sign_in("http://mcp.example.com").await);
    gateway.stop().await;
}
