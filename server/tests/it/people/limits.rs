//! When sessions end by themselves, by a clock that the test moves.

use std::time::Duration;

use chrono::{DateTime, Utc};
use permesso::{
    clock::{Clock, TestClock},
    service,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Gateway, database::database, world::ADMIN};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
/// The defaults of the configuration.
const IDLE: Duration = Duration::from_secs(43_200);
const ABSOLUTE: Duration = Duration::from_secs(604_800);

/// A gateway, a person who just signed in, and the hands of its clock.
async fn signed_in() -> (Gateway, Client, TestClock, sqlx::PgConnection) {
    let database = database().await;
    let (clock, hands) = Clock::test(Clock::system().now());
    let gateway = Gateway::start_with(&database, clock).await;
    let browser = Client::browser_of(&gateway.url, ADMIN).await;
    (gateway, browser, hands, crate::support::database::owner(&database).await)
}

async fn only_session(browser: &Client) -> Value {
    browser.get("/auth/sessions").await.expect(200)["items"][0].clone()
}

fn time(session: &Value, field: &str) -> DateTime<Utc> {
    session[field].as_str().and_then(|text| text.parse().ok()).expect("a time")
}

async fn rows(conn: &mut sqlx::PgConnection) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM sessions").fetch_one(conn).await.expect("a number")
}

#[tokio::test]
async fn a_session_ends_when_it_was_not_used_for_the_idle_limit() {
    let (gateway, browser, hands, mut conn) = signed_in().await;
    hands.advance(IDLE - MINUTE);
    browser.get("/me").await.expect(200);
    hands.advance(IDLE - MINUTE);
    browser.get("/me").await.expect(200);
    service::identity::session::sweep(&gateway.services).await.expect("it sweeps");
    assert_eq!(rows(&mut conn).await, 1);
    hands.advance(IDLE);
    browser.get("/me").await.expect(401);
    service::identity::session::sweep(&gateway.services).await.expect("it sweeps");
    assert_eq!(rows(&mut conn).await, 0);
    gateway.stop().await;
}

#[tokio::test]
async fn what_an_open_page_asks_by_itself_is_no_use() {
    let (gateway, browser, hands, _) = signed_in().await;
    browser.post("/orgs", json!({"slug": "acme", "name": "Acme"})).await.expect(201);
    let by_itself = [("x-permesso-unattended", "1")];
    let stream = [("accept", "text/event-stream")];
    hands.advance(IDLE - MINUTE);
    browser.send(Method::GET, "/api/v1/me", None, &by_itself).await.expect(200);
    // Any answer will do: it is the credential that is looked at, and this one ends by itself.
    assert_eq!(browser.send(Method::GET, "/api/v1/nothing", None, &stream).await.status.as_u16(), 404);
    hands.advance(MINUTE);
    browser.get("/me").await.expect(401);
    gateway.stop().await;
}

#[tokio::test]
async fn a_session_ends_at_the_absolute_limit_however_much_it_is_used() {
    let (gateway, browser, hands, mut conn) = signed_in().await;
    let hours = ABSOLUTE.as_secs() / HOUR.as_secs();
    for _ in 1..hours {
        hands.advance(HOUR);
        browser.get("/me").await.expect(200);
    }
    let session = only_session(&browser).await;
    let (made, end) = (time(&session, "created_at"), time(&session, "expires_at"));
    assert_eq!((end - made).to_std().ok(), Some(ABSOLUTE), "and it says so before");
    hands.advance(HOUR);
    browser.get("/me").await.expect(401);
    service::identity::session::sweep(&gateway.services).await.expect("it sweeps");
    assert_eq!(rows(&mut conn).await, 0);
    gateway.stop().await;
}

#[tokio::test]
async fn the_last_use_is_written_once_a_minute_at_most() {
    let (gateway, browser, hands, _) = signed_in().await;
    let made = time(&only_session(&browser).await, "last_seen_at");
    hands.advance(MINUTE - Duration::from_secs(1));
    assert_eq!(time(&only_session(&browser).await, "last_seen_at"), made);
    hands.advance(Duration::from_secs(1));
    browser.get("/me").await.expect(200);
    let seen = time(&only_session(&browser).await, "last_seen_at");
    assert_eq!((seen - made).to_std().ok(), Some(MINUTE));
    hands.advance(MINUTE / 2);
    assert_eq!(time(&only_session(&browser).await, "last_seen_at"), seen);
    gateway.stop().await;
}

#[tokio::test]
async fn a_link_works_for_seven_days() {
    let (gateway, browser, hands, mut conn) = signed_in().await;
    browser.post("/orgs", json!({"slug": "acme", "name": "Acme"})).await.expect(201);
    let new = json!({"email": "new@example.com", "role": "member"});
    let made = browser.post("/orgs/acme/invitations", new).await.expect(201);
    let token = made["url"].as_str().and_then(|url| url.split_once('#')).expect("a fragment").1.to_owned();
    let anyone = Client::new(&gateway.url, None);
    let view = async || anyone.post("/invitations/view", json!({"token": token})).await;
    hands.advance(7 * 24 * HOUR - MINUTE);
    view().await.expect(200);
    let again = Client::browser_of(&gateway.url, ADMIN).await;
    let list = async || again.get("/orgs/acme/invitations").await.expect(200)["items"].as_array().map(Vec::len);
    assert_eq!(list().await, Some(1));
    service::identity::invitation::sweep(&gateway.services).await.expect("it sweeps");
    hands.advance(MINUTE);
    assert_eq!(view().await.code(), "not_found");
    let accept = json!({"token": token, "password": "twelve characters"});
    assert_eq!(anyone.post("/invitations/accept", accept).await.code(), "not_found");
    assert_eq!(list().await, Some(0));
    let count = "SELECT count(*) FROM invitations";
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut conn).await.unwrap(), 1);
    service::identity::invitation::sweep(&gateway.services).await.expect("it sweeps");
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut conn).await.unwrap(), 0);
    gateway.stop().await;
}
