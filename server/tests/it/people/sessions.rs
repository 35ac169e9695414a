//! Signing in and out of the console, and what the cookie opens.

use permesso::{clock::Clock, service::access};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Executor;

use crate::support::{
    Client, Gateway, World,
    database::database,
    eventually,
    proxy::Proxy,
    world::{ADMIN, APPROVER, OTHER, OWNER},
};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

fn login((email, password): (&str, &str)) -> Value {
    json!({"email": email, "password": password})
}

fn items(list: &Value) -> &Vec<Value> {
    list["items"].as_array().expect("items")
}

#[tokio::test]
async fn signing_in_sets_a_cookie_that_scripts_cannot_read_and_postgres_does_not_know() {
    let world = World::new().await;
    let browser = Client::browser(&world.gateway.url);
    browser.get("/auth/session").await.expect(401);
    let answer = browser.post("/auth/session", login(OWNER)).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    let set = answer.set_cookie("permesso").expect("a session");
    let mut parts: Vec<&str> = set.split("; ").collect();
    let cookie = parts.remove(0);
    parts.sort_unstable();
    let [http_only, age, path, same_site] = parts.as_slice() else { panic!("{set}") };
    assert_eq!((*http_only, *path, *same_site), ("HttpOnly", "Path=/", "SameSite=Lax"));
    let age = age.strip_prefix("Max-Age=").and_then(|age| age.parse().ok());
    // What has passed since the sign-in is taken off.
    assert!(age.is_some_and(|age: u32| (604_700..=604_800).contains(&age)), "{set}");
    let id = cookie.strip_prefix("permesso=").expect("its name").to_owned();
    assert_eq!(id.len(), 22, "128 bits");

    let me = browser.get("/auth/session").await.expect(200);
    assert_eq!(
        (&me["kind"], &me["email"], &me["orgs"][0]["slug"]),
        (&json!("person"), &json!(OWNER.0), &json!("acme"))
    );
    assert_eq!(browser.get("/me").await.expect(200), me);
    let mut conn = world.sql().await;
    let kept: (String, Vec<u8>) = sqlx::query_as("SELECT sessions::text, id_sha256 FROM sessions")
        .fetch_one(&mut conn)
        .await
        .expect("one session");
    assert!(!kept.0.contains(&id), "{}", kept.0);
    assert_eq!(kept.1, wire::canonical::sha256(id.as_bytes()));
    assert_eq!(browser.get("/me").await.headers.get("set-cookie"), None, "the cookie is set once");
}

#[tokio::test]
async fn over_https_the_cookie_is_bound_to_the_host_and_can_be_removed() {
    let database = database().await;
    let gateway = Gateway::start_at(&database, Clock::system(), Some("https://mcp.example.com")).await;
    let browser = Client::browser(&gateway.url);
    let answer = browser.post("/auth/session", login(ADMIN)).await;
    let set = answer.set_cookie("__Host-permesso").expect("a session");
    for part in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Domain"), "{set}");
    let out = browser.send(Method::DELETE, "/api/v1/auth/session", None, &[]).await;
    let removal = out.headers["set-cookie"].to_str().unwrap_or_default();
    // A browser ignores a header about a `__Host-` cookie that lacks one of these.
    for part in ["__Host-permesso=;", "; Secure", "; Path=/", "; Max-Age=0"] {
        assert!(removal.contains(part), "{removal}");
    }
    assert_eq!(browser.cookie(), None);
    gateway.stop().await;
}

#[tokio::test]
async fn every_sign_in_has_a_new_id_and_ends_only_the_session_it_replaces() {
    let world = World::new().await;
    let url = &world.gateway.url;
    let browser = Client::browser(url);
    // Somebody planted an id, hoping that it becomes the person's session.
    let planted = "permesso=AAAAAAAAAAAAAAAAAAAAAA";
    browser.set_cookie(planted);
    browser.post("/auth/session", login(OWNER)).await.expect(204);
    let first = browser.cookie().expect("a cookie");
    assert_ne!(first, planted);
    let elsewhere = Client::browser_of(url, OWNER).await;

    browser.post("/auth/session", login(OWNER)).await.expect(204);
    let second = browser.cookie().expect("a cookie");
    assert_ne!(second, first);
    browser.get("/me").await.expect(200);
    elsewhere.get("/me").await.expect(200);
    for gone in [planted, first.as_str()] {
        let thief = Client::browser(url);
        thief.set_cookie(gone);
        let refused = thief.get("/me").await;
        assert_eq!(refused.status.as_u16(), 401);
        // It would take a newer one with it, of somebody who signed in since the request was sent.
        assert_eq!(refused.headers.get("set-cookie"), None, "a refusal takes no cookie away");
    }
    let wrong = browser.post("/auth/session", json!({"email": OWNER.0, "password": "not the password"})).await;
    assert_eq!((wrong.status.as_u16(), wrong.code().as_str()), (401, "unauthorized"));
    browser.get("/me").await.expect(200);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_nothing_else() {
    let world = World::new().await;
    let url = &world.gateway.url;
    let (browser, elsewhere) = (Client::browser_of(url, OWNER).await, Client::browser_of(url, OWNER).await);
    let kept = browser.cookie().expect("a cookie");
    browser.delete("/auth/session").await.expect(204);
    assert_eq!(browser.cookie(), None);
    browser.set_cookie(&kept);
    browser.get("/me").await.expect(401);
    browser.delete("/auth/session").await.expect(401);
    elsewhere.get("/me").await.expect(200);
    world.anonymous.delete("/auth/session").await.expect(401);
    for other in [&world.owner, &world.agent] {
        assert_eq!(other.delete("/auth/session").await.code(), "no_session");
    }
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sessions").fetch_one(&mut world.sql().await).await.unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn people_see_their_own_sessions_and_end_them_one_by_one() {
    let world = World::new().await;
    let url = &world.gateway.url;
    let phone = Client::browser(url);
    let agent = [("user-agent", "Phone/1.0"), ("x-forwarded-for", "203.0.113.9")];
    let body = Some(login(OWNER).to_string());
    phone.send(Method::POST, "/api/v1/auth/session", body, &agent).await.expect(204);
    let laptop = Client::browser_of(url, OWNER).await;
    let stranger = Client::browser_of(url, OTHER).await;

    let list = laptop.get("/auth/sessions").await.expect(200);
    let [first, second] = items(&list).as_slice() else { panic!("{list}") };
    assert_eq!((&first["client"], &first["current"]), (&json!("Phone/1.0"), &json!(false)));
    assert_eq!(first["address"], "127.0.0.1", "no proxy is trusted here, so what it says does not count");
    assert_eq!(second["current"], true);
    assert!(first["expires_at"].as_str() > first["last_seen_at"].as_str());
    let page = laptop.get("/auth/sessions?limit=1").await.expect(200);
    let rest = page["next_cursor"].as_str().expect("a cursor");
    let next = laptop.get(&format!("/auth/sessions?limit=1&cursor={rest}")).await.expect(200);
    assert_eq!((items(&next)[0]["id"].clone(), &next["next_cursor"]), (second["id"].clone(), &Value::Null));
    // A login token is the same person; a key is none.
    let by_token = world.owner.get("/auth/sessions").await.expect(200);
    assert!(items(&by_token).iter().all(|session| session["current"] == false) && items(&by_token).len() == 2);
    assert_eq!(world.agent.get("/auth/sessions").await.code(), "person_required");

    let path = format!("/auth/sessions/{}", first["id"].as_str().unwrap_or_default());
    stranger.delete(&path).await.expect(404);
    assert_eq!(world.agent.delete(&path).await.code(), "person_required");
    phone.get("/me").await.expect(200);
    laptop.delete(&path).await.expect(204);
    phone.get("/me").await.expect(401);
    laptop.delete(&path).await.expect(404);
    laptop.delete("/auth/sessions/nonsense").await.expect(404);
    assert_eq!(items(&laptop.get("/auth/sessions").await.expect(200)).len(), 1);
}

#[tokio::test]
async fn a_bearer_wins_and_a_wrong_one_is_not_rescued_by_a_cookie() {
    let world = World::new().await;
    let browser = Client::browser_of(&world.gateway.url, OWNER).await;
    let me = async |value: &str| browser.send(Method::GET, "/api/v1/me", None, &[("authorization", value)]).await;
    let approver = world.approver.token.clone().unwrap_or_default();
    assert_eq!(me(&format!("Bearer {approver}")).await.expect(200)["email"], APPROVER.0);
    for wrong in ["Bearer nonsense", "Bearer ", "Basic b3duZXI6eA==", "nonsense"] {
        me(wrong).await.expect(401);
    }
    assert_eq!(browser.get("/me").await.expect(200)["email"], OWNER.0, "and the cookie is still good");
}

#[tokio::test]
async fn the_cookie_opens_the_api_and_not_the_endpoint_of_agents() {
    let world = World::new().await;
    let approver = Client::browser_of(&world.gateway.url, APPROVER).await;
    for method in [Method::POST, Method::GET] {
        let answer = approver.send(method, "/acme/bank/mcp", Some(PING.to_owned()), &[]).await;
        assert_eq!(answer.status.as_u16(), 401, "{}", answer.text);
    }
    approver.send(Method::GET, "/acme/nothing", None, &[]).await.expect(401);
    let id = world.held(1250).await;
    approver.decide(&id, "approve", "fine").await.expect(200);
    assert_eq!(world.admin.status(&id).await, "approved");
}

#[tokio::test]
async fn guessing_at_the_console_and_at_the_log_in_is_counted_together() {
    let world = World::new().await;
    // Where nobody has signed in yet.
    world.sql().await.execute("DELETE FROM sign_in_places").await.expect("an owner may");
    let gateway = Gateway::start(&world.database).await;
    let browser = Client::browser(&gateway.url);
    let guess = login((OWNER.0, "not the password"));
    for path in ["/auth/session", "/auth/login", "/auth/session", "/auth/login", "/auth/session"] {
        let answer = browser.post(path, guess.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthorized"));
    }
    for path in ["/auth/session", "/auth/login"] {
        let answer = browser.post(path, login(OWNER)).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (429, "too_many_attempts"));
        assert!(answer.headers.contains_key("retry-after") && !answer.headers.contains_key("set-cookie"));
    }
    let nobody = browser.post("/auth/session", login(("nobody@example.com", "not the password"))).await;
    let wrong = browser.post("/auth/session", login((APPROVER.0, "not the password"))).await;
    assert_eq!(nobody.json()["detail"], wrong.json()["detail"], "whether an account exists is told to nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_and_the_end_of_a_person_end_their_sessions_at_once_everywhere() {
    let world = World::new().await;
    let second = Gateway::start(&world.database).await;
    let (owner, approver) =
        (Client::browser_of(&world.gateway.url, OWNER).await, Client::browser_of(&world.gateway.url, APPROVER).await);
    let there = [owner.at(&second.url), approver.at(&second.url)];
    for browser in &there {
        browser.get("/me").await.expect(200);
    }
    permesso::service::identity::sign_in::reset_password(&world.gateway.services, OWNER.0, "another horse battery")
        .await
        .expect("it is reset");
    // No wait for the other replica's snapshot: the session itself is read.
    there[0].get("/me").await.expect(401);
    there[1].get("/me").await.expect(200);
    let mut conn = world.sql().await;
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions").fetch_one(&mut conn).await.unwrap();
    assert_eq!(left, 1, "the reset removed them");
    conn.execute("DELETE FROM users WHERE email = 'approver@example.com'").await.expect("the owner may");
    there[1].get("/me").await.expect(401);
    second.stop().await;
}

#[tokio::test]
async fn a_long_stream_can_ask_whether_its_session_still_lives() {
    let world = World::new().await;
    let services = &world.gateway.services;
    let browser = Client::browser_of(&world.gateway.url, OWNER).await;
    let list = browser.get("/auth/sessions").await.expect(200);
    let session = &items(&list)[0];
    let token = world.owner.token.clone().unwrap_or_default();
    let actor = access::authenticate(services, &token, uuid::Uuid::now_v7()).await.expect("a person");
    assert!(access::still_valid(services, &actor).await.is_ok());
    let id = session["id"].as_str().unwrap_or_default().parse().expect("an id");
    let actor = access::Actor { session: Some(id), ..actor };
    assert!(access::still_valid(services, &actor).await.is_ok());
    browser.delete("/auth/session").await.expect(204);
    let ended = access::still_valid(services, &actor).await.expect_err("it has ended");
    assert_eq!(ended.code, "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_a_session_is_neither_believed_nor_forgotten() {
    let world = World::new().await;
    let proxy = Proxy::before(&world.database).await;
    let gateway = Gateway::start(&proxy.url).await;
    let browser = Client::browser_of(&gateway.url, OWNER).await;
    proxy.cut().await;
    for answer in [browser.get("/me").await, browser.delete("/auth/session").await] {
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "unavailable"), "{}", answer.text);
        assert!(answer.headers.contains_key("retry-after") && !answer.headers.contains_key("set-cookie"));
    }
    proxy.mend();
    eventually("it is the same session", || async { browser.get("/me").await.status.as_u16() == 200 }).await;
    gateway.stop().await;
}
