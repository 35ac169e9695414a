//! Inviting by link: what the link gives, to whom, how often, and when it gives nothing any more.

use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::Executor;

use crate::support::{
    Client, Gateway, World,
    world::{APPROVER, OTHER, OWNER},
};

const PASSWORD: &str = "a new horse battery";

/// Invites to `acme`; gives the link's token.
async fn invite(inviter: &Client, email: &str, role: &str) -> String {
    let made = inviter.post("/orgs/acme/invitations", json!({"email": email, "role": role})).await.expect(201);
    token(&made)
}

fn token(made: &Value) -> String {
    let (_, token) = made["url"].as_str().and_then(|url| url.split_once('#')).expect("a fragment");
    token.to_owned()
}

fn accept(token: &str, password: &str) -> Value {
    json!({"token": token, "password": password})
}

/// A person of `acme` with a role of these rights, signed in.
async fn person_with(world: &World, role: &str, rights: Value) -> Client {
    world.admin.post("/orgs/acme/roles", json!({"name": role, "rights": rights})).await.expect(201);
    let email = format!("{role}@example.com");
    let member = json!({"email": email, "role": role, "password": PASSWORD});
    world.admin.post("/orgs/acme/members", member).await.expect(201);
    Client::sign_in(&world.gateway.url, &email, PASSWORD).await
}

async fn member_id(world: &World, email: &str) -> String {
    let members = world.admin.get("/orgs/acme/members?limit=200").await.expect(200);
    let found = members["items"].as_array().into_iter().flatten().find(|member| member["email"] == email);
    found.and_then(|member| member["id"].as_str()).unwrap_or_else(|| panic!("no {email}: {members}")).to_owned()
}

#[tokio::test]
async fn a_new_person_takes_an_invitation_up_once_and_is_signed_in() {
    let world = World::new().await;
    let new = json!({"email": " New@Example.com", "role": "approver"});
    let made = world.owner.post("/orgs/acme/invitations", new).await.expect(201);
    assert_eq!((&made["email"], &made["invited_by"]), (&json!("new@example.com"), &json!(OWNER.0)));
    let url = made["url"].as_str().unwrap_or_default();
    assert!(url.starts_with(&format!("{}/invite#", world.gateway.url)), "{url}");
    let token = token(&made);
    let kept: String = sqlx::query_scalar("SELECT invitations::text FROM invitations")
        .fetch_one(&mut world.sql().await)
        .await
        .expect("one invitation");
    assert!(!kept.contains(&token));
    let list = world.admin.get("/orgs/acme/invitations").await.expect(200);
    assert_eq!((&list["items"][0]["id"], &list["items"][0]["role"]), (&made["id"], &json!("approver")));
    assert!(!list.to_string().contains(&token) && list["items"][0]["url"].is_null());

    let browser = Client::browser(&world.gateway.url);
    let offered = browser.post("/invitations/view", json!({"token": token})).await.expect(200);
    assert_eq!((&offered["org"], &offered["email"]), (&json!("acme"), &json!("new@example.com")));
    assert_eq!((&offered["role"], &offered["has_password"]), (&json!("approver"), &json!(false)));
    browser.post("/invitations/accept", accept(&token, "too short")).await.expect(422);
    let mut body = accept(&token, PASSWORD);
    body["name"] = json!("Nova");
    browser.post("/invitations/accept", body).await.expect(204);
    let me = browser.get("/me").await.expect(200);
    assert_eq!((&me["email"], &me["orgs"][0]["role"]), (&json!("new@example.com"), &json!("approver")));
    Client::sign_in(&world.gateway.url, "new@example.com", PASSWORD).await.get("/orgs/acme").await.expect(200);
    let id = world.held(1).await;
    browser.decide(&id, "approve", "fine").await.expect(200);

    for path in ["/invitations/view", "/invitations/accept"] {
        let mut body = accept(&token, PASSWORD);
        if path.ends_with("view") {
            body = json!({"token": token});
        }
        let used = browser.post(path, body).await;
        assert_eq!((used.status.as_u16(), used.code().as_str()), (404, "not_found"), "{path}");
    }
    assert_eq!(world.admin.get("/orgs/acme/invitations").await.expect(200)["items"], json!([]));
    let audit = world.admin.get("/orgs/acme/audit?limit=50").await.expect(200).to_string();
    assert!(audit.contains("create_invitation") && audit.contains("accept_invitation"), "{audit}");
    let kept: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM audit_intents WHERE request LIKE '%' || $1 || '%' OR request LIKE '%' || $2 || '%'",
    )
    .bind(&token)
    .bind(PASSWORD)
    .fetch_one(&mut world.sql().await)
    .await
    .expect("a number");
    assert_eq!(kept, 0, "neither token nor password is on record");
}

#[tokio::test]
async fn who_has_a_password_proves_it_and_keeps_it() {
    let world = World::new().await;
    let token = invite(&world.owner, OTHER.0, "member").await;
    let browser = Client::browser_of(&world.gateway.url, APPROVER).await;
    let offered = browser.post("/invitations/view", json!({"token": token})).await.expect(200);
    assert_eq!(offered["has_password"], true);
    let wrong = browser.post("/invitations/accept", accept(&token, PASSWORD)).await;
    assert_eq!((wrong.status.as_u16(), wrong.code().as_str()), (401, "unauthorized"));
    assert_eq!(browser.get("/me").await.expect(200)["email"], APPROVER.0, "whose browser it is did not change");
    browser.post("/invitations/accept", accept(&token, OTHER.1)).await.expect(204);
    let me = browser.get("/me").await.expect(200);
    assert_eq!(
        (&me["email"], &me["orgs"][0]["slug"], &me["orgs"][1]["slug"]),
        (&json!(OTHER.0), &json!("acme"), &json!("other"))
    );
    Client::sign_in(&world.gateway.url, OTHER.0, OTHER.1).await.get("/orgs/acme").await.expect(200);
}

#[tokio::test]
async fn guessing_a_password_at_a_link_is_counted_as_at_the_log_in() {
    let world = World::new().await;
    let token = invite(&world.owner, OTHER.0, "member").await;
    // Where nobody has signed in yet.
    world.sql().await.execute("DELETE FROM sign_in_places").await.expect("an owner may");
    let gateway = Gateway::start(&world.database).await;
    let anyone = Client::new(&gateway.url, None);
    for _ in 0..5 {
        anyone.post("/invitations/accept", accept(&token, PASSWORD)).await.expect(401);
    }
    let slowed = anyone.post("/invitations/accept", accept(&token, OTHER.1)).await;
    assert_eq!((slowed.status.as_u16(), slowed.code().as_str()), (429, "too_many_attempts"));
    let login = json!({"email": OTHER.0, "password": OTHER.1});
    assert_eq!(anyone.post("/auth/login", login).await.status.as_u16(), 429);
}

#[tokio::test]
async fn guessing_links_slows_the_address_and_valid_links_cost_nothing() {
    let world = World::new().await;
    let token = invite(&world.owner, "new@example.com", "member").await;
    let view = async |token: &str| world.anonymous.post("/invitations/view", json!({"token": token})).await;
    for _ in 0..40 {
        view(&token).await.expect(200);
    }
    let mut refused = 0;
    while view(&format!("guess-{refused}")).await.status.as_u16() == 404 {
        refused += 1;
        assert!(refused < 100, "nobody is slowed");
    }
    assert!(refused >= 29, "{refused} guesses");
    let slowed = view("another").await;
    assert_eq!((slowed.status.as_u16(), slowed.code().as_str()), (429, "too_many_attempts"));
    assert!(slowed.headers.contains_key("retry-after"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_take_up_one_link_at_once_one_does() {
    let world = World::new().await;
    for (email, password) in [("new@example.com", PASSWORD), OTHER] {
        let token = invite(&world.owner, email, "member").await;
        let body = accept(&token, password);
        let answers = join_all((0..4).map(|_| world.anonymous.post("/invitations/accept", body.clone()))).await;
        let taken = answers.iter().filter(|answer| answer.status.as_u16() == 204).count();
        assert_eq!(taken, 1, "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.status.as_u16() != 204) {
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{}", answer.text);
            assert!(!answer.headers.contains_key("set-cookie"));
        }
    }
    // Beside those who signed in for it and came too late.
    let count = "SELECT count(*) FROM audit_intents WHERE action = 'accept_invitation' AND request LIKE '%invited_by%'";
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut world.sql().await).await.unwrap(), 2);
}

#[tokio::test]
async fn a_later_invitation_replaces_an_earlier_one_and_a_revoked_one_is_none() {
    let world = World::new().await;
    let first = invite(&world.owner, "new@example.com", "admin").await;
    let second = invite(&world.owner, "NEW@example.com", "member").await;
    let view = async |token: &str| world.anonymous.post("/invitations/view", json!({"token": token})).await;
    assert_eq!(view(&first).await.code(), "not_found");
    assert_eq!(view(&second).await.expect(200)["role"], "member");
    let list = world.owner.get("/orgs/acme/invitations").await.expect(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    let id = list["items"][0]["id"].as_str().unwrap_or_default();
    world.other_org.delete(&format!("/orgs/other/invitations/{id}")).await.expect(404);
    let path = format!("/orgs/acme/invitations/{id}");
    world.owner.delete(&path).await.expect(204);
    assert_eq!(world.anonymous.post("/invitations/accept", accept(&second, PASSWORD)).await.code(), "not_found");
    world.owner.delete(&path).await.expect(404);
    assert!(world.admin.get("/orgs/acme/audit").await.expect(200).to_string().contains("delete_invitation"));
}

#[tokio::test]
async fn only_people_invite_and_to_no_more_than_they_may() {
    let world = World::new().await;
    let create = async |client: &Client, email: &str, role: &str| {
        client.post("/orgs/acme/invitations", json!({"email": email, "role": role})).await
    };
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "boss", "role": "admin"})).await.expect(201);
    let key = Client::new(&world.gateway.url, key["key"].as_str());
    assert_eq!(create(&key, "new@example.com", "member").await.code(), "person_required");
    let hr = person_with(&world, "hr", json!(["members:read", "members:write"])).await;
    assert_eq!(create(&hr, "new@example.com", "admin").await.code(), "forbidden");
    create(&hr, "new@example.com", "hr").await.expect(201);
    assert_eq!(create(&world.owner, APPROVER.0, "member").await.code(), "member_exists");
    for (email, role, field) in [("nobody", "member", "email"), ("new@example.com", "king", "role")] {
        assert_eq!(create(&world.owner, email, role).await.expect(422)["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn an_invitation_is_worth_no_more_than_its_inviter_and_its_role_are_now() {
    let world = World::new().await;
    let hr = person_with(&world, "hr", json!(["members:read", "members:write"])).await;
    world.admin.post("/orgs/acme/roles", json!({"name": "temp", "rights": ["members:read"]})).await.expect(201);
    let try_accept = async |token: &str| world.anonymous.post("/invitations/accept", accept(token, PASSWORD)).await;
    let hr_id = member_id(&world, "hr@example.com").await;
    let set_role = async |role: &str| {
        world.admin.patch(&format!("/orgs/acme/members/{hr_id}"), json!({"role": role})).await.expect(200)
    };

    let token = invite(&hr, "new@example.com", "temp").await;
    set_role("agent").await;
    let demoted = try_accept(&token).await;
    assert_eq!((demoted.status.as_u16(), demoted.code().as_str()), (409, "inviter_lost_right"));
    set_role("hr").await;
    world.admin.patch("/orgs/acme/roles/temp", json!({"rights": ["approvals:decide"]})).await.expect(200);
    assert_eq!(try_accept(&token).await.code(), "inviter_lost_right", "the role allows more than they may give now");
    world.admin.delete("/orgs/acme/roles/temp?force=true").await.expect(204);
    for answer in [try_accept(&token).await, world.anonymous.post("/invitations/view", json!({"token": token})).await] {
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (409, "role_gone"));
    }
    assert_eq!(world.owner.get("/orgs/acme/invitations").await.expect(200)["items"][0]["role"], Value::Null);

    let token = invite(&hr, "new@example.com", "hr").await;
    world.admin.delete(&format!("/orgs/acme/members/{hr_id}")).await.expect(204);
    assert_eq!(try_accept(&token).await.code(), "inviter_lost_right");
    let people: i64 = sqlx::query_scalar("SELECT count(*) FROM users WHERE email = 'new@example.com'")
        .fetch_one(&mut world.sql().await)
        .await
        .expect("a number");
    assert_eq!(people, 0, "and nothing of it was done");
}

#[tokio::test]
async fn who_has_come_another_way_meanwhile_is_told_so() {
    let world = World::new().await;
    let token = invite(&world.owner, OTHER.0, "approver").await;
    world.admin.post("/orgs/acme/members", json!({"email": OTHER.0, "role": "member"})).await.expect(201);
    let answer = world.anonymous.post("/invitations/accept", accept(&token, OTHER.1)).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (409, "member_exists"));
    let me = Client::sign_in(&world.gateway.url, OTHER.0, OTHER.1).await.get("/me").await.expect(200);
    assert_eq!(me["orgs"][0]["role"], "member", "their role did not change");
}

#[tokio::test]
async fn a_link_does_not_take_over_somebody_whom_another_org_knows() {
    let world = World::new().await;
    // Two people without a password: one whom another org counts on, one whom nobody knows.
    world.admin.post("/orgs/other/members", json!({"email": "cfo@example.com", "role": "admin"})).await.expect(201);
    let lost = json!({"email": "lost@example.com", "role": "member"});
    let lost = world.admin.post("/orgs/acme/members", lost).await.expect(201);
    let path = format!("/orgs/acme/members/{}", lost["id"].as_str().unwrap_or_default());
    world.admin.delete(&path).await.expect(204);

    let cfo = invite(&world.owner, "cfo@example.com", "member").await;
    let refused = world.anonymous.post("/invitations/accept", accept(&cfo, PASSWORD)).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "password_needed"));
    let login = json!({"email": "cfo@example.com", "password": PASSWORD});
    world.anonymous.post("/auth/login", login).await.expect(401);

    let lost = invite(&world.owner, "lost@example.com", "member").await;
    world.anonymous.post("/invitations/accept", accept(&lost, PASSWORD)).await.expect(204);
    Client::sign_in(&world.gateway.url, "lost@example.com", PASSWORD).await.get("/orgs/acme").await.expect(200);
}
