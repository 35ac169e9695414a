//! PATCH is the same everywhere (RFC 7396): what is absent stays, `null` clears what can be absent and is refused elsewhere,
//! an empty change changes and records nothing, and who has not seen what somebody else did changes nothing (412).

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, World, client::Answer};

/// A resource that can be changed: its path, a change, and one of somebody else.
struct Thing {
    path: String,
    change: Value,
    other: Value,
}

fn thing(path: impl Into<String>, change: Value, other: Value) -> Thing {
    Thing { path: path.into(), change, other }
}

async fn things(world: &World) -> Vec<Thing> {
    world.owner.post("/orgs/acme/roles", json!({"name": "buyer", "rights": ["tools:call"]})).await.expect(201);
    let mary = json!({"email": "mary@example.com", "role": "member"});
    let mary = world.owner.post("/orgs/acme/members", mary).await.expect(201);
    let member = format!("/orgs/acme/members/{}", mary["id"].as_str().unwrap_or_default());
    vec![
        thing("/orgs/acme", json!({"name": "Acme Inc."}), json!({"approval_policy": {"expires_after_seconds": 60}})),
        thing("/orgs/acme/roles/buyer", json!({"rights": []}), json!({"rights": ["toolkits:read"]})),
        thing(member, json!({"role": "auditor"}), json!({"role": "guest"})),
        thing(
            format!("/orgs/acme/api-keys/{}", world.agent_key_id),
            json!({"name": "other robot"}),
            json!({"hold_seconds": 45}),
        ),
        thing("/orgs/acme/connections/bank", json!({"call_timeout_ms": 4000}), json!({"enabled": false})),
        thing("/orgs/acme/toolkits/bank", json!({"name": "Our bank"}), json!({"visibility": "public"})),
        thing("/orgs/acme/toolkits/bank/tools/pay", json!({"hold_seconds": 45}), json!({"permission": "blocked"})),
    ]
}

async fn changes(world: &World) -> usize {
    let records = world.owner.get("/orgs/acme/audit?limit=200").await.expect(200);
    let records = records["items"].as_array().cloned().unwrap_or_default();
    records
        .iter()
        .filter(|record| record["action"].as_str().is_some_and(|action| action.starts_with("update_")))
        .count()
}

fn etag(answer: &Answer) -> String {
    answer.headers.get("etag").and_then(|tag| tag.to_str().ok()).expect("a tag").to_owned()
}

async fn patch_if(client: &Client, path: &str, body: &Value, tag: &str) -> Answer {
    client.send(Method::PATCH, &format!("/api/v1{path}"), Some(body.to_string()), &[("if-match", tag)]).await
}

#[tokio::test]
async fn what_changes_nothing_is_answered_and_not_on_record() {
    let world = World::new().await;
    for Thing { path, change, .. } in things(&world).await {
        let before = changes(&world).await;
        let empty = world.owner.patch(&path, json!({})).await;
        let tag = etag(&empty);
        let seen = empty.expect(200);
        assert_eq!(changes(&world).await, before, "{path}: an empty change");
        world.owner.patch(&path, change.clone()).await.expect(200);
        assert_eq!(changes(&world).await, before + 1, "{path}");
        let same = world.owner.patch(&path, change).await;
        assert_ne!(etag(&same), tag, "{path}");
        same.expect(200);
        assert_eq!(changes(&world).await, before + 1, "{path}: the same once more");
        assert_eq!(seen["etag"], tag, "{path}");
    }
}

#[tokio::test]
async fn what_is_read_names_its_state_as_what_was_changed_does() {
    let world = World::new().await;
    for Thing { path, change, .. } in things(&world).await {
        world.owner.patch(&path, change).await.expect(200);
        let changed = etag(&world.owner.patch(&path, json!({})).await);
        // Roles, members, keys and a toolkit's tools are read in lists alone.
        let (list, last) = path.rsplit_once('/').unwrap_or_default();
        let body = match ["/members", "/roles", "/api-keys", "/tools"].iter().any(|end| list.ends_with(end)) {
            true => {
                let all = world.owner.get(list).await.expect(200);
                let is_it = |one: &&Value| one["id"] == last || one["name"] == last;
                all["items"].as_array().into_iter().flatten().find(is_it).cloned().unwrap_or_default()
            }
            false => {
                let read = world.owner.get(&path).await;
                assert_eq!(etag(&read), changed, "{path}");
                read.expect(200)
            }
        };
        assert_eq!(body["etag"], changed, "{path}");
    }
}

#[tokio::test]
async fn null_is_refused_where_nothing_can_be_absent() {
    let world = World::new().await;
    let things = things(&world).await;
    for (at, names) in [
        (0, &["name", "approval_policy", "key_administration"][..]),
        (1, &["name", "rights"]),
        (2, &["role"]),
        (3, &["name", "role", "owner"]),
        (4, &["config", "enabled", "connect_timeout_ms", "call_timeout_ms"]),
        (5, &["slug", "name", "visibility"]),
        (6, &["connection", "tool", "permission"]),
    ] {
        for name in names {
            let problem = world.owner.patch(&things[at].path, json!({*name: null})).await.expect(422);
            assert_eq!(problem["errors"][0]["field"], *name, "{}: {problem}", things[at].path);
        }
    }
    let problem = world.owner.patch("/orgs/acme", json!({"approval_policy": {"required": null}})).await.expect(422);
    assert_eq!(problem["errors"][0]["field"], "approval_policy.required");
}

#[tokio::test]
async fn a_toolkits_approval_policy_merges_and_null_clears_it() {
    let world = World::new().await;
    let patch = async |policy: Value| {
        let answer = world.owner.patch("/orgs/acme/toolkits/bank", json!({"approval_policy": policy})).await;
        answer.expect(200)["approval_policy"].clone()
    };
    assert_eq!(patch(json!({})).await, Value::Null);
    assert_eq!(patch(json!({"approver_roles": ["admin"]})).await, json!({"approver_roles": ["admin"]}));
    let both = patch(json!({"expires_after_seconds": 120})).await;
    assert_eq!(both, json!({"approver_roles": ["admin"], "expires_after_seconds": 120}), "what was set stays");
    assert_eq!(patch(json!({})).await, both);
    assert_eq!(patch(json!({"approver_roles": null})).await, json!({"expires_after_seconds": 120}));
    assert_eq!(patch(json!({"expires_after_seconds": null})).await, Value::Null);
    patch(json!({"required": 1})).await;
    assert_eq!(patch(Value::Null).await, Value::Null);
    // Lists are whole.
    patch(json!({"approver_roles": ["admin", "approver"]})).await;
    assert_eq!(patch(json!({"approver_roles": ["approver"]})).await, json!({"approver_roles": ["approver"]}));
}

#[tokio::test]
async fn a_connections_configuration_merges_and_its_secrets_go_nowhere_else() {
    let world = World::new().await;
    let patch = async |config: Value| world.admin.patch("/orgs/acme/connections/bank", json!({"config": config})).await;
    let config = patch(json!({"headers": {"X-One": "1", "X-Two": "2"}})).await.expect(200)["config"].clone();
    assert_eq!(config["headers"], json!({"x-one": "********", "x-two": "********"}));
    let config = patch(json!({"headers": {"X-ONE": null}})).await.expect(200)["config"].clone();
    assert_eq!(config["headers"], json!({"x-two": "********"}), "names of headers are the same in any case");
    let problem = patch(json!({"url": "http://127.0.0.1:9/mcp"})).await.expect(422);
    assert_eq!(problem["errors"][0]["field"], "config.headers.x-two", "nothing kept goes to another address");
    patch(json!({"url": null})).await.expect(422);
    patch(json!({"url": "http://127.0.0.1:9/mcp", "headers": null})).await.expect(200);
}

#[tokio::test]
async fn who_has_not_seen_the_other_change_changes_nothing() {
    let world = World::new().await;
    for Thing { path, change, other } in things(&world).await {
        let tag = etag(&world.owner.patch(&path, json!({})).await);
        let theirs = etag(&world.admin.patch(&path, other).await);
        let refused = patch_if(&world.owner, &path, &change, &tag).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (412, "changed_since"), "{path}");
        let weak = patch_if(&world.owner, &path, &change, &format!("W/{theirs}")).await;
        assert_eq!(weak.status.as_u16(), 412, "{path}");
        let seen = patch_if(&world.owner, &path, &change, &format!("\"x\", {theirs}")).await;
        assert_eq!(seen.status.as_u16(), 200, "{path}: {}", seen.text);
        assert_eq!(patch_if(&world.owner, &path, &json!({}), "*").await.status.as_u16(), 200, "{path}");
        let confirmed = if path == "/orgs/acme" { "?confirm=acme" } else { "" };
        let delete = format!("/api/v1{path}{confirmed}");
        let gone = world.owner.send(Method::DELETE, &delete, None, &[("if-match", &tag)]).await;
        assert_eq!(gone.status.as_u16(), 412, "{path}: {}", gone.text);
    }
}

#[tokio::test]
async fn what_the_body_alone_says_is_wrong_is_said_before_what_somebody_else_changed() {
    let world = World::new().await;
    let policy = json!({"approval_policy": {"expires_after_seconds": 9}});
    let name = json!({"name": "\u{200b}"});
    let key = format!("/orgs/acme/api-keys/{}", world.agent_key_id);
    let wrong = [
        ("/orgs/acme", vec![policy.clone(), name.clone(), json!({"approval_policy": {"required": null}})]),
        ("/orgs/acme/roles/buyer", vec![json!({"name": "Buyer"}), json!({"rights": ["all"]})]),
        (
            "/orgs/acme/connections/bank",
            vec![json!({"call_timeout_ms": 99}), json!({"connect_timeout_ms": 300_001}), json!({"config": []})],
        ),
        ("/orgs/acme/toolkits/bank", vec![policy.clone(), name, json!({"slug": "B"})]),
        ("/orgs/acme/toolkits/bank/tools/pay", vec![policy, json!({"hold_seconds": 241})]),
        (
            &key,
            vec![
                json!({"name": "\u{200b}"}),
                json!({"hold_seconds": 241}),
                json!({"expires_at": "2020-01-01T00:00:00Z"}),
                json!({"expires_at": "2200-01-01T00:00:00Z"}),
                json!({"scopes": []}),
            ],
        ),
    ];
    things(&world).await;
    for (path, bodies) in wrong {
        for body in bodies {
            let answer = patch_if(&world.owner, path, &body, "\"stale\"").await;
            assert_eq!(answer.status.as_u16(), 422, "{path} {body}: {}", answer.text);
        }
        let answer = patch_if(&world.owner, path, &json!({}), "\"stale\"").await;
        assert_eq!(answer.status.as_u16(), 412, "{path}: {}", answer.text);
    }
    let put = json!({"connection": "bank", "tool": "pay", "hold_seconds": 241}).to_string();
    let path = "/api/v1/orgs/acme/toolkits/bank/tools/pay";
    let answer = world.owner.send(Method::PUT, path, Some(put), &[("if-match", "\"stale\"")]).await;
    assert_eq!(answer.status.as_u16(), 422, "{}", answer.text);
}

#[tokio::test]
async fn a_tool_of_a_toolkit_merges_and_keeps_its_id() {
    let world = World::new().await;
    let path = "/orgs/acme/toolkits/bank/tools/pay";
    let patch = async |body: Value| world.owner.patch(path, body).await.expect(200);
    let before = patch(json!({})).await;
    let policies = format!("{path}/policies/agent");
    world.owner.put(&policies, json!({"permission": "blocked"})).await.expect(200);
    let set = patch(json!({"hold_seconds": 45, "approval_policy": {"expires_after_seconds": 60}})).await;
    assert_eq!((&set["hold_seconds"], &set["permission"]), (&json!(45), &before["permission"]));
    let more = patch(json!({"approval_policy": {"approver_roles": ["admin"]}})).await;
    assert_eq!(more["approval_policy"], json!({"approver_roles": ["admin"], "expires_after_seconds": 60}));
    let cleared = patch(json!({"hold_seconds": null, "approval_policy": null, "permission": "always_allow"})).await;
    assert_eq!((&cleared["hold_seconds"], &cleared["approval_policy"]), (&Value::Null, &Value::Null));
    assert_eq!(cleared["permission"], "always_allow");
    assert_eq!(patch(json!({"tool": "pay", "connection": "bank"})).await, cleared, "it is that one already");
    assert_eq!(cleared["policies"], json!({"agent": "blocked"}));
    let other = patch(json!({"tool": "balance"})).await;
    assert_eq!((&other["tool"], &other["id"]), (&json!("balance"), &before["id"]));
    assert_eq!(other["policies"], json!({}), "they were given for another tool");
    for (body, field) in [
        (json!({"tool": "nothing"}), "tool"),
        (json!({"connection": "nowhere"}), "connection"),
        (json!({"hold_seconds": 241}), "hold_seconds"),
    ] {
        let problem = world.owner.patch(path, body).await.expect(422);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    world.owner.patch("/orgs/acme/toolkits/bank/tools/nothing", json!({})).await.expect(404);
    world.owner.patch("/orgs/acme/toolkits/nothing/tools/pay", json!({"tool": "pay"})).await.expect(404);
    world.approver.patch(path, json!({})).await.expect(403);
}

#[tokio::test]
async fn what_a_tool_of_a_toolkit_is_may_be_tied_to_what_was_seen_as_well() {
    let world = World::new().await;
    let tool = async || {
        let tools = world.owner.get("/orgs/acme/toolkits/bank/tools").await.expect(200);
        let tools = tools["items"].as_array().cloned().unwrap_or_default();
        tools.into_iter().find(|tool| tool["name"] == "pay").unwrap_or_default()
    };
    let tag = |tool: &Value| tool["etag"].as_str().unwrap_or_default().to_owned();
    let path = "/api/v1/orgs/acme/toolkits/bank/tools/pay";
    let put = json!({"connection": "bank", "tool": "pay", "permission": "blocked"}).to_string();
    let policy = json!({"permission": "blocked"}).to_string();
    let before = tag(&tool().await);
    let policies = format!("{path}/policies/agent");
    let set = async |path: &str, body: &str, tag: &str| {
        world.owner.send(Method::PUT, path, Some(body.to_owned()), &[("if-match", tag)]).await.status.as_u16()
    };
    assert_eq!(set(&policies, &policy, &before).await, 200);
    assert_eq!(set(path, &put, &before).await, 412);
    assert_eq!(set(&policies, &policy, &before).await, 412);
    assert_eq!(set(&format!("{path}2"), &put, &before).await, 412, "what is not there is in no state");
    let deleted = world.owner.send(Method::DELETE, path, None, &[("if-match", &before)]).await;
    assert_eq!(deleted.status.as_u16(), 412);
    assert_eq!(set(path, &put, &tag(&tool().await)).await, 200);
}

#[tokio::test]
async fn a_connection_that_toolkits_use_is_deleted_only_by_who_knows() {
    let world = World::new().await;
    let problem = world.owner.delete("/orgs/acme/connections/bank").await.expect(409);
    assert_eq!(problem["code"], "tools_in_use");
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("3 tools") && text.contains("force=true")));
    let names: Vec<_> = problem["affected"].as_array().into_iter().flatten().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["bank/balance", "bank/close", "bank/pay"]);
    assert_eq!(problem["affected"][0]["kind"], "toolkit_tool");
    world.owner.get("/orgs/acme/connections/bank").await.expect(200);
    for wrong in ["?force=yes", "?forced=true", "?force"] {
        world.owner.delete(&format!("/orgs/acme/connections/bank{wrong}")).await.expect(422);
    }
    world.owner.delete("/orgs/acme/connections/bank?force=true").await.expect(204);
    let connection = json!({"slug": "unused", "kind": "streamable_http", "config": {"url": world.upstream.url}});
    world.owner.post("/orgs/acme/connections", connection).await.expect(201);
    world.owner.delete("/orgs/acme/connections/unused").await.expect(204);
}

#[tokio::test]
async fn a_key_ends_within_ten_years_and_has_a_name_that_can_be_seen() {
    let world = World::new().await;
    let make = async |name: &str, expires_at: &str| {
        let body = json!({"name": name, "role": "agent", "expires_at": expires_at});
        world.owner.post("/orgs/acme/api-keys", body).await
    };
    let now = world.gateway.services.clock.now();
    let years = |years: i64| (now + chrono::TimeDelta::days(365 * years)).to_rfc3339();
    make("robot", &years(10)).await.expect(201);
    for far in [years(11), "9999-12-31T23:59:59Z".to_owned(), years(-1)] {
        let problem = make("robot", &far).await.expect(422);
        assert_eq!(problem["errors"][0]["field"], "expires_at", "{far}");
    }
    for name in ["\u{200b}", "\u{3164}", " \u{2800} ", "\u{feff}\u{ad}"] {
        let problem = make(name, &years(1)).await.expect(422);
        assert_eq!(problem["errors"][0]["field"], "name", "{name:?}");
    }
}

#[tokio::test]
async fn a_tag_is_of_the_very_thing_that_was_seen_and_not_of_another_of_its_name() {
    let world = World::new().await;
    let make = async |path: &str, body: Value| world.owner.post(path, body).await.expect(201);
    for (list, name, body, change) in [
        (
            "connections",
            "aba",
            json!({"slug": "aba", "kind": "streamable_http", "config": {"url": world.upstream.url}}),
            json!({"enabled": false}),
        ),
        ("toolkits", "aba", json!({"slug": "aba", "name": "A", "visibility": "private"}), json!({"name": "B"})),
        ("roles", "aba", json!({"name": "aba", "rights": []}), json!({"rights": ["tools:call"]})),
    ] {
        let (list, one) = (format!("/orgs/acme/{list}"), format!("/orgs/acme/{list}/{name}"));
        let made = make(&list, body.clone()).await;
        let tag = made["etag"].as_str().expect("a tag");
        world.owner.delete(&one).await;
        make(&list, body).await;
        let refused = patch_if(&world.owner, &one, &change, tag).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (412, "changed_since".into()), "{one}: {}", refused.text);
    }
}
