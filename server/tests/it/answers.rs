//! How an approved call was answered, and what: in the request, in the list, in the audit and at a terminal; also of
//! rows that an earlier version wrote (docs/approvals.md, "What became of a call").

use serde_json::{Value, json};
use sqlx::Executor;

use crate::support::{Behaviour, Client, World, eventually, process::permesso, world::APPROVER};

const FAILS: &str = r#"{"content":[{"type":"text","text":"no funds\u202e"}],"isError":true,"apiKey":"secret-1"}"#;
const REFUSES: &str = r#"{"code":-32000,"message":"no such account"}"#;

/// Approves a payment and lets it run into this; gives the approval's id.
async fn ran(world: &World, cents: u64, answer: Behaviour) -> String {
    let id = world.held(cents).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    world.upstream.behave(answer);
    world
        .agent
        .rpc("acme/bank", "tools/call", json!({"name": "pay", "arguments": {"to": "Ada", "cents": cents}}))
        .await;
    id
}

async fn shown(client: &Client, id: &str) -> Value {
    client.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200)
}

/// The three ways to be answered, as their ids and words.
async fn three(world: &World) -> [(String, &'static str); 3] {
    let done = Behaviour::Result(r#"{"content":[{"type":"text","text":"done"}]}"#.to_owned());
    [
        (ran(world, 1, done).await, "result"),
        (ran(world, 2, Behaviour::Result(FAILS.to_owned())).await, "tool_error"),
        (ran(world, 3, Behaviour::Error(REFUSES.to_owned())).await, "protocol_error"),
    ]
}

/// What the list says of each, by id.
async fn listed(world: &World, id: &str) -> Value {
    let list = world.approver.get("/orgs/acme/approvals").await.expect(200);
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.into_iter().find(|item| item["id"] == id).map(|item| item["answer"].clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_call_that_ran_says_how_the_upstream_answered() {
    let world = World::new().await;
    for (id, answer) in three(&world).await {
        assert_eq!(listed(&world, &id).await, answer);
        let seen = shown(&world.approver, &id).await;
        assert_eq!((&seen["status"], &seen["answer"]), (&json!("executed"), &json!(answer)));
        let record = seen["result"]["record_id"].as_str().unwrap_or_default();
        let record = world.admin.get(&format!("/orgs/acme/audit/{record}")).await.expect(200);
        assert_eq!(record["response"], seen["result"]["response"], "it is the one on record");
        assert_eq!(record["approval_id"], id.as_str());
        let expected = if answer == "result" { Value::Null } else { json!(answer) };
        assert_eq!(record["answer"], expected, "{record}");
    }
    let waits = world.held(4).await;
    let seen = shown(&world.approver, &waits).await;
    assert_eq!((&seen["answer"], &seen["result"]), (&Value::Null, &Value::Null), "it did not run");
    let similar: Vec<_> =
        seen["similar"].as_array().expect("similar").iter().map(|one| one["answer"].clone()).collect();
    assert_eq!(similar, ["protocol_error", "tool_error", "result"]);
}

#[tokio::test]
async fn whoever_may_read_the_request_sees_the_result_without_its_secrets() {
    let world = World::new().await;
    let role = json!({"name": "reader", "rights": ["approvals:read"]});
    world.admin.post("/orgs/acme/roles", role).await.expect(201);
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "reader", "role": "reader"})).await.expect(201);
    let reader = Client::new(&world.gateway.url, key["key"].as_str());
    let id = ran(&world, 2, Behaviour::Result(FAILS.to_owned())).await;
    let seen = shown(&reader, &id).await;
    let response = seen["result"]["response"].as_str().unwrap_or_default();
    assert!(response.contains("no funds") && response.contains("[redacted]"), "{response}");
    assert!(!seen.to_string().contains("secret-1"));
    assert_eq!(seen["result"]["is_whole"], true);
    assert_eq!(reader.get("/orgs/acme/audit").await.status.as_u16(), 403, "the audit itself is another right");
}

#[tokio::test]
async fn of_a_long_result_the_beginning_is_shown() {
    let world = World::new().await;
    let long = json!({"content": [{"type": "text", "text": "é".repeat(70_000)}]}).to_string();
    let id = ran(&world, 2, Behaviour::Result(long.clone())).await;
    let result = shown(&world.approver, &id).await["result"].clone();
    assert_eq!(result["response"].as_str().map(|text| text.chars().count()), Some(65_536));
    assert_eq!((&result["is_whole"], &result["bytes"]), (&json!(false), &json!(long.len())));
}

#[tokio::test]
async fn what_an_earlier_version_wrote_is_found_in_the_audit() {
    let world = World::new().await;
    let three = three(&world).await;
    // An agent that asks how it stands, and one that gets the stored answer again, are on record too.
    for (id, _) in &three {
        world.agent.call("approval_status", json!({"approval_id": id})).await;
        world.agent.call("run_approved", json!({"approval_id": id})).await;
    }
    world.sql().await.execute("UPDATE approvals SET answer = NULL").await.expect("as before");
    for (id, answer) in &three {
        assert_eq!(listed(&world, id).await, *answer);
        assert_eq!(shown(&world.approver, id).await["answer"], *answer);
    }
    world.sql().await.execute("DELETE FROM audit_outcomes").await.expect("an owner may");
    for (id, _) in &three {
        let seen = shown(&world.approver, id).await;
        assert_eq!((&seen["answer"], &seen["result"]), (&Value::Null, &Value::Null), "nobody knows any more");
    }
}

#[tokio::test]
async fn what_came_late_is_said_and_what_a_person_settled_is_not() {
    let world = World::new().await;
    for (cents, faster, answer) in [(21, false, json!("tool_error")), (22, true, Value::Null)] {
        let id = world.held(cents).await;
        world.approver.decide(&id, "approve", "ok").await.expect(200);
        world.upstream.behave(Behaviour::Hang(FAILS.to_owned()));
        let before = world.upstream.calls();
        let agent = world.agent.clone();
        let call = tokio::spawn(async move { agent.call("pay", json!({"to": "Ada", "cents": cents})).await });
        eventually("it arrives", || async { world.upstream.calls() == before + 1 }).await;
        let lapse = format!("UPDATE approvals SET lease_until = now() - interval '1 hour' WHERE id = '{id}'");
        world.sql().await.execute(sqlx::AssertSqlSafe(lapse)).await.expect("an owner may");
        eventually("the lease has lapsed", || async { world.admin.status(&id).await == "outcome_unknown" }).await;
        if faster {
            let settle = json!({"outcome": "executed", "note": "looked"});
            world.approver.post(&format!("/orgs/acme/approvals/{id}/settle"), settle).await.expect(200);
        }
        world.upstream.release();
        call.await.expect("it answers");
        let seen = shown(&world.approver, &id).await;
        assert_eq!((&seen["status"], &seen["answer"]), (&json!("executed"), &answer));
        assert_eq!(seen["result"].is_null(), faster);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_says_what_became_of_each() {
    let world = World::new().await;
    let three = three(&world).await;
    let run = |args: &[&str]| {
        let person = [
            ("PERMESSO_URL", world.gateway.url.as_str()),
            ("PERMESSO_EMAIL", APPROVER.0),
            ("PERMESSO_PASSWORD", APPROVER.1),
        ];
        let output = permesso().args(args).envs(person).output().expect("it ends by itself");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let list = run(&["approvals", "list", "--status", "executed"]);
    let words = ["ran", "ran, the tool reported an error", "ran, the upstream answered with an error"];
    for ((id, _), words) in three.iter().zip(words) {
        let line = list.lines().find(|line| line.contains(id.as_str())).unwrap_or_default();
        assert!(line.ends_with(&format!("  {words}")), "{line}");
        assert!(run(&["approvals", "show", id]).contains(&format!("outcome   {words}\n")));
    }
    let shown = run(&["approvals", "show", &three[1].0]);
    assert!(
        shown.contains("no funds\\u{202e}") || shown.contains("no funds\\u202e"),
        "what it hides is shown: {shown}"
    );
}

#[tokio::test]
async fn an_upgrade_loses_and_invalidates_nothing() {
    let world = World::new().await;
    let three = three(&world).await;
    let (waits, approved) = (world.held(11).await, world.held(12).await);
    world.approver.decide(&approved, "approve", "ok").await.expect(200);
    let mut sql = world.sql().await;
    sql.execute(
        "ALTER TABLE approvals DROP COLUMN answer;
         DROP FUNCTION recorded_answer;
         DELETE FROM _sqlx_migrations WHERE version = 16",
    )
    .await
    .expect("as it was before");
    let rows = "SELECT string_agg((to_jsonb(a) - 'answer')::text, '; ' ORDER BY id) FROM approvals a";
    let before: Option<String> = sqlx::query_scalar(rows).fetch_one(&mut sql).await.expect("rows");
    permesso::db::migrate::migrate(&world.database).await.expect("it is migrated");
    let after: Option<String> = sqlx::query_scalar(rows).fetch_one(&mut sql).await.expect("rows");
    assert_eq!(before, after);
    for (id, answer) in &three {
        assert_eq!(shown(&world.approver, id).await["answer"], *answer);
    }
    world.approver.decide(&waits, "approve", "ok").await.expect(200);
    world.upstream.behave(Behaviour::Result(FAILS.to_owned()));
    for (id, cents) in [(&waits, 11), (&approved, 12)] {
        world.agent.call("pay", json!({"to": "Ada", "cents": cents})).await;
        assert_eq!(shown(&world.approver, id).await["answer"], "tool_error");
    }
}
