//! Management over REST: orgs, members, roles, keys, connections, toolkits and their permissions.
//! Who may do what is `coverage.rs`; here is what happens then.

use serde_json::{Value, json};

use crate::support::{Client, Gateway, World, gateway::variables, world::OWNER};

fn field(problem: &Value) -> &str {
    problem["errors"][0]["field"].as_str().unwrap_or_default()
}

fn names(list: &Value, key: &str) -> Vec<String> {
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| item[key].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn only_the_instances_administrators_make_orgs_and_words_of_routes_name_none() {
    let world = World::new().await;
    let new = |slug: &str| json!({"slug": slug, "name": "New"});
    world.owner.post("/orgs", new("third")).await.expect(403);
    for (slug, code) in [("api", 422), ("A", 422), ("acme", 409)] {
        world.admin.post("/orgs", new(slug)).await.expect(code);
    }
    let org = world.admin.post("/orgs", new("third")).await.expect(201);
    assert_eq!(org["approval_policy"]["approver_roles"], json!(["admin", "approver"]));
    let roles = world.admin.get("/orgs/third/roles").await.expect(200);
    assert_eq!(names(&roles, "name"), ["admin", "agent", "approver", "auditor", "guest", "member"]);
    assert_eq!(names(&world.owner.get("/orgs").await.expect(200), "slug"), ["acme"]);
    assert_eq!(names(&world.admin.get("/orgs").await.expect(200), "slug"), ["acme", "other", "third"]);
}

#[tokio::test]
async fn an_orgs_policy_changes_field_by_field_and_names_roles_that_exist() {
    let world = World::new().await;
    let patch = async |policy: Value| world.owner.patch("/orgs/acme", json!({"approval_policy": policy})).await;
    let org = patch(json!({"allow_self_approval": true})).await.expect(200);
    assert_eq!(org["approval_policy"]["allow_self_approval"], true);
    assert_eq!(org["approval_policy"]["expires_after_seconds"], 3600);
    for (policy, wrong) in [
        (json!({"approver_roles": ["nobody"]}), "approval_policy.approver_roles"),
        (json!({"approver_roles": []}), "approval_policy.approver_roles"),
        (json!({"expires_after_seconds": 1}), "approval_policy.expires_after_seconds"),
        (json!({"required": 2}), "approval_policy.required"),
    ] {
        assert_eq!(field(&patch(policy).await.expect(422)), wrong);
    }
    world.owner.patch("/orgs/acme", json!({"nam": "x"})).await.expect(422);
}

#[tokio::test]
async fn a_role_that_an_approval_policy_names_is_in_use() {
    let world = World::new().await;
    world.owner.post("/orgs/acme/roles", json!({"name": "boss", "rights": ["approvals:decide"]})).await.expect(201);
    let policy = |roles: Value| json!({"approval_policy": {"approver_roles": roles}});
    world.owner.patch("/orgs/acme/toolkits/bank", policy(json!(["boss", "admin"]))).await.expect(200);
    assert_eq!(world.owner.delete("/orgs/acme/roles/boss").await.code(), "role_in_use");
    let rename = world.owner.patch("/orgs/acme/roles/boss", json!({"name": "chief"})).await;
    assert_eq!(rename.code(), "role_in_use");
    let cleared = world.owner.patch("/orgs/acme/toolkits/bank", json!({"approval_policy": null})).await.expect(200);
    assert_eq!(cleared["approval_policy"], Value::Null);
    world.owner.delete("/orgs/acme/roles/boss").await.expect(204);
}

#[tokio::test]
async fn a_known_person_is_added_and_keeps_their_password() {
    let world = World::new().await;
    let add = async |body: Value| world.admin.post("/orgs/other/members", body).await;
    let with_password = json!({"email": "Owner@Example.com", "role": "member", "password": "taken over 123"});
    assert_eq!(field(&add(with_password).await.expect(422)), "password");
    add(json!({"email": "Owner@Example.com", "role": "member"})).await.expect(201);
    assert_eq!(add(json!({"email": OWNER.0, "role": "member"})).await.code(), "member_exists");
    for (body, wrong) in [
        (json!({"email": "nobody", "role": "member"}), "email"),
        (json!({"email": "a@example.com", "role": "king"}), "role"),
        (json!({"email": "a@example.com", "role": "member", "password": "short"}), "password"),
    ] {
        assert_eq!(field(&add(body).await.expect(422)), wrong);
    }
    let me = Client::sign_in(&world.gateway.url, OWNER.0, OWNER.1).await.get("/me").await.expect(200);
    assert_eq!((&me["orgs"][0]["slug"], &me["orgs"][1]["slug"]), (&json!("acme"), &json!("other")));
    assert_eq!(me["orgs"][1]["rights"], json!(["tools:call", "toolkits:read"]));
    let seen = world.other_org.get("/orgs/other/members").await.expect(200);
    assert_eq!(names(&seen, "email"), ["other@example.com", "owner@example.com"]);
}

#[tokio::test]
async fn an_org_keeps_an_admin_and_nobody_gives_more_than_they_have() {
    let world = World::new().await;
    let rights = json!({"name": "hr", "rights": ["members:read", "members:write", "keys:read", "keys:write"]});
    world.owner.post("/orgs/acme/roles", rights).await.expect(201);
    let password = "human resources 1";
    let hr = json!({"email": "hr@example.com", "role": "hr", "password": password});
    world.admin.post("/orgs/acme/members", hr).await.expect(201);
    let hr = Client::sign_in(&world.gateway.url, "hr@example.com", password).await;

    let members = hr.get("/orgs/acme/members").await.expect(200);
    let id_of = |email: &str| {
        let found = members["items"].as_array().into_iter().flatten().find(|member| member["email"] == email);
        found.and_then(|member| member["id"].as_str()).unwrap_or_default().to_owned()
    };
    let (owner, myself) = (id_of(OWNER.0), id_of("hr@example.com"));
    hr.patch(&format!("/orgs/acme/members/{myself}"), json!({"role": "admin"})).await.expect(403);
    hr.post("/orgs/acme/members", json!({"email": "friend@example.com", "role": "agent"})).await.expect(403);
    hr.post("/orgs/acme/api-keys", json!({"name": "x", "role": "admin"})).await.expect(403);
    // Whoever rotates holds the new secret.
    let rotate = format!("/orgs/acme/api-keys/{}/rotate", world.agent_key_id);
    hr.post(&rotate, json!({"overlap_seconds": 0})).await.expect(403);

    let owner_path = format!("/orgs/acme/members/{owner}");
    assert_eq!(world.owner.patch(&owner_path, json!({"role": "hr"})).await.code(), "last_admin");
    assert_eq!(hr.delete(&owner_path).await.code(), "forbidden", "they may do more");
    world.owner.patch(&format!("/orgs/acme/members/{myself}"), json!({"role": "admin"})).await.expect(200);
    assert_eq!(hr.delete(&owner_path).await.code(), "owns_keys");
    hr.delete(&format!("/orgs/acme/api-keys/{}", world.agent_key_id)).await.expect(204);
    hr.delete(&owner_path).await.expect(204);
    world.owner.get("/orgs/acme").await.expect(404);
    world.admin.delete(&format!("/orgs/other/members/{myself}")).await.expect(404);
}

#[tokio::test]
async fn keys_belong_to_members_and_what_a_key_makes_to_its_owner() {
    let world = World::new().await;
    let create = async |client: &Client, body: Value| client.post("/orgs/acme/api-keys", body).await;
    for (extra, wrong) in [
        (json!({"owner": "other@example.com"}), "owner"),
        (json!({"expires_at": "2020-01-01T00:00:00Z"}), "expires_at"),
        (json!({"hold_seconds": 241}), "hold_seconds"),
        (json!({"name": " "}), "name"),
        (json!({"role": "king"}), "role"),
    ] {
        let mut body = json!({"name": "k", "role": "agent"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        assert_eq!(field(&create(&world.owner, body).await.expect(422)), wrong);
    }
    let body = json!({"name": "k", "role": "admin", "owner": OWNER.0, "hold_seconds": 240});
    let made = create(&world.admin, body).await.expect(201);
    assert_eq!(made["owner"]["email"], OWNER.0);
    assert_eq!(made["hold_seconds"], 240);
    let key = Client::new(&world.gateway.url, made["key"].as_str());
    let me = key.get("/me").await.expect(200);
    assert_eq!((&me["kind"], &me["email"]), (&json!("api_key"), &json!(OWNER.0)));
    let child = create(&key, json!({"name": "child", "role": "agent"})).await.expect(201);
    assert_eq!(child["owner"]["email"], OWNER.0);
    create(&key, json!({"name": "child", "role": "agent", "owner": "approver@example.com"})).await.expect(403);

    let path = format!("/orgs/acme/api-keys/{}", made["id"].as_str().unwrap());
    world.owner.post(&format!("{path}/rotate"), json!({"overlap_seconds": 604_801})).await.expect(422);
    world.owner.delete(&path).await.expect(204);
    world.owner.delete(&path).await.expect(204);
    assert_eq!(world.owner.post(&format!("{path}/rotate"), json!({"overlap_seconds": 0})).await.code(), "key_revoked");
    key.get("/me").await.expect(401);
    // An instance's administrator who is no member answers for the keys they make.
    let own = create(&world.admin, json!({"name": "mine", "role": "agent"})).await.expect(201);
    assert_eq!(own["owner"]["email"], "admin@example.com");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new().await;
    for number in 0..4 {
        let body = json!({"name": format!("key {number}"), "role": "agent"});
        world.owner.post("/orgs/acme/api-keys", body).await.expect(201);
    }
    for (path, key) in
        [("/orgs/acme/api-keys", "name"), ("/orgs/acme/roles", "name"), ("/orgs/acme/toolkits/bank/tools", "name")]
    {
        let whole = names(&world.owner.get(path).await.expect(200), key);
        let (mut pieces, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = world.owner.get(&format!("{path}?limit=2{cursor}")).await.expect(200);
            pieces.extend(names(&page, key));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(pieces, whole, "{path}");
        assert!(whole.len() > 2, "{path}");
    }
    for query in ["limit=0", "limit=201", "limit=x", "cursor=x"] {
        world.owner.get(&format!("/orgs/acme/api-keys?{query}")).await.expect(422);
    }
    let twice = world.owner.get("/orgs/acme/api-keys?limit=1&limit=2").await;
    assert_eq!((twice.status.as_u16(), twice.code().as_str()), (422, "invalid"));
}

#[tokio::test]
async fn secrets_of_a_connection_are_kept_and_never_shown() {
    let world = World::new().await;
    let url = format!("{}?key=SECRET1", world.upstream.url);
    let config = json!({"url": url, "headers": {"X-Key": "SECRET2"}});
    let body = json!({"slug": "safe", "kind": "streamable_http", "config": config});
    let made = world.owner.post("/orgs/acme/connections", body).await.expect(201);
    assert_eq!(made["config"]["headers"]["x-key"], "********");
    assert_eq!((&made["version"], &made["status"]), (&json!(1), &json!("idle")));
    let path = "/orgs/acme/connections/safe";
    let same = world.owner.patch(path, json!({"config": made["config"]})).await.expect(200);
    assert_eq!(same["version"], 1, "the same configuration is no change");
    let elsewhere = json!({"config": {"url": "https://evil.example/", "headers": {"x-key": "********"}}});
    assert_eq!(field(&world.owner.patch(path, elsewhere).await.expect(422)), "config.headers.x-key");
    let mut more = made["config"].clone();
    more["headers"]["x-other"] = json!("SECRET3");
    assert_eq!(world.owner.patch(path, json!({"config": more})).await.expect(200)["version"], 2);
    let timeout = world.owner.patch(path, json!({"call_timeout_ms": 500})).await.expect(200);
    assert_eq!((&timeout["version"], &timeout["call_timeout_ms"]), (&json!(2), &json!(500)));
    world.owner.post(&format!("{path}/refresh"), json!({})).await.expect(200);
    let seen = world.owner.get(path).await.expect(200);
    assert_eq!((&seen["status"], seen["last_seen_at"].is_string()), (&json!("connected"), true));

    let mut conn = world.sql().await;
    let audit: String = sqlx::query_scalar("SELECT string_agg(coalesce(request, '') || coalesce(response, ''), ' ') FROM (SELECT i.request, o.response FROM audit_intents i LEFT JOIN audit_outcomes o ON o.intent_id = i.id) a").fetch_one(&mut conn).await.unwrap();
    let rows: String =
        sqlx::query_scalar("SELECT string_agg(c::text || encode(config_sealed, 'escape'), ' ') FROM connections c")
            .fetch_one(&mut conn)
            .await
            .unwrap();
    for text in [audit, rows, seen.to_string(), world.owner.get("/orgs/acme/connections").await.text] {
        assert!(text.contains("safe") && !text.contains("SECRET"), "{text}");
    }
}

#[tokio::test]
async fn only_the_instances_administrators_run_programs_on_its_machine() {
    let world = World::new().await;
    let body = json!({"slug": "program", "kind": "stdio", "config": {"command": "true"}});
    let refused = world.owner.post("/orgs/acme/connections", body.clone()).await.expect(403);
    assert!(refused["detail"].as_str().unwrap_or_default().contains("gateway's machine"), "{refused}");
    world.admin.post("/orgs/acme/connections", body).await.expect(201);
    let path = "/orgs/acme/connections/program";
    world.owner.patch(path, json!({"config": {"command": "false"}})).await.expect(403);
    world.owner.patch(path, json!({"enabled": false})).await.expect(200);
    world.owner.patch(path, json!({"enabled": true})).await.expect(403);
    world.owner.delete(path).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn to_what_a_refused_name_resolved_is_told_to_instance_administrators_only() {
    let world = World::new().await;
    let path = "/orgs/acme/connections/bank";
    let inside = world.upstream.url.replace("127.0.0.1", "localhost");
    world.owner.patch(path, json!({"config": {"url": inside}})).await.expect(200);
    let variables: Vec<_> =
        variables(&world.database).into_iter().filter(|(name, _)| name != "PERMESSO_EGRESS_ALLOW").collect();
    let strict = Gateway::start_with_variables(&variables).await;
    let (owner, admin) = (world.owner.at(&strict.url), world.admin.at(&strict.url));
    let logs = format!("{path}/logs");
    let called = world.agent.at(&strict.url).call("balance", json!({})).await.to_string();
    assert!(called.contains("egress to localhost is refused"), "{called}");
    let refreshed = owner.post(&format!("{path}/refresh"), json!({})).await.text;
    let (seen, logged) = (owner.get(path).await.text, owner.get(&logs).await.text);
    for text in [called, refreshed, seen, logged] {
        assert!(!text.contains("127.0.0.1") && !text.contains("::1"), "{text}");
    }
    let told = admin.get(&logs).await.text;
    assert!(told.contains("localhost") && told.contains("resolved to "), "{told}");
}

#[tokio::test]
async fn an_upstream_that_fails_says_so_and_its_tools_stay() {
    let world = World::new().await;
    let path = "/orgs/acme/connections/bank";
    let dead = json!({"config": {"url": "http://127.0.0.1:9/mcp"}});
    world.owner.patch(path, dead).await.expect(200);
    let failed = world.owner.post(&format!("{path}/refresh"), json!({})).await;
    assert_eq!(failed.code(), "upstream_failed", "{}", failed.text);
    let seen = world.owner.get(path).await.expect(200);
    assert!(seen["last_error"].is_string() && seen["last_error_at"].is_string(), "{seen}");
    let tools = world.owner.get(&format!("{path}/tools")).await.expect(200);
    assert_eq!(names(&tools, "name"), ["balance", "close", "pay"]);
    world.owner.patch(path, json!({"enabled": false})).await.expect(200);
    assert_eq!(world.owner.post(&format!("{path}/refresh"), json!({})).await.code(), "connection_disabled");
}

#[tokio::test]
async fn a_changed_definition_is_reviewed_by_the_hash_that_was_seen() {
    let world = World::new().await;
    let version = async || -> i64 {
        sqlx::query_scalar("SELECT version FROM configuration").fetch_one(&mut world.sql().await).await.unwrap()
    };
    let refresh = async || world.owner.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let before = version().await;
    assert_eq!(refresh().await, json!({"added": [], "changed": [], "gone": [], "unusable": [], "left_out": null}));
    assert_eq!(version().await, before, "an unchanged list changes nothing");

    let tool = |name: &str, text: &str| {
        format!(r#"{{"name":"{name}","description":"{text}","inputSchema":{{"type":"object"}}}}"#)
    };
    world.upstream.offer(&format!("[{},{},{{}}]", tool("balance", "Reads it all."), tool("extra", "New.")));
    let news = refresh().await;
    assert_eq!(
        (&news["added"], &news["changed"], &news["gone"]),
        (&json!(["extra"]), &json!(["balance"]), &json!(["close", "pay"]))
    );
    assert_eq!(news["unusable"][0]["index"], 2);
    let path = "/orgs/acme/connections/bank/tools";
    let tools = world.owner.get(path).await.expect(200);
    let balance = &tools["items"][0];
    assert_eq!(
        (&balance["definition_changed"], &balance["definition"]["description"]),
        (&json!(true), &json!("Reads it all."))
    );
    assert_eq!(balance["reviewed_definition"]["description"], "Reads.");
    let listed = world.owner.get("/orgs/acme/toolkits/bank/tools").await.expect(200);
    assert_eq!(
        (&listed["items"][0]["definition_changed"], &listed["items"][2]["offered"]),
        (&json!(true), &json!(false))
    );

    let review = async |hash: &str| {
        world.owner.post(&format!("{path}/balance/review"), json!({"definition_sha256": hash})).await
    };
    review("00").await.expect(422);
    assert_eq!(review(&"0".repeat(64)).await.code(), "definition_changed");
    let reviewed = review(balance["definition_sha256"].as_str().unwrap()).await.expect(200);
    assert_eq!(reviewed["definition_changed"], false);
}

#[tokio::test]
async fn many_tools_are_added_at_once_and_each_name_once() {
    let world = World::new().await;
    let base = "/orgs/acme/toolkits";
    let new = json!({"slug": "all", "name": "All", "visibility": "public"});
    let made = world.owner.post(base, new.clone()).await.expect(201);
    assert_eq!(made["mcp_url"], format!("{}/acme/all/mcp", world.gateway.url));
    assert_eq!(world.owner.post(base, new).await.code(), "toolkit_exists");
    let add = async |body: Value| world.owner.post(&format!("{base}/all/tools"), body).await;
    let added = add(json!({"connection": "bank", "tools": ["pay"], "permission": "blocked"})).await.expect(201);
    assert_eq!(added["items"][0]["permission"], "blocked");
    add(json!({"connection": "bank", "tools": "all"})).await.expect(201);
    let list = world.owner.get(&format!("{base}/all/tools")).await.expect(200);
    assert_eq!(names(&list, "permission"), ["needs_approval", "needs_approval", "blocked"]);
    // All the others: what stands there was decided about.
    let removed = world.owner.delete(&format!("{base}/all/tools/close")).await;
    assert!(removed.status.is_success(), "{}", removed.text);
    let added = add(json!({"connection": "bank", "tools": "all", "permission": "always_allow"})).await.expect(201);
    assert_eq!(names(&added, "permission"), ["needs_approval", "always_allow", "blocked"]);
    let list = world.owner.get(&format!("{base}/all/tools")).await.expect(200);
    assert_eq!(names(&list, "permission"), ["needs_approval", "always_allow", "blocked"]);
    let other = add(json!({"connection": "bank", "tools": ["pay"], "permission": "always_allow"})).await;
    assert_eq!(other.code(), "toolkit_tool_exists");
    for (body, wrong) in [
        (json!({"connection": "none", "tools": "all"}), "connection"),
        (json!({"connection": "bank", "tools": ["pay", "steal"]}), "tools"),
    ] {
        assert_eq!(field(&add(body).await.expect(422)), wrong);
    }
    add(json!({"connection": "bank", "tools": "some"})).await.expect(422);
}

#[tokio::test]
async fn another_tool_under_a_name_keeps_the_id_and_loses_the_role_policies() {
    let world = World::new().await;
    let path = "/orgs/acme/toolkits/bank/tools";
    let put = async |name: &str, body: Value| world.owner.put(&format!("{path}/{name}"), body).await;
    let set =
        world.owner.put(&format!("{path}/pay/policies/agent"), json!({"permission": "always_allow"})).await.expect(200);
    assert_eq!(set["policies"], json!({"agent": "always_allow"}));
    let same = put("pay", json!({"connection": "bank", "tool": "pay", "permission": "blocked"})).await.expect(200);
    assert_eq!((&same["policies"], &same["id"]), (&set["policies"], &set["id"]));
    let moved = put("pay", json!({"connection": "bank", "tool": "close"})).await.expect(200);
    assert_eq!((&moved["policies"], &moved["id"]), (&json!({}), &set["id"]));
    assert_eq!((&moved["tool"], &moved["permission"]), (&json!("close"), &json!("needs_approval")));
    for name in ["approval_status", "run_approved"] {
        assert_eq!(field(&put(name, json!({"connection": "bank", "tool": "pay"})).await.expect(422)), "name");
    }
    put("renamed", json!({"connection": "bank", "tool": "pay", "approval_policy": {"approver_roles": ["x"]}}))
        .await
        .expect(422);
    put("renamed", json!({"connection": "bank", "tool": "pay"})).await.expect(201);
    world.owner.put(&format!("{path}/renamed/policies/king"), json!({"permission": "blocked"})).await.expect(404);
    world.owner.delete(&format!("{path}/renamed/policies/agent")).await.expect(404);
    world.owner.delete(&format!("{path}/renamed")).await.expect(204);
    world.owner.delete(&format!("{path}/renamed")).await.expect(404);
}

#[tokio::test]
async fn an_outcome_that_is_not_known_keeps_its_tool_from_being_removed() {
    use crate::support::Behaviour;
    let world = World::new().await;
    let id = world.held(500).await;
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    world.upstream.behave(Behaviour::Garbage);
    world.agent.call("pay", json!({"to": "Ada", "cents": 500})).await;
    assert_eq!(world.approver.status(&id).await, "outcome_unknown");
    for path in ["/orgs/acme/toolkits/bank/tools/pay", "/orgs/acme/toolkits/bank", "/orgs/acme/connections/bank"] {
        let refused = world.owner.delete(path).await;
        assert_eq!(refused.code(), "approval_unsettled", "{path}: {}", refused.text);
        assert!(refused.text.contains(&id));
    }
    world.owner.delete("/orgs/acme/toolkits/bank/tools/balance").await.expect(204);
}

#[tokio::test]
async fn every_change_is_recorded_with_who_made_it() {
    let world = World::new().await;
    world.owner.patch("/orgs/acme", json!({"name": "Acme Inc."})).await.expect(200);
    let records = world.owner.get("/orgs/acme/audit?limit=200").await.expect(200);
    let actions = names(&records, "action");
    for action in [
        "create_org",
        "create_member",
        "create_api_key",
        "create_connection",
        "refresh_tools",
        "create_toolkit",
        "put_toolkit_tool",
        "update_org",
    ] {
        assert!(actions.iter().any(|found| found == action), "{action}: {actions:?}");
    }
    assert_eq!(
        (&records["items"][0]["action"], &records["items"][0]["actor_name"]),
        (&json!("update_org"), &json!(OWNER.0))
    );
    assert!(!records.to_string().contains("horse battery"));
    let bodies: String = sqlx::query_scalar("SELECT string_agg(request, ' ') FROM audit_intents")
        .fetch_one(&mut world.sql().await)
        .await
        .unwrap();
    assert!(!bodies.contains("horse battery") && bodies.contains("[redacted]"), "{bodies}");
}
