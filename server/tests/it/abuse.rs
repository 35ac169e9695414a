//! What somebody with a valid credential must not reach by going around the door.

use serde_json::json;

use crate::support::{Client, World, client::text};

#[tokio::test]
async fn a_key_cannot_make_itself_an_approver() {
    let world = World::new().await;
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "boss", "role": "admin"})).await.expect(201);
    let boss = Client::new(&world.gateway.url, key["key"].as_str());
    let policy = json!({"approval_policy": {"allow_self_approval": true}});
    let tool = json!({"connection": "bank", "tool": "pay", "permission": "needs_approval", "approval_policy": {"approver_roles": ["member"]}});
    let answers = [
        boss.post("/orgs/acme/members", json!({"email": "x@example.com", "role": "approver"})).await,
        boss.post("/orgs/acme/roles", json!({"name": "judge", "rights": ["approvals:decide"]})).await,
        boss.patch("/orgs/acme", policy.clone()).await,
        boss.patch("/orgs/acme/toolkits/bank", policy).await,
        boss.put("/orgs/acme/toolkits/bank/tools/pay", tool).await,
    ];
    for answer in answers {
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "person_required"), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_key_cannot_remove_those_who_decide() {
    let world = World::new().await;
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "boss", "role": "admin"})).await.expect(201);
    let boss = Client::new(&world.gateway.url, key["key"].as_str());
    world.owner.post("/orgs/acme/roles", json!({"name": "spare", "rights": []})).await.expect(201);
    let invited = json!({"email": "new@example.com", "role": "approver"});
    let invitation = world.owner.post("/orgs/acme/invitations", invited).await.expect(201);
    let members = world.owner.get("/orgs/acme/members").await.expect(200);
    let member = members["items"][1]["id"].as_str().unwrap_or_default().to_owned();
    for path in [
        format!("/orgs/acme/members/{member}"),
        format!("/orgs/acme/invitations/{}", invitation["id"].as_str().unwrap_or_default()),
        "/orgs/acme/roles/spare".to_owned(),
    ] {
        let answer = boss.delete(&path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (403, "person_required"),
            "{path}: {}",
            answer.text
        );
        world.owner.delete(&path).await.expect(204);
    }
}

#[tokio::test]
async fn an_account_that_somebody_made_in_anothers_name_is_not_taken_for_them() {
    let world = World::new().await;
    // The administrator of another org invites a person who has no account, and takes the link up herself.
    let invitation = json!({"email": "victim@example.com", "role": "member"});
    let made = world.other_org.post("/orgs/other/invitations", invitation).await.expect(201);
    let token = made["url"].as_str().and_then(|url| url.split_once('#')).expect("a token").1.to_owned();
    let taken = json!({"token": token, "password": "chosen by mallory"});
    world.anonymous.post("/invitations/accept", taken).await.expect(204);
    let victim = json!({"email": "victim@example.com", "role": "approver"});
    let added = world.owner.post("/orgs/acme/members", victim.clone()).await;
    assert_eq!((added.status.as_u16(), added.code().as_str()), (409, "invitation_needed"));
    let mallory = Client::sign_in(&world.gateway.url, "victim@example.com", "chosen by mallory").await;
    mallory.get("/orgs/acme").await.expect(404);
    // Somebody whom only this org knows, and who cannot sign in, is added as before.
    let unknown = json!({"email": "nobody.yet@example.com", "role": "member"});
    world.owner.post("/orgs/acme/members", unknown).await.expect(201);
}

#[tokio::test]
async fn an_org_cannot_choose_the_password_of_somebody_another_org_may_trust() {
    let world = World::new().await;
    let body = json!({"email": "cfo@elsewhere.example", "role": "member", "password": "known to the wrong one"});
    assert_eq!(world.other_org.post("/orgs/other/members", body).await.status.as_u16(), 403);
    let body = json!({"email": "cfo@elsewhere.example", "role": "member"});
    assert_eq!(world.other_org.post("/orgs/other/members", body).await.status.as_u16(), 201);
}

#[tokio::test]
async fn who_manages_members_cannot_remove_who_may_do_more() {
    let world = World::new().await;
    world
        .admin
        .post("/orgs/acme/roles", json!({"name": "hr", "rights": ["members:read", "members:write"]}))
        .await
        .expect(201);
    let hr = json!({"email": "hr@example.com", "role": "hr", "password": "hr horse battery"});
    world.admin.post("/orgs/acme/members", hr).await.expect(201);
    let hr = Client::sign_in(&world.gateway.url, "hr@example.com", "hr horse battery").await;
    let members = world.admin.get("/orgs/acme/members").await.expect(200);
    let approver =
        members["items"].as_array().expect("items").iter().find(|m| m["role"] == "approver").expect("one").clone();
    let path = format!("/orgs/acme/members/{}", approver["id"].as_str().unwrap_or_default());
    assert_eq!(hr.delete(&path).await.status.as_u16(), 403);
    assert_eq!(hr.patch(&path, json!({"role": "hr"})).await.status.as_u16(), 403);
}

#[tokio::test]
async fn a_key_cannot_become_somebody_elses_key_by_rotating_it() {
    let world = World::new().await;
    let body = json!({"name": "mine", "role": "admin"});
    let key = world.admin.post("/orgs/acme/api-keys", body).await.expect(201);
    let mine = Client::new(&world.gateway.url, key["key"].as_str());
    let answer =
        mine.post(&format!("/orgs/acme/api-keys/{}/rotate", world.agent_key_id), json!({"overlap_seconds": 60})).await;
    assert_eq!(answer.status.as_u16(), 403, "{}", answer.text);
}

#[tokio::test]
async fn a_secret_argument_is_not_repeated_by_the_error_about_it() {
    let world = World::new().await;
    world.upstream.offer(r#"[{"name":"pay","inputSchema":{"type":"object","properties":{"password":{"type":"string","minLength":12}}}}]"#);
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let result = world.agent.call("pay", json!({"password": "hunter2"})).await;
    assert!(text(&result).contains("/password") && !text(&result).contains("hunter2"), "{result}");
}

#[tokio::test]
async fn a_schema_that_costs_much_is_not_used_and_an_argument_that_costs_much_is_explained_in_part() {
    let world = World::new().await;
    let mut defs: Vec<String> = (0..30)
        .map(|n| format!(r##""d{n}":{{"anyOf":[{{"$ref":"#/$defs/d{m}"}},{{"$ref":"#/$defs/d{m}"}}]}}"##, m = n + 1))
        .collect();
    defs.push(r#""d30":{"type":"string"}"#.to_owned());
    let chain =
        format!(r##"{{"type":"object","properties":{{"x":{{"$ref":"#/$defs/d0"}}}},"$defs":{{{}}}}}"##, defs.join(","));
    let flat = r#"{"type":"object","properties":{"ids":{"items":{"type":"string"}}}}"#;
    world
        .upstream
        .offer(&format!(r#"[{{"name":"pay","inputSchema":{chain}}},{{"name":"balance","inputSchema":{flat}}}]"#));
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let reviewed = world.admin.get("/orgs/acme/connections/bank/tools").await.expect(200);
    assert!(reviewed.to_string().contains("balance"));
    let id = Client::approval_of(&world.agent.call("pay", json!({"x": 1})).await);
    let request = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!(request["arguments_check"], "none");
    assert!(request["check_note"].as_str().expect("a note").contains("unfolds"), "{request}");
    let result = world.agent.call("balance", json!({"ids": vec![1; 50_000]})).await;
    assert!(text(&result).contains("`/ids/0`"), "{}", text(&result));
}

#[tokio::test]
async fn a_character_that_cannot_be_kept_is_refused_and_not_a_fault() {
    let world = World::new().await;
    let answer = world.anonymous.post("/auth/login", json!({"email": "a\u{0}@b", "password": "x"})).await;
    assert_eq!(answer.status.as_u16(), 422, "{}", answer.text);
    let answer = world.admin.get("/orgs/acme/approvals?tool=%00").await;
    assert_eq!(answer.status.as_u16(), 422, "{}", answer.text);
    let answer = world.admin.get("/orgs/acme/approvals?caller=nobody").await;
    assert_eq!(answer.status.as_u16(), 422, "{}", answer.text);
}
