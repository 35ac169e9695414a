//! What people change about themselves: their password, and leaving; and that an org can be deleted.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    Client, Gateway, World,
    client::text,
    eventually,
    upstream::Behaviour,
    world::{APPROVER, OWNER},
};

#[tokio::test]
async fn a_changed_password_ends_every_other_session_and_every_token() {
    let world = World::new().await;
    let url = &world.gateway.url;
    let (here, elsewhere) = (Client::browser_of(url, APPROVER).await, Client::browser_of(url, APPROVER).await);
    let change = |current: &str, new: &str| json!({"current": current, "new": new});
    let new = "a new horse battery";
    let wrong = here.put("/me/password", change("not my password", new)).await;
    assert_eq!(wrong.clone().expect(422)["errors"][0]["field"], "current");
    let short = here.put("/me/password", change(APPROVER.1, "short")).await.expect(422);
    assert_eq!(short["errors"][0]["field"], "new");
    here.put("/me/password", change(APPROVER.1, new)).await.expect(204);
    here.get("/me").await.expect(200);
    elsewhere.get("/me").await.expect(401);
    world.approver.get("/me").await.expect(401);
    let old = json!({"email": APPROVER.0, "password": APPROVER.1});
    world.anonymous.post("/auth/login", old).await.expect(401);
    Client::sign_in(url, APPROVER.0, new).await.get("/me").await.expect(200);
    let key = world.agent.put("/me/password", change(APPROVER.1, new)).await;
    assert_eq!((key.status.as_u16(), key.code().as_str()), (403, "person_required"));
    let record = world.admin.get("/orgs/acme/audit?action=change_password&status=ok").await.expect(200);
    assert_eq!(
        (&record["items"][0]["actor_name"], &record["items"][0]["source"]),
        (&json!(APPROVER.0), &json!("console"))
    );
}

#[tokio::test]
async fn guessing_the_present_password_is_slowed_as_signing_in_is() {
    let world = World::new().await;
    let mut statuses = Vec::new();
    for n in 0..30 {
        let body = json!({"current": format!("guess number {n}"), "new": "a new horse battery"});
        statuses.push(world.approver.put("/me/password", body).await.status.as_u16());
    }
    assert_eq!((statuses[0], statuses[29]), (422, 429), "{statuses:?}");
}

#[tokio::test]
async fn a_password_is_the_same_however_it_is_typed() {
    let world = World::new().await;
    let (composed, apart) = ("caf\u{e9} au lait, s'il vous", "cafe\u{301} au lait, s'il vous");
    world.approver.put("/me/password", json!({"current": APPROVER.1, "new": composed})).await.expect(204);
    for typed in [composed, apart] {
        Client::sign_in(&world.gateway.url, APPROVER.0, typed).await;
    }
}

#[tokio::test]
async fn an_email_has_one_form_and_nothing_that_is_not_seen() {
    let world = World::new().await;
    for hidden in ["eve\u{200b}@example.com", "eve\u{202e}@example.com", "eve@example\u{3164}.com", "a@."] {
        for path in ["members", "invitations"] {
            let body = json!({"email": hidden, "role": "agent"});
            let refused = world.admin.post(&format!("/orgs/acme/{path}"), body).await.expect(422);
            assert_eq!(refused["errors"][0]["field"], "email", "{hidden:?}");
        }
    }
    let wide = json!({"email": "\u{ff25}ve@Example.com", "role": "agent", "password": "eve horse battery"});
    assert_eq!(world.admin.post("/orgs/acme/members", wide).await.expect(201)["email"], "eve@example.com");
    Client::sign_in(&world.gateway.url, "\u{ff45}ve@example.com", "eve horse battery").await;
}

#[tokio::test]
async fn a_person_who_signed_in_from_there_before_has_an_allowance_of_their_own_at_another_replica() {
    let world = World::new().await;
    // It saw nobody sign in; another machine behind the same address guesses until everybody there is refused.
    let gateway = Gateway::start(&world.database).await;
    let sign_in = async |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        Client::new(&gateway.url, None).post("/auth/login", body).await.status.as_u16()
    };
    let mut strangers = 0..;
    for _ in 0..6 {
        let mut is_busy = false;
        while !is_busy {
            let stranger = format!("{}@example.com", strangers.next().expect("a number"));
            is_busy = sign_in(&stranger, "not my password").await == 429;
        }
        assert_eq!(sign_in(APPROVER.0, APPROVER.1).await, 200);
    }
}

#[tokio::test]
async fn people_leave_an_org_but_not_its_last_administrator_and_say_so_twice_where_it_stops_something() {
    let world = World::new().await;
    let code = async |client: &Client| {
        let answer = client.delete("/me/orgs/acme").await;
        (answer.status.as_u16(), answer.code())
    };
    assert_eq!(code(&world.owner).await, (409, "last_admin".into()));
    assert_eq!(code(&world.admin).await, (409, "no_member".into()));
    assert_eq!(code(&world.agent).await, (403, "person_required".into()));
    assert_eq!(code(&world.other_org).await.0, 404);
    let second = json!({"email": "second@example.com", "role": "admin", "password": "second horse battery"});
    world.admin.post("/orgs/acme/members", second).await.expect(201);
    // The approver's key has a secret that the owner made.
    let theirs = json!({"name": "theirs", "role": "agent", "owner": APPROVER.0});
    let theirs = world.owner.post("/orgs/acme/api-keys", theirs).await.expect(201);
    let theirs = Client::new(&world.gateway.url, theirs["key"].as_str());
    let problem = world.owner.delete("/me/orgs/acme").await.expect(409);
    let named = |field: &str| -> Vec<String> {
        let named = problem["affected"].as_array().into_iter().flatten();
        named.map(|one| one[field].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!((&problem["code"], named("name")), (&json!("owns_keys"), vec!["robot".into(), "theirs".into()]));
    assert!(named("effect")[1].contains("secrets"), "{problem}");
    for client in [&world.agent, &theirs] {
        client.get("/me").await.expect(200);
    }
    world.owner.delete("/me/orgs/acme?force=true").await.expect(204);
    world.owner.get("/orgs/acme").await.expect(404);
    for client in [&world.agent, &theirs] {
        client.get("/me").await.expect(401);
    }
    let record = world.admin.get("/orgs/acme/audit?action=leave_org&status=ok").await.expect(200);
    assert_eq!(record["items"][0]["actor_name"], OWNER.0);
    let id = record["items"][0]["id"].as_str().unwrap_or_default().to_owned();
    let record = world.admin.get(&format!("/orgs/acme/audit/{id}")).await.expect(200);
    assert!(record["response"].as_str().is_some_and(|said| said.contains("theirs")), "{record}");
}

#[tokio::test]
async fn who_leaves_is_told_that_nobody_could_decide_any_more() {
    let world = World::new().await;
    let policy = json!({"approval_policy": {"approver_roles": ["approver"]}});
    world.owner.patch("/orgs/acme/toolkits/bank", policy).await.expect(200);
    let problem = world.approver.delete("/me/orgs/acme").await.expect(409);
    let first = &problem["affected"][0];
    assert_eq!(
        (&problem["code"], &first["kind"], &first["name"]),
        (&json!("stops_decisions"), &json!("toolkit"), &json!("bank"))
    );
    world.approver.get("/orgs/acme").await.expect(200);
    world.approver.delete("/me/orgs/acme?force=true").await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_is_not_deleted_while_a_call_runs_that_needed_no_approval() {
    let world = World::new().await;
    let patient = json!({"call_timeout_ms": 60_000});
    world.owner.patch("/orgs/acme/connections/bank", patient).await.expect(200);
    // The other replica knows of the call by its record only.
    let second = Gateway::start(&world.database).await;
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"late"}]}"#.to_owned()));
    let call = {
        let agent = world.agent.clone();
        tokio::spawn(async move { agent.call("balance", json!({})).await })
    };
    eventually("it runs", async || world.upstream.calls() == 1).await;
    for owner in [&world.owner, &world.owner.at(&second.url)] {
        // Its record gathers for some milliseconds.
        eventually("it is on record", async || {
            world.admin.get("/orgs/acme/audit?status=interrupted").await.json()["items"][0]["tool"] == "balance"
        })
        .await;
        let refused = owner.delete("/orgs/acme?confirm=acme").await.expect(409);
        let detail = refused["detail"].as_str().unwrap_or_default();
        assert_eq!(refused["code"], "executing");
        assert!(detail.contains("`robot`") && detail.contains("`bank/balance`"), "{detail}");
    }
    world.upstream.release();
    assert_eq!(text(&call.await.expect("an answer")), "late");
    world.owner.delete("/orgs/acme?confirm=acme").await.expect(204);
    let record = world.admin.get("/orgs/acme/audit?action=tools%2Fcall").await.expect(200);
    assert_eq!((&record["items"][0]["tool"], &record["items"][0]["status"]), (&json!("balance"), &json!("ok")));
    second.stop().await;
}

#[tokio::test]
async fn an_org_is_deleted_but_for_its_record_and_its_slug() {
    let world = World::new().await;
    let id = world.held(3).await;
    let code = async |client: &Client, query: &str| {
        let answer = client.delete(&format!("/orgs/acme{query}")).await;
        (answer.status.as_u16(), answer.code())
    };
    assert_eq!(code(&world.approver, "?confirm=acme").await, (403, "forbidden".into()));
    assert_eq!(code(&world.agent, "?confirm=acme").await, (403, "person_required".into()));
    assert_eq!(code(&world.other_org, "?confirm=acme").await.0, 404);
    for query in ["", "?confirm=", "?confirm=other"] {
        assert_eq!(code(&world.owner, query).await.0, 422, "{query}");
    }
    // While an approved call runs it stays.
    let executing =
        "UPDATE approvals SET state = 'executing', decided_by = (SELECT id FROM users LIMIT 1), decided_at = now(),
         execute_by = now() + interval '1 hour', holder = id, lease_until = now() + interval '1 hour'";
    let pending = "UPDATE approvals SET state = 'pending', holder = NULL, lease_until = NULL";
    sqlx::query(executing).execute(&mut world.sql().await).await.expect("it runs");
    assert_eq!(code(&world.owner, "?confirm=acme").await, (409, "executing".into()));
    sqlx::query(pending).execute(&mut world.sql().await).await.expect("it waits");
    assert_eq!(text(&world.agent.call("balance", json!({})).await), "done", "nothing was lost");
    assert_eq!(code(&world.owner, "?confirm=acme").await.0, 204);

    world.owner.get("/orgs/acme").await.expect(404);
    world.agent.get("/me").await.expect(401);
    assert_eq!(world.admin.send(Method::GET, "/acme/bank/mcp", None, &[]).await.status.as_u16(), 404);
    let left: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM connections) + (SELECT count(*) FROM toolkits) + (SELECT count(*) FROM members m
             JOIN orgs o ON o.id = m.org_id WHERE o.slug = 'acme')",
    )
    .fetch_one(&mut world.sql().await)
    .await
    .expect("a number");
    assert_eq!(left, 0);
    let state: String = sqlx::query_scalar("SELECT state FROM approvals WHERE id = $1::uuid")
        .bind(&id)
        .fetch_one(&mut world.sql().await)
        .await
        .expect("it is kept");
    assert_eq!(state, "invalidated");

    // Its record is the instance's; nobody gets the slug again.
    let calls = world.admin.get("/orgs/acme/audit?action=tools%2Fcall").await.expect(200);
    assert!(!calls["items"].as_array().expect("items").is_empty());
    for org in ["acme", "instance"] {
        let record = world.admin.get(&format!("/orgs/{org}/audit?action=delete_org&status=ok")).await.expect(200);
        assert_eq!(record["items"][0]["actor_name"], OWNER.0, "{org}");
    }
    let again = world.admin.post("/orgs", json!({"slug": "acme", "name": "Acme"})).await;
    assert_eq!((again.status.as_u16(), again.code().as_str()), (409, "org_exists"));
    let toolkit = json!({"slug": "tk", "name": "x", "visibility": "private"});
    world.admin.post("/orgs/acme/toolkits", toolkit).await.expect(403);
    let orgs = world.admin.get("/orgs").await.expect(200);
    assert_eq!(orgs["items"].as_array().expect("items").iter().map(|o| &o["slug"]).collect::<Vec<_>>(), ["other"]);
    assert_eq!(code(&world.admin, "?confirm=acme").await, (409, "records_only".into()));
}
