//! Bodies of the REST API are objects, and what is wrong with one is said with the name of the field.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, World, world::OWNER};

/// Every operation that takes a body, and a body that it would take.
fn operations(world: &World, approval: &str, member: &str) -> Vec<(Client, Method, String, Value)> {
    let hash = "a".repeat(64);
    let login = json!({"email": OWNER.0, "password": OWNER.1});
    let (owner, anyone, admin) = (&world.owner, &world.anonymous, &world.admin);
    let acme = |path: &str| format!("/api/v1/orgs/acme{path}");
    let all = [
        (anyone, Method::POST, "/api/v1/auth/login".to_owned(), login.clone()),
        (anyone, Method::POST, "/api/v1/auth/session".to_owned(), login),
        (anyone, Method::POST, "/api/v1/invitations/view".to_owned(), json!({"token": "x"})),
        (anyone, Method::POST, "/api/v1/invitations/accept".to_owned(), json!({"token": "x", "password": "x"})),
        (admin, Method::POST, "/api/v1/orgs".to_owned(), json!({"slug": "third", "name": "Third"})),
        (owner, Method::PATCH, acme(""), json!({"name": "Renamed"})),
        (owner, Method::POST, acme("/roles"), json!({"name": "r", "rights": []})),
        (owner, Method::PATCH, acme("/roles/agent"), json!({"name": "r"})),
        (owner, Method::POST, acme("/members"), json!({"email": "a@example.com", "role": "member"})),
        (owner, Method::PATCH, acme(&format!("/members/{member}")), json!({"role": "admin"})),
        (owner, Method::POST, acme("/invitations"), json!({"email": "a@example.com", "role": "member"})),
        (owner, Method::POST, acme("/api-keys"), json!({"name": "k", "role": "agent"})),
        (
            owner,
            Method::POST,
            acme(&format!("/api-keys/{}/rotate", world.agent_key_id)),
            json!({"overlap_seconds": 60}),
        ),
        (owner, Method::POST, acme("/connections"), json!({"slug": "second", "kind": "streamable_http", "config": {}})),
        (owner, Method::PATCH, acme("/connections/bank"), json!({"enabled": false})),
        (owner, Method::POST, acme("/connections/bank/tools/pay/review"), json!({"definition_sha256": hash})),
        (owner, Method::POST, acme("/toolkits"), json!({"slug": "second", "name": "n", "visibility": "private"})),
        (owner, Method::PATCH, acme("/toolkits/bank"), json!({"name": "Renamed"})),
        (owner, Method::POST, acme("/toolkits/bank/tools"), json!({"connection": "bank", "tools": "all"})),
        (owner, Method::PUT, acme("/toolkits/bank/tools/pay"), json!({"connection": "bank", "tool": "pay"})),
        (owner, Method::POST, acme("/toolkits/bank/call"), json!({"tool": "pay", "arguments": {"cents": 1}})),
        (owner, Method::PUT, acme("/toolkits/bank/tools/pay/policies/agent"), json!({"permission": "blocked"})),
        (
            owner,
            Method::POST,
            acme(&format!("/approvals/{approval}/approve")),
            json!({"arguments_sha256": hash, "definition_sha256": hash}),
        ),
        (
            owner,
            Method::POST,
            acme(&format!("/approvals/{approval}/reject")),
            json!({"arguments_sha256": hash, "definition_sha256": hash, "reason": "no"}),
        ),
        (
            owner,
            Method::POST,
            acme(&format!("/approvals/{approval}/settle")),
            json!({"outcome": "executed", "note": "seen"}),
        ),
    ];
    all.into_iter().map(|(client, method, path, body)| (client.clone(), method, path, body)).collect()
}

async fn all(world: &World) -> Vec<(Client, Method, String, Value)> {
    let approval = world.held(1).await;
    let members = world.owner.get("/orgs/acme/members").await.expect(200);
    operations(world, &approval, members["items"][0]["id"].as_str().unwrap_or_default())
}

/// The fields that a problem names.
fn fields(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().into_iter().flatten();
    errors.filter_map(|error| error["field"].as_str()).collect()
}

#[tokio::test]
async fn positions_never_stand_for_fields() {
    let world = World::new().await;
    for (client, method, path, body) in all(&world).await {
        let values: Vec<Value> = body.as_object().expect("an object").values().cloned().collect();
        for wrong in [Value::Array(values), json!([]), json!("Renamed"), json!(7), Value::Null] {
            let answer = client.send(method.clone(), &path, Some(wrong.to_string()), &[]).await;
            let problem = answer.expect(422);
            let detail = problem["detail"].as_str().unwrap_or_default();
            assert!(detail.contains("must be an object"), "{method} {path} {wrong}: {problem}");
        }
        let answer = client.send(method.clone(), &path, Some("{\"a\"".to_owned()), &[]).await;
        assert_eq!(answer.status.as_u16(), 400, "{method} {path}: {}", answer.text);
    }
    let org = world.owner.get("/orgs/acme").await.expect(200);
    assert_eq!(org["name"], "acme");
    // Objects within bodies as well.
    for body in [json!({"approval_policy": [["admin"], 1, true, 60, 60]}), json!({"approval_policy": []})] {
        let problem = world.owner.patch("/orgs/acme", body).await.expect(422);
        assert_eq!(fields(&problem), ["approval_policy"], "{problem}");
    }
    let config = json!({"slug": "second", "kind": "streamable_http", "config": [world.upstream.url]});
    let problem = world.owner.post("/orgs/acme/connections", config).await.expect(422);
    assert_eq!(fields(&problem), ["config"], "{problem}");
}

#[tokio::test]
async fn the_field_is_named_that_does_not_fit_is_missing_or_is_not_known() {
    let world = World::new().await;
    for (client, method, path, body) in all(&world).await {
        let mut more = body.clone();
        more["nobody_knows_this"] = json!(1);
        let problem = client.send(method.clone(), &path, Some(more.to_string()), &[]).await.expect(422);
        assert_eq!(fields(&problem), ["nobody_knows_this"], "{method} {path}: {problem}");
        for name in body.as_object().expect("an object").keys() {
            let mut wrong = body.clone();
            // Of no type that a field has.
            wrong[name] = if name == "config" { json!([1]) } else { json!([[1.5]]) };
            let problem = client.send(method.clone(), &path, Some(wrong.to_string()), &[]).await.expect(422);
            let named = fields(&problem).first().copied().unwrap_or_default().to_owned();
            assert!(named.starts_with(name.as_str()), "{method} {path} {wrong}: {problem}");
            let text = problem.to_string();
            assert!(!text.contains("struct ") && !text.contains("line 1"), "{text}");
        }
    }
    let post = async |path: &str, body: Value| world.owner.post(path, body).await.expect(422);
    let problem = post("/orgs/acme/toolkits", json!({"slug": "s", "name": "n", "visibility": "secret"})).await;
    assert_eq!(fields(&problem), ["visibility"]);
    assert!(problem["errors"][0]["message"].as_str().is_some_and(|text| text.contains("`private`")), "{problem}");
    let problem = post("/orgs/acme/toolkits", json!({"slug": "s", "visibility": "private"})).await;
    assert_eq!(fields(&problem), ["name"]);
    let wrong = json!({"approval_policy": {"expires_after_seconds": "an hour"}});
    let problem = world.owner.patch("/orgs/acme/toolkits/bank", wrong).await.expect(422);
    assert_eq!(fields(&problem), ["approval_policy.expires_after_seconds"]);
    let wrong = json!({"approval_policy": {"approver_roles": ["admin", 7]}});
    let problem = world.owner.patch("/orgs/acme/toolkits/bank", wrong).await.expect(422);
    assert_eq!(fields(&problem), ["approval_policy.approver_roles[1]"]);
    let twice = "{\"name\": \"a\", \"name\": \"b\"}".to_owned();
    let problem = world.owner.send(Method::PATCH, "/api/v1/orgs/acme", Some(twice), &[]).await.expect(422);
    assert_eq!(fields(&problem), ["name"]);
}

#[tokio::test]
async fn a_number_that_cannot_be_used_and_text_that_cannot_be_kept_name_their_field() {
    let world = World::new().await;
    let made = async |body: &str| {
        let path = "/api/v1/orgs/acme/api-keys";
        world.owner.send(Method::POST, path, Some(body.to_owned()), &[]).await.expect(422)
    };
    let problem = made(r#"{"name": "k", "role": "agent", "hold_seconds": -1}"#).await;
    assert_eq!(fields(&problem), ["hold_seconds"]);
    let problem = made(r#"{"name": "k", "role": "agent", "hold_seconds": 1.5}"#).await;
    assert_eq!(fields(&problem), ["hold_seconds"]);
    let problem = made(r#"{"name": "k", "role": "agent", "expires_at": "tomorrow"}"#).await;
    assert_eq!(fields(&problem), ["expires_at"]);
    let problem = made(r#"{"name": "k", "role": "\u0000"}"#).await;
    assert_eq!(fields(&problem), ["role"]);
    let problem = made(r#"{"name": "k", "role": "agent", "owner": "\u0000"}"#).await;
    assert_eq!(fields(&problem), ["owner"]);
}
