//! Nothing unrecorded: what was refused, keys that have ended, signing in, deadlines, what belongs to the instance.

use permesso::clock::Clock;
use serde_json::{Value, json};

use crate::support::{
    Client, Gateway, World, eventually,
    process::Process,
    world::{ADMIN, APPROVER, OTHER, OWNER},
};

/// The records of an org that fit, newest first.
async fn records(reader: &Client, org: &str, query: &str) -> Vec<Value> {
    let list = reader.get(&format!("/orgs/{org}/audit?limit=200&{query}")).await.expect(200);
    list["items"].as_array().expect("items").clone()
}

/// The newest of them, with its bodies decoded.
async fn newest(reader: &Client, org: &str, query: &str) -> (Value, Value, Value) {
    let found = records(reader, org, query).await;
    let id = found.first().unwrap_or_else(|| panic!("nothing on record for {query}"))["id"].clone();
    let record = reader.get(&format!("/orgs/{org}/audit/{}", id.as_str().unwrap_or_default())).await.expect(200);
    let body = |side: &str| serde_json::from_str(record[side].as_str().unwrap_or("null")).unwrap_or(Value::Null);
    (record.clone(), body("request"), body("response"))
}

#[tokio::test]
async fn a_refused_change_is_on_record_as_one_that_was_made() {
    let world = World::new().await;
    // Without the right, in conflict, with a wrong field.
    world.approver.post("/orgs/acme/toolkits", json!({"slug": "mine", "name": "Mine"})).await.expect(403);
    let (record, request, response) = newest(&world.admin, "acme", "action=create_toolkit&status=refused").await;
    assert_eq!((&record["actor_name"], &record["actor_kind"]), (&json!(APPROVER.0), &json!("user")));
    assert_eq!((&record["source"], &response["code"]), (&json!("rest"), &json!("forbidden")));
    assert_eq!((&request["method"], &request["path"]["org"]), (&json!("POST"), &json!("acme")));
    let taken = json!({"slug": "bank", "name": "Again", "visibility": "private"});
    world.owner.post("/orgs/acme/toolkits", taken.clone()).await.expect(409);
    let (record, request, _) = newest(&world.admin, "acme", "action=create_toolkit&status=refused").await;
    assert_eq!((&record["actor_name"], &request["body"]), (&json!(OWNER.0), &taken));
    world
        .owner
        .post("/orgs/acme/toolkits", json!({"slug": "A", "name": "x", "visibility": "private"}))
        .await
        .expect(422);
    let (_, _, response) = newest(&world.admin, "acme", "action=create_toolkit&status=refused").await;
    assert_eq!(response["fields"], json!(["slug"]));
    // An allowed one beside it.
    world
        .owner
        .post("/orgs/acme/toolkits", json!({"slug": "new", "name": "x", "visibility": "private"}))
        .await
        .expect(201);
    let (record, ..) = newest(&world.admin, "acme", "action=create_toolkit&status=ok").await;
    assert_eq!((&record["actor_name"], &record["source"]), (&json!(OWNER.0), &json!("rest")));
    // What is in the path as well.
    world.agent.put("/orgs/acme/toolkits/bank/tools/pay", json!({})).await.expect(403);
    let (record, ..) = newest(&world.admin, "acme", "action=put_toolkit_tool&status=refused").await;
    assert_eq!((&record["toolkit"], &record["tool"]), (&json!("bank"), &json!("pay")));
    assert_eq!((&record["actor_name"], &record["actor_kind"]), (&json!("robot"), &json!("key")));
    // Reading is no change, and another org hears nothing.
    world.approver.get("/orgs/acme/api-keys").await;
    assert!(records(&world.admin, "acme", "action=list_api_keys").await.is_empty());
    world.other_org.post("/orgs/acme/toolkits", taken).await.expect(404);
    assert!(records(&world.admin, "acme", &format!("actor={}", OTHER.0)).await.is_empty());
}

#[tokio::test]
async fn a_refused_decision_is_on_record_with_its_approval() {
    let world = World::new().await;
    let id = world.held(5).await;
    let stale = json!({"arguments_sha256": "00".repeat(32), "definition_sha256": "00".repeat(32), "reason": "no"});
    world.approver.post(&format!("/orgs/acme/approvals/{id}/reject"), stale.clone()).await.expect(409);
    world.agent.post(&format!("/orgs/acme/approvals/{id}/approve"), stale).await.expect(403);
    let found = records(&world.admin, "acme", &format!("approval={id}&status=refused")).await;
    let seen: Vec<_> =
        found.iter().map(|r| (r["action"].as_str().unwrap_or(""), r["actor_name"].as_str().unwrap_or(""))).collect();
    assert_eq!(seen, [("approve_approval", "robot"), ("reject_approval", APPROVER.0)]);
}

#[tokio::test]
async fn what_a_refused_change_carries_in_secrets_is_not_on_record() {
    let world = World::new().await;
    let config = json!({"url": "http://127.0.0.1:9/?key=s3cret", "headers": {"x-key": "s3cret"}});
    let body = json!({"slug": "bank", "kind": "streamable_http", "config": config});
    world.owner.post("/orgs/acme/connections", body).await.expect(409);
    let password = json!({"current": "s3cret s3cret s3cret", "new": "another s3cret horse"});
    world.owner.put("/me/password", password).await.expect(422);
    for action in ["create_connection", "change_password"] {
        let (record, request, _) = newest(&world.admin, "acme", &format!("action={action}&status=refused")).await;
        assert!(!record.to_string().contains("s3cret") && request["method"].is_string(), "{record}");
    }
}

#[tokio::test]
async fn a_key_that_has_ended_is_on_record_once_a_minute_with_the_number_of_the_others() {
    let world = World::new().await;
    let (clock, hands) = Clock::test(Clock::system().now());
    let gateway = Gateway::start_with(&world.database, clock).await;
    let agent = world.agent.at(&gateway.url);
    world.owner.delete(&format!("/orgs/acme/api-keys/{}", world.agent_key_id)).await.expect(204);
    eventually("the replica knows", async || agent.mcp_raw("acme/bank", "{}").await.status.as_u16() == 401).await;
    let first = "actor=robot&action=turned%20away";
    eventually("it is on record", async || records(&world.admin, "acme", first).await.len() == 1).await;
    let (record, _, response) = newest(&world.admin, "acme", first).await;
    assert_eq!((&record["status"], &record["toolkit"]), (&json!("refused"), &json!("acme/bank")));
    assert_eq!((&response["code"], &record["source"]), (&json!("revoked_key"), &json!("mcp")));
    for _ in 0..4 {
        agent.mcp_raw("acme/bank", "{}").await;
    }
    eventually("all were looked up", async || gateway.services.dispatched.is_empty()).await;
    hands.advance(std::time::Duration::from_secs(61));
    let second = "actor=robot&action=create_toolkit";
    eventually("it is on record again", async || {
        // Until the replica has read its configuration again, by its clock.
        agent.post("/orgs/acme/toolkits", json!({})).await;
        records(&world.admin, "acme", second).await.len() == 1
    })
    .await;
    let (_, _, response) = newest(&world.admin, "acme", second).await;
    assert!(response["others_in_the_minute_before"].as_u64().is_some_and(|n| n >= 4), "{response}");
    assert_eq!(records(&world.admin, "acme", first).await.len(), 1);
    // One that nobody ever had is nobody's.
    Client::new(&gateway.url, Some("mmcp_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg0duBeV"))
        .get("/me")
        .await
        .expect(401);
}

#[tokio::test]
async fn an_expired_and_a_replaced_key_are_on_record_too() {
    let world = World::new().await;
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "old", "role": "agent"})).await.expect(201);
    let id = key["id"].as_str().unwrap_or_default();
    let old = Client::new(&world.gateway.url, key["key"].as_str());
    world.owner.post(&format!("/orgs/acme/api-keys/{id}/rotate"), json!({"overlap_seconds": 0})).await;
    eventually("it is on record", async || {
        old.get("/me").await;
        !records(&world.admin, "acme", "actor=old&status=refused").await.is_empty()
    })
    .await;
    let (record, _, response) = newest(&world.admin, "acme", "actor=old&status=refused").await;
    assert_eq!((&record["action"], &response["code"]), (&json!("get_me"), &json!("replaced_key")));
    let sql = "UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE name = 'robot'";
    sqlx::query(sql).execute(&mut world.sql().await).await.expect("it expires");
    eventually("it is on record", async || {
        world.agent.mcp_raw("acme/bank", "{}").await;
        !records(&world.admin, "acme", "actor=robot&q=turned&status=refused").await.is_empty()
    })
    .await;
    let (.., response) = newest(&world.admin, "acme", "actor=robot&status=refused").await;
    assert_eq!(response["code"], "expired_key");
}

#[tokio::test]
async fn signing_in_is_on_record_in_the_orgs_of_the_person() {
    let world = World::new().await;
    // To make the world each of them signed in.
    let (record, request, _) = newest(&world.admin, "acme", &format!("action=login&actor={}", APPROVER.0)).await;
    assert_eq!((&record["status"], &record["source"]), (&json!("ok"), &json!("rest")));
    assert_eq!(request, json!({"email": APPROVER.0, "address": "127.0.0.1"}));
    assert!(records(&world.admin, "other", &format!("actor={}", APPROVER.0)).await.is_empty(), "no org of theirs");
    Client::browser_of(&world.gateway.url, APPROVER).await;
    let (record, ..) = newest(&world.admin, "acme", "action=create_session").await;
    assert_eq!((&record["actor_name"], &record["source"]), (&json!(APPROVER.0), &json!("console")));
    let wrong = json!({"email": APPROVER.0.to_uppercase(), "password": "not my password"});
    for _ in 0..3 {
        world.anonymous.post("/auth/login", wrong.clone()).await.expect(401);
    }
    let refused = format!("action=login&status=refused&actor={}", APPROVER.0);
    eventually("it is on record", async || records(&world.admin, "acme", &refused).await.len() == 1).await;
    let (record, request, response) = newest(&world.admin, "acme", &refused).await;
    assert_eq!((&request["email"], &response["code"]), (&json!(APPROVER.0), &json!("unauthorized")));
    assert!(!record.to_string().contains("not my password"));
    // Whoever is nobody is on no record, and neither is what they typed.
    let nobody = json!({"email": "nobody@example.com", "password": "not my password"});
    world.anonymous.post("/auth/login", nobody).await.expect(401);
    assert!(records(&world.admin, "instance", "q=nobody").await.is_empty());
}

#[tokio::test]
async fn sign_ins_that_are_slowed_are_on_record_once_a_minute_with_the_number_of_the_others() {
    let world = World::new().await;
    let (clock, hands) = Clock::test(Clock::system().now());
    let gateway = Gateway::start_with(&world.database, clock).await;
    let anyone = Client::new(&gateway.url, None);
    let knock = async |email: &str| {
        anyone.post("/auth/login", json!({"email": email, "password": "not my password"})).await.status.as_u16()
    };
    // The account's limit there, what is in reserve, and three that are not compared.
    for _ in 0..28 {
        knock(APPROVER.0).await;
    }
    assert_eq!([knock("nobody@example.com").await, knock(APPROVER.0).await], [401, 429]);
    let slowed = async || {
        let refused = records(&world.admin, "acme", &format!("action=login&status=refused&actor={}", APPROVER.0)).await;
        let mut found = Vec::new();
        for record in refused {
            let id = record["id"].as_str().unwrap_or_default();
            let record = world.admin.get(&format!("/orgs/acme/audit/{id}")).await.expect(200);
            let response: Value = serde_json::from_str(record["response"].as_str().unwrap_or("null")).expect("JSON");
            if response["code"] == "too_many_attempts" {
                found.push(response);
            }
        }
        found
    };
    eventually("all were looked up", async || gateway.services.dispatched.is_empty()).await;
    eventually("it is on record", async || slowed().await.len() == 1).await;
    hands.advance(std::time::Duration::from_secs(61));
    // One of the account and one of the reserve may be tried again by now.
    for _ in 0..6 {
        knock(APPROVER.0).await;
    }
    eventually("all were looked up", async || gateway.services.dispatched.is_empty()).await;
    eventually("it is on record again", async || slowed().await.len() == 2).await;
    let others = slowed().await[0]["others_in_the_minute_before"].as_u64();
    assert!(others.is_some_and(|others| others >= 3), "{others:?}");
    assert!(records(&world.admin, "instance", "q=nobody").await.is_empty());
}

#[tokio::test]
async fn who_is_turned_away_is_on_record_with_the_tool_or_the_word_that_it_is_not_known() {
    let world = World::new().await;
    let call = |tool: &str| {
        let params = json!({"name": tool, "arguments": {}});
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
    };
    let accept = ("accept", "application/json, text/event-stream");
    let post = async |client: &Client, body: String, headers: &[(&str, &str)]| {
        let headers = [&[accept][..], headers].concat();
        client.send(reqwest::Method::POST, "/acme/bank/mcp", Some(body), &headers).await.status.as_u16()
    };
    // Of an org that it does not belong to nothing is read; 2026-07-28 says the name in the head.
    assert_eq!(post(&world.other_agent, call("pay"), &[]).await, 404);
    let (record, ..) = newest(&world.other_org, "other", "actor=spy&status=refused").await;
    assert_eq!((&record["action"], &record["tool"]), (&json!("turned away"), &json!("(not read)")));
    let head = [("mcp-method", "tools/call"), ("mcp-name", "pay")];
    assert_eq!(post(&world.other_agent, call("pay"), &head).await, 404);
    let (record, ..) = newest(&world.other_org, "other", "actor=spy&status=refused").await;
    assert_eq!(record["tool"], "pay");
    assert_eq!(post(&world.other_agent, "{}".into(), &[("mcp-method", "tools/list")]).await, 404);
    let (record, ..) = newest(&world.other_org, "other", "actor=spy&status=refused").await;
    assert_eq!(record["tool"], Value::Null, "it calls none");

    // Where the body was read, the tool is there.
    let of_agent = async || newest(&world.admin, "acme", "actor=robot&status=refused").await.0;
    let gone = [("mcp-session-id", "gone"), ("mcp-protocol-version", "2025-11-25")];
    assert_eq!(post(&world.agent, call("balance"), &gone).await, 404);
    let record = of_agent().await;
    assert_eq!((&record["action"], &record["tool"]), (&json!("turned away"), &json!("balance")));
    for (body, version, tool) in [
        (call("balance"), "2099-01-01", json!("balance")),
        (format!("[{},{}]", call("pay"), call("close")), "2025-11-25", json!("pay, close")),
        ("{".to_owned(), "2025-11-25", json!("(not read)")),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#.to_owned(), "2025-11-25", json!("(not read)")),
        (r#"{"jsonrpc":"2.0","id":1,"method":"nothing"}"#.to_owned(), "2025-11-25", Value::Null),
    ] {
        post(&world.agent, body.clone(), &[("mcp-protocol-version", version)]).await;
        assert_eq!(of_agent().await["tool"], tool, "{body}");
    }
}

#[tokio::test]
async fn what_belongs_to_the_instance_is_read_by_its_administrators_only() {
    let world = World::new().await;
    let found = records(&world.admin, "instance", "").await;
    let seen: Vec<_> = found.iter().rev().map(|r| r["action"].as_str().unwrap_or_default()).collect();
    assert_eq!(seen, ["first_administrator", "login"]);
    assert_eq!((&found[1]["actor_name"], &found[1]["source"]), (&json!("permesso"), &json!("job")));
    assert_eq!(found[0]["actor_name"], ADMIN.0);
    world.owner.get("/orgs/instance/audit").await.expect(404);
    world.owner.get("/orgs/instance").await.expect(404);
    let orgs = |me: Value| -> Vec<(String, bool)> {
        let orgs = me["orgs"].as_array().expect("orgs").iter();
        orgs.map(|o| (o["slug"].as_str().unwrap_or("").to_owned(), o["records_only"] == true)).collect()
    };
    let mine = orgs(world.admin.get("/me").await.expect(200));
    assert_eq!(mine, [("acme".into(), false), ("other".into(), false), ("instance".into(), true)]);
    assert_eq!(orgs(world.owner.get("/me").await.expect(200)), [("acme".into(), false)]);
    // There is nothing but a record.
    for (path, body) in [
        ("/orgs/instance/members", json!({"email": "x@example.com", "role": "admin"})),
        ("/orgs/instance/toolkits", json!({"slug": "tk", "name": "x", "visibility": "public"})),
        ("/orgs/instance/api-keys", json!({"name": "k", "role": "admin"})),
    ] {
        world.admin.post(path, body).await.expect(403);
    }
    let delete = world.admin.delete("/orgs/instance?confirm=instance").await;
    assert_eq!((delete.status.as_u16(), delete.code().as_str()), (409, "records_only"));
    world.admin.post("/orgs", json!({"slug": "instance", "name": "x"})).await.expect(422);
}

#[tokio::test]
async fn a_password_that_is_reset_is_on_record() {
    let world = World::new().await;
    let reset =
        permesso::service::identity::sign_in::reset_password(&world.gateway.services, OWNER.0, "another horse battery");
    reset.await.expect("it is reset");
    for org in ["acme", "instance"] {
        let (record, request, _) = newest(&world.admin, org, "action=reset_password").await;
        assert_eq!((&record["actor_kind"], &record["source"]), (&json!("system"), &json!("job")));
        assert_eq!(request["email"], OWNER.0);
        assert!(!record.to_string().contains("another horse"));
    }
}

#[tokio::test]
async fn a_request_that_expires_is_on_record() {
    let world = World::new().await;
    let id = world.held(7).await;
    let sql = "UPDATE approvals SET expires_at = clock_timestamp()";
    sqlx::query(sql).execute(&mut world.sql().await).await.expect("its time is over");
    let query = format!("approval={id}&action=expire_approval");
    eventually("it is on record", async || records(&world.admin, "acme", &query).await.len() == 1).await;
    let (record, request, _) = newest(&world.admin, "acme", &query).await;
    assert_eq!((&record["actor_kind"], &record["source"]), (&json!("system"), &json!("job")));
    assert_eq!((&request["tool"], &request["was"]), (&json!("pay"), &json!("pending")));
}

#[tokio::test]
async fn calls_say_that_they_came_over_mcp_and_who_is_turned_away_says_its_client() {
    let world = World::new().await;
    world.agent.call("balance", json!({})).await;
    let (record, ..) = newest(&world.admin, "acme", "action=tools%2Fcall").await;
    assert_eq!(record["source"], "mcp");
    let accept = [("accept", "application/json, text/event-stream"), ("user-agent", "spyglass/1.0")];
    world.other_agent.send(reqwest::Method::POST, "/acme/bank/mcp", Some("{}".to_owned()), &accept).await;
    let (record, ..) = newest(&world.other_org, "other", "actor=spy&status=refused").await;
    assert_eq!((&record["client"], &record["source"]), (&json!("spyglass/1.0"), &json!("mcp")));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_from_the_start_and_not_from_the_first_scrape() {
    let world = World::new().await;
    let process = Process::gateway(&world.database);
    world.agent.at(&process.url).call("balance", json!({})).await;
    let anyone = Client::new(&process.url, None);
    let metrics = anyone.send(reqwest::Method::GET, "/metrics", None, &[]).await.text;
    assert!(metrics.contains("permesso_requests_total{status=\"ok\"} 1"), "{metrics}");
}

#[tokio::test]
async fn signing_out_is_on_record() {
    let world = World::new().await;
    let browser = Client::browser_of(&world.gateway.url, APPROVER).await;
    browser.delete("/auth/session").await.expect(204);
    let (record, ..) = newest(&world.admin, "acme", "action=delete_session").await;
    assert_eq!((&record["actor_name"], &record["source"]), (&json!(APPROVER.0), &json!("console")));
}
