//! A browser that somebody signed in with before is known: nobody who guesses at the same account, even from the same
//! address, keeps its person out, and its cookie alone opens nothing.

use permesso::clock::Clock;
use serde_json::{Value, json};
use sqlx::Executor;

use crate::support::{
    Client, Gateway, World,
    database::database,
    world::{ADMIN, APPROVER, OWNER},
};

const DEVICE: &str = "permesso-device";

fn login((email, password): (&str, &str)) -> Value {
    json!({"email": email, "password": password})
}

/// Tries to sign in; gives the status.
async fn knock(client: &Client, who: (&str, &str)) -> u16 {
    client.post("/auth/session", login(who)).await.status.as_u16()
}

/// A gateway at whose clock no time passes: nobody may try again because a test took long.
async fn frozen(world: &World) -> Gateway {
    Gateway::start_with(&world.database, Clock::test(Clock::system().now()).0).await
}

/// A stranger behind the same address guesses at an account until even the right password is refused there.
async fn besiege(url: &str, email: &str) {
    let stranger = Client::browser(url);
    // The limit of the account at the address, and what is in reserve where it signed in before.
    for _ in 0..60 {
        knock(&stranger, (email, "not the password")).await;
    }
}

#[tokio::test]
async fn who_is_known_by_a_browser_signs_in_though_somebody_guesses_at_the_account_from_there() {
    let world = World::new().await;
    let gateway = frozen(&world).await;
    let url = &gateway.url;
    let browser = Client::browser_of(url, APPROVER).await;
    besiege(url, APPROVER.0).await;
    assert_eq!(knock(&Client::browser(url), APPROVER).await, 429, "without the cookie as before");
    let before = browser.cookie_named(DEVICE).expect("it is known");
    for _ in 0..3 {
        assert_eq!(knock(&browser, (APPROVER.0, "mistyped")).await, 401, "and is told what is wrong");
        assert_eq!(knock(&browser, APPROVER).await, 204);
    }
    assert_ne!(browser.cookie_named(DEVICE), Some(before.clone()), "each sign-in gives another");
    let thief = Client::browser(url);
    thief.set_cookie(&before);
    assert_eq!(knock(&thief, APPROVER).await, 429, "and the one before is nobody's any more");

    // Other replicas know it, and so does this one after a restart.
    let second = frozen(&world).await;
    besiege(&second.url, APPROVER.0).await;
    assert_eq!(knock(&browser.at(&second.url), APPROVER).await, 204);
    second.stop().await;
}

#[tokio::test]
async fn a_stolen_cookie_has_ten_guesses_and_opens_nothing_else() {
    let world = World::new().await;
    let gateway = frozen(&world).await;
    let url = &gateway.url;
    let cookie = Client::browser_of(url, APPROVER).await.cookie_named(DEVICE).expect("it is known");
    besiege(url, APPROVER.0).await;
    besiege(url, OWNER.0).await;
    let thief = Client::browser(url);
    thief.set_cookie(&cookie);
    thief.get("/me").await.expect(401);
    assert_eq!(knock(&thief, OWNER).await, 429, "it is of one account");
    // That was one of its guesses.
    let mut guesses = Vec::new();
    for _ in 0..12 {
        guesses.push(knock(&thief, (APPROVER.0, "not the password")).await);
    }
    assert_eq!(guesses.iter().filter(|status| **status == 401).count(), 9, "{guesses:?}");
    assert_eq!(knock(&thief, APPROVER).await, 429);
    for forged in ["permesso-device=", "permesso-device=AAAA", &format!("{cookie}A")] {
        let forger = Client::browser(url);
        forger.set_cookie(forged);
        assert_eq!(knock(&forger, APPROVER).await, 429, "{forged}");
    }
}

#[tokio::test]
async fn another_password_forgets_every_browser() {
    let world = World::new().await;
    let gateway = frozen(&world).await;
    let url = &gateway.url;
    let count = async || -> i64 {
        let sql = "SELECT count(*) FROM sign_in_devices";
        sqlx::query_scalar(sql).fetch_one(&mut world.sql().await).await.expect("a number")
    };
    let (one, two) = (Client::browser_of(url, APPROVER).await, Client::browser_of(url, APPROVER).await);
    assert_eq!(count().await, 2);
    let new = (APPROVER.0, "another horse battery");
    one.put("/me/password", json!({"current": APPROVER.1, "new": new.1})).await.expect(204);
    assert_eq!(count().await, 0);
    besiege(url, APPROVER.0).await;
    assert_eq!([knock(&one, new).await, knock(&two, new).await], [429, 429]);
    let owner = Client::browser_of(url, OWNER).await;
    let reset = permesso::service::identity::sign_in::reset_password(&gateway.services, OWNER.0, new.1);
    reset.await.expect("it is reset");
    assert_eq!(count().await, 0);
    besiege(url, OWNER.0).await;
    assert_eq!(knock(&owner, (OWNER.0, new.1)).await, 429);
}

#[tokio::test]
async fn the_cookie_is_not_for_scripts_is_kept_as_a_hash_and_ends_by_itself() {
    let database = database().await;
    let (clock, hands) = Clock::test(Clock::system().now());
    let gateway = Gateway::start_at(&database, clock, Some("https://mcp.example.com")).await;
    let browser = Client::browser(&gateway.url);
    let answer = browser.post("/auth/session", login(ADMIN)).await;
    let set = answer.set_cookie("__Host-permesso-device").expect("a cookie");
    let mut parts: Vec<&str> = set.split("; ").collect();
    let text = parts.remove(0).split_once('=').expect("a value").1.to_owned();
    parts.sort_unstable();
    assert_eq!(parts, ["HttpOnly", "Max-Age=7776000", "Path=/", "SameSite=Lax", "Secure"]);
    let mut conn = crate::support::database::owner(&database).await;
    let kept: (String, Vec<u8>) = sqlx::query_as("SELECT sign_in_devices::text, id_sha256 FROM sign_in_devices")
        .fetch_one(&mut conn)
        .await
        .expect("one browser");
    assert!(!kept.0.contains(&text), "{}", kept.0);
    assert_eq!(kept.1, wire::canonical::sha256(text.as_bytes()));
    assert!(browser.post("/auth/login", login(ADMIN)).await.set_cookie("__Host-permesso-device").is_none());

    // Of many the newest are kept.
    let many =
        "INSERT INTO sign_in_devices SELECT sha256(n::text::bytea), user_id, epoch, known_until - n * interval '1 hour'
                FROM sign_in_devices, generate_series(1, 30) n";
    conn.execute(many).await.expect("an owner may");
    Client::browser(&gateway.url).post("/auth/session", login(ADMIN)).await.expect(204);
    let count = "SELECT count(*) FROM sign_in_devices";
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut conn).await.unwrap(), 20);
    hands.advance(std::time::Duration::from_secs(90 * 24 * 3_600));
    besiege(&gateway.url, ADMIN.0).await;
    assert_eq!(knock(&browser, ADMIN).await, 429);
    permesso::service::identity::session::sweep(&gateway.services).await.expect("it sweeps");
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut conn).await.unwrap(), 0, "they are swept");
    gateway.stop().await;
}
