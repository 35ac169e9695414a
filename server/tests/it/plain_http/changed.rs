//! Calls that are under way while their connection is changed or deleted, and what a connection says of itself.

use serde_json::{Value, json};

use super::{call, is, slow, spawn, text};
use crate::support::{Behaviour, World, eventually};

const CONNECTION: &str = "/orgs/acme/connections/bank";

/// A call that the upstream answers once it is released.
async fn under_way(world: &World) -> tokio::task::JoinHandle<crate::support::client::Answer> {
    slow(world).await;
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"to its end"}]}"#.to_owned()));
    let before = world.upstream.calls();
    let runs = spawn(&world.agent, "balance", json!({}), json!({}));
    eventually("it arrives", || async { world.upstream.calls() == before + 1 }).await;
    runs
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_as_it_began_when_its_connection_is_changed() {
    let world = World::new().await;
    let runs = under_way(&world).await;
    let changed = json!({"config": {"headers": {"x-new": "1"}}});
    world.admin.patch(CONNECTION, changed).await.expect(200);
    world.upstream.release();
    let ended = runs.await.expect("it ends").expect(200);
    is(&ended, "executed", true);
    assert_eq!(text(&ended), "to its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_as_it_began_when_its_connection_is_switched_off_and_deleted() {
    let world = World::new().await;
    let runs = under_way(&world).await;
    world.admin.patch(CONNECTION, json!({"enabled": false})).await.expect(200);
    let refused = call(&world.agent, "balance", json!({"n": 1})).await;
    assert!(refused.status.is_client_error(), "{}", refused.text);
    assert_eq!(world.owner.delete(&format!("{CONNECTION}?force=true")).await.status.as_u16(), 204);
    world.upstream.release();
    is(&runs.await.expect("it ends").expect(200), "executed", true);
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn a_connection_says_what_its_administrators_ask_of_it() {
    let mut world = World::new().await;
    let secret = json!({"config": {"headers": {"authorization": "Bearer s3cret"}}});
    world.admin.patch(CONNECTION, secret).await.expect(200);
    is(&call(&world.agent, "balance", json!({})).await.expect(200), "executed", true);
    let found = world.admin.get(CONNECTION).await.expect(200);
    assert_eq!((&found["kind"], &found["status"]), (&json!("streamable_http"), &json!("connected")), "{found}");
    assert_eq!((&found["has_session"], &found["more_tools"]), (&json!(true), &json!(false)), "{found}");
    assert_eq!(found["config"]["headers"]["authorization"], "********", "{found}");
    assert!(found["config"]["url"].is_string() && found["since"].is_string() && found["logs"].is_array(), "{found}");
    assert!(!found.to_string().contains("s3cret"), "{found}");
    let tools = found["tools"].as_array().expect("tools");
    let named = |name: &str| tools.iter().find(|tool| tool["name"] == name).unwrap_or(&Value::Null);
    assert!(named("balance")["definition"]["inputSchema"].is_object(), "{found}");
    let listed = world.admin.get(&format!("{CONNECTION}/tools")).await.expect(200);
    assert_eq!(found["tools"], listed["items"]);

    world.upstream.stop().await;
    let answer = call(&world.agent, "balance", json!({})).await;
    assert_eq!(answer.status.as_u16(), 503, "{}", answer.text);
    let found = world.admin.get(CONNECTION).await.expect(200);
    assert_eq!((&found["status"], &found["has_session"]), (&json!("error"), &json!(false)), "{found}");
    assert!(found["last_error"].is_string() && !found["logs"].as_array().expect("lines").is_empty(), "{found}");
}

/// A shell as an MCP server with one tool, which answers once there is a file.
const PROGRAM: &str = r#"
    while read -r line; do
        id=${line#*'"id":'}; id=${id%%,*}
        case $line in
            *'"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"p","version":"1"}}}\n' "$id";;
            *'"tools/list"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"slowly","inputSchema":{"type":"object"}}]}}\n' "$id";;
            *'"tools/call"'*)
                : > "$DIR/called"
                while [ ! -e "$DIR/go" ]; do sleep 0.02; done
                printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"to its end"}]}}\n' "$id";;
        esac
    done
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_program_ends_as_it_began_when_its_connection_is_switched_off_and_deleted() {
    let world = World::new().await;
    let dir = tempfile::tempdir().expect("a directory");
    let env = json!({"DIR": dir.path(), "PATH": std::env::var("PATH").expect("a PATH")});
    let config = json!({"command": "/bin/sh", "args": ["-c", PROGRAM], "env": env});
    let program = "/orgs/acme/connections/program";
    let body = json!({"slug": "program", "kind": "stdio", "config": config});
    world.admin.post("/orgs/acme/connections", body).await.expect(201);
    world.admin.post(&format!("{program}/refresh"), json!({})).await.expect(200);
    let exposed = json!({"connection": "program", "tool": "slowly", "permission": "always_allow"});
    world.admin.put("/orgs/acme/toolkits/bank/tools/slowly", exposed).await;
    let runs = spawn(&world.agent, "slowly", json!({}), json!({"idempotency_key": "k"}));
    eventually("it is called", || async { dir.path().join("called").exists() }).await;
    let found = world.admin.get(program).await.expect(200);
    assert_eq!((&found["kind"], &found["has_session"]), (&json!("stdio"), &json!(true)), "{found}");
    assert!(found["config"]["env"]["DIR"] == "********" && found["config"]["command"] == "/bin/sh", "{found}");
    world.admin.patch(program, json!({"enabled": false})).await.expect(200);
    assert_eq!(world.owner.delete(&format!("{program}?force=true")).await.status.as_u16(), 204);
    std::fs::write(dir.path().join("go"), "").expect("a file");
    let ended = runs.await.expect("it ends").expect(200);
    is(&ended, "executed", true);
    assert_eq!(text(&ended), "to its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_at_its_limit_when_its_connection_is_deleted() {
    let world = World::new().await;
    world.admin.patch(CONNECTION, json!({"call_timeout_ms": 1_000})).await.expect(200);
    world.upstream.behave(Behaviour::Hang(r#"{"content":[]}"#.to_owned()));
    let runs = spawn(&world.agent, "balance", json!({}), json!({}));
    eventually("it arrives", || async { world.upstream.calls() == 1 }).await;
    assert_eq!(world.owner.delete(&format!("{CONNECTION}?force=true")).await.status.as_u16(), 204);
    is(&runs.await.expect("it ends").expect(200), "outcome_unknown", false);
}
