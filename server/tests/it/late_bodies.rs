//! Rights are asked for before a request's body is read, and again when all of it is there: somebody who lost them in
//! between, which may be half a minute, changes nothing any more.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Client, World, world::APPROVER};

const MARY: (&str, &str) = ("mary@example.com", "mary horse battery");

/// A request of which the server has read the head, found that its sender may do it, and waits for the body.
struct Late {
    stream: TcpStream,
    body: String,
}

impl Late {
    async fn begin(client: &Client, method: &str, path: &str, body: &Value) -> Self {
        let host = client.url.trim_start_matches("http://");
        let credential = match (&client.token, client.cookie()) {
            (Some(token), _) => format!("authorization: Bearer {token}"),
            (None, cookie) => format!("cookie: {}", cookie.expect("a credential")),
        };
        let body = body.to_string();
        let head = format!(
            "{method} /api/v1/orgs/acme{path} HTTP/1.1\r\nhost: {host}\r\n{credential}\r\nexpect: 100-continue\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(host).await.expect("the gateway listens");
        stream.write_all(head.as_bytes()).await.expect("it takes the head");
        let mut answer = vec![0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut answer).await.expect("it asks for the body");
        assert!(answer.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&answer));
        Self { stream, body }
    }

    /// Sends the body: the answer's status, and its code if it is an error.
    async fn end(mut self) -> (u16, String) {
        self.stream.write_all(self.body.as_bytes()).await.expect("it takes the body");
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.expect("it answers");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let problem: Value = serde_json::from_str(body).unwrap_or_default();
        (status, problem["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// A member with this role, and the path of the membership.
async fn mary(world: &World, role: &str) -> (Client, String) {
    let body = json!({"email": MARY.0, "password": MARY.1, "role": role});
    let member = world.admin.post("/orgs/acme/members", body).await.expect(201);
    let path = format!("/orgs/acme/members/{}", member["id"].as_str().unwrap_or_default());
    (Client::sign_in(&world.gateway.url, MARY.0, MARY.1).await, path)
}

async fn hashes(world: &World, approval: &str) -> Value {
    let seen = world.owner.get(&format!("/orgs/acme/approvals/{approval}")).await.expect(200);
    json!({"arguments_sha256": seen["arguments_sha256"], "definition_sha256": seen["definition_sha256"]})
}

#[tokio::test]
async fn who_is_removed_while_their_request_is_read_changes_nothing() {
    let world = World::new().await;
    let (mary, member) = mary(&world, "admin").await;
    let held = world.held(7).await;
    let tool = json!({"connection": "bank", "tool": "close", "permission": "always_allow"});
    let mut late = Vec::new();
    for (method, path, body) in [
        ("POST", "/api-keys".to_owned(), json!({"name": "back door", "role": "admin"})),
        ("POST", format!("/approvals/{held}/approve"), hashes(&world, &held).await),
        ("POST", "/members".to_owned(), json!({"email": "mary2@example.com", "role": "admin"})),
        ("POST", "/invitations".to_owned(), json!({"email": "mary3@example.com", "role": "admin"})),
        ("POST", "/roles".to_owned(), json!({"name": "r", "rights": ["tools:call"]})),
        ("PATCH", String::new(), json!({"approval_policy": {"allow_self_approval": true}})),
        ("PUT", "/toolkits/bank/tools/close".to_owned(), tool),
        ("PATCH", "/connections/bank".to_owned(), json!({"enabled": false})),
    ] {
        late.push((format!("{method} {path}"), Late::begin(&mary, method, &path, &body).await));
    }
    world.admin.delete(&member).await.expect(204);
    for (what, request) in late {
        assert_eq!(request.end().await.0, 404, "{what}: as to any stranger");
    }
    assert_eq!(world.owner.status(&held).await, "pending");
}

#[tokio::test]
async fn a_credential_that_ends_while_its_request_is_read_makes_no_key() {
    let world = World::new().await;
    let new = json!({"name": "child", "role": "agent"});
    for rotated in [false, true] {
        let made = world.owner.post("/orgs/acme/api-keys", json!({"name": "k", "role": "admin"})).await.expect(201);
        let key = Client::new(&world.gateway.url, made["key"].as_str());
        let path = format!("/orgs/acme/api-keys/{}", made["id"].as_str().unwrap_or_default());
        let late = Late::begin(&key, "POST", "/api-keys", &new).await;
        if rotated {
            world.owner.post(&format!("{path}/rotate"), json!({"overlap_seconds": 0})).await.expect(200);
        } else {
            world.owner.delete(&path).await.expect(204);
        }
        assert_eq!(late.end().await.0, 401, "rotated: {rotated}");
    }
    let browser = Client::browser_of(&world.gateway.url, APPROVER).await;
    let held = world.held(1).await;
    let late = Late::begin(&browser, "POST", &format!("/approvals/{held}/approve"), &hashes(&world, &held).await).await;
    browser.delete("/auth/session").await;
    assert_eq!(late.end().await.0, 401, "signed out");
    assert_eq!(world.owner.status(&held).await, "pending");
}

#[tokio::test]
async fn who_gets_another_role_while_their_request_is_read_has_to_send_it_again() {
    let world = World::new().await;
    world.owner.post("/orgs/acme/roles", json!({"name": "keeper", "rights": ["keys:write"]})).await.expect(201);
    let (mary, member) = mary(&world, "keeper").await;
    world.owner.post("/orgs/acme/roles", json!({"name": "empty", "rights": []})).await.expect(201);
    let new = json!({"name": "k", "role": "empty"});
    let again = (409, "rights_changed".to_owned());

    let late = Late::begin(&mary, "POST", "/api-keys", &new).await;
    world.owner.patch("/orgs/acme/roles/keeper", json!({"rights": ["keys:read"]})).await.expect(200);
    assert_eq!(late.end().await, again, "the role allows less");
    world.owner.patch("/orgs/acme/roles/keeper", json!({"rights": ["keys:write"]})).await.expect(200);
    let late = Late::begin(&mary, "POST", "/api-keys", &new).await;
    world.owner.patch(&member, json!({"role": "agent"})).await.expect(200);
    assert_eq!(late.end().await, again, "they have another role");
    world.owner.patch(&member, json!({"role": "keeper"})).await.expect(200);
    let late = Late::begin(&mary, "POST", "/api-keys", &new).await;
    assert_eq!(late.end().await.0, 201, "nothing has changed");
}

#[tokio::test]
async fn a_decision_is_held_against_the_policy_of_the_moment_when_it_is_made() {
    let world = World::new().await;
    let held = world.held(1).await;
    let path = format!("/approvals/{held}/approve");
    let late = Late::begin(&world.approver, "POST", &path, &hashes(&world, &held).await).await;
    let admins = json!({"approval_policy": {"approver_roles": ["admin"]}});
    world.owner.patch("/orgs/acme/toolkits/bank", admins).await.expect(200);
    assert_eq!(late.end().await, (403, "forbidden".to_owned()));
    assert_eq!(world.owner.status(&held).await, "pending");
}
