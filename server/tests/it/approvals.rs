//! An approval's life as an agent and an approver see it (approvals.md, "What the agent sees").

use serde_json::json;
use sqlx::Executor;

use crate::support::{Behaviour, Client, World, client::text, eventually};

#[tokio::test]
async fn a_held_call_runs_once_after_a_person_decided() {
    let world = World::new().await;
    let held = world.agent.call("pay", json!({"to": "Ada", "cents": 1250})).await;
    assert!(text(&held).starts_with("NOT EXECUTED: waiting for a person's decision."), "{held}");
    assert_eq!(held["isError"], serde_json::Value::Null);
    let facts = &held["structuredContent"];
    assert_eq!(facts["status"], "pending");
    assert_eq!(facts["executed"], false);
    assert_eq!(facts["tool"], "pay");
    assert_eq!(facts["next_action"], "call_approval_status");
    assert_eq!(held["_meta"]["dev.permesso/approval"], *facts);
    assert_eq!(world.upstream.calls(), 0, "nothing runs before a decision");

    let id = Client::approval_of(&held);
    let again = world.agent.call("pay", json!({"cents": 1250, "to": "Ada"})).await;
    assert_eq!(Client::approval_of(&again), id, "an identical call joins");

    world.approver.decide(&id, "approve", "fine").await.expect(200);
    world.upstream.behave(Behaviour::Result(r#"{"content":[{"type":"text","text":"paid"}],"x":1.0e2}"#.into()));
    let ran = world.agent.call_raw("pay", r#"{"cents":1250,"to":"Ada"}"#).await;
    assert_eq!(text(&ran), "paid");
    assert!(ran["_meta"].is_null(), "the upstream's answer is untouched: {ran}");
    assert_eq!(world.upstream.calls(), 1);
    assert!(
        world.upstream.bodies()[0].contains(r#""arguments":{"cents":1250,"to":"Ada"}"#),
        "{:?}",
        world.upstream.bodies()
    );

    let replayed = world.agent.call("pay", json!({"to": "Ada", "cents": 1250})).await;
    assert_eq!(replayed["_meta"]["dev.permesso/approval"]["replayed"], true, "{replayed}");
    assert_eq!(text(&replayed), "paid");
    let last = replayed["content"][1]["text"].as_str().unwrap_or_default();
    assert!(last.contains("did not run again"), "{last}");
    assert_eq!(world.upstream.calls(), 1, "a replay runs nothing");
}

#[tokio::test]
async fn the_bytes_of_the_first_call_are_what_runs() {
    let world = World::new().await;
    let first = r#"{ "to" : "\u0041da", "cents" : 1.25e3 }"#;
    let id = Client::approval_of(&world.agent.call_raw("pay", first).await);
    for same in [r#"{"cents":1250,"to":"Ada"}"#, r#"{"to":"Ad\u0061","cents":1250.0}"#] {
        assert_eq!(Client::approval_of(&world.agent.call_raw("pay", same).await), id, "{same}");
    }
    let shown = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!(shown["arguments_json"], first, "the approver sees the exact bytes");
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    world.agent.call_raw("pay", r#"{"cents":1250,"to":"Ada"}"#).await;
    assert!(world.upstream.bodies()[0].contains(first), "{:?}", world.upstream.bodies());
}

#[tokio::test]
async fn what_differs_in_value_is_another_approval() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for arguments in [
        r#"{"cents":9007199254740993}"#,
        r#"{"cents":9007199254740992}"#,
        r#"{"cents":1}"#,
        r#"{"cents":1,"to":""}"#,
        r#"{"cents":1,"to":"a"}"#,
        r#"{"cents":1,"to":"A"}"#,
    ] {
        ids.push(Client::approval_of(&world.agent.call_raw("pay", arguments).await));
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[tokio::test]
async fn what_is_wrong_is_refused_before_anybody_is_asked() {
    let world = World::new().await;
    for (arguments, named) in [
        (r#"{"cents":"much"}"#, "/cents"),
        (r#"{"cents":1,"cents":2}"#, "/cents"),
        (r#"{"cents":1,"c\u0065nts":2}"#, "/cents"),
        (r#"{"to":{"a":1,"a":1}}"#, "/to/a"),
        (r#"{"to":"\ud800"}"#, "/to"),
    ] {
        let result = world.agent.call_raw("pay", arguments).await;
        assert_eq!(result["isError"], true, "{arguments}: {result}");
        assert!(text(&result).contains(named), "{arguments}: {result}");
        assert!(result["structuredContent"].is_null());
    }
    let list = world.admin.get("/orgs/acme/approvals").await.expect(200);
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn a_rejection_is_read_word_for_word_and_again() {
    let world = World::new().await;
    let id = world.held(5).await;
    world.approver.decide(&id, "reject", "Use the \"monthly\" run instead.\nThanks").await.expect(200);
    for _ in 0..2 {
        let result = world.agent.call("pay", json!({"to": "Ada", "cents": 5})).await;
        assert_eq!(result["isError"], true);
        assert!(text(&result).contains("Use the \"monthly\" run instead.\nThanks"), "{result}");
        assert!(text(&result).to_lowercase().contains("do not resubmit unchanged"), "{result}");
    }
    assert_eq!(world.upstream.calls(), 0);
    // After ten minutes it may be asked again.
    let sql = format!("UPDATE approvals SET decided_at = now() - interval '11 minutes' WHERE id = '{id}'");
    world.sql().await.execute(sqlx::AssertSqlSafe(sql)).await.expect("an owner may");
    assert_ne!(world.held(5).await, id);
}

#[tokio::test]
async fn blocked_tools_are_not_listed_and_do_not_run() {
    let world = World::new().await;
    let list = world.agent.rpc("acme/bank", "tools/list", json!({})).await;
    let tools: Vec<_> = list["result"]["tools"].as_array().expect("tools").iter().map(|t| t["name"].clone()).collect();
    assert_eq!(tools, ["approval_status", "run_approved", "balance", "pay"]);
    assert!(list["result"]["tools"][3]["outputSchema"].is_null(), "a tool that can be held is listed without it");
    let result = world.agent.call("close", json!({})).await;
    assert_eq!(result["isError"], true);
    assert!(text(&result).contains("toolkit default: blocked"), "{result}");
    assert_eq!(world.upstream.calls(), 0);
}

#[tokio::test]
async fn status_waits_for_a_change_and_run_approved_runs() {
    let world = World::new().await;
    let id = world.held(7).await;
    let status = world.agent.call("approval_status", json!({"approval_id": id})).await;
    assert_eq!(status["structuredContent"]["status"], "pending");
    let waiting = {
        let (agent, id) = (world.agent.clone(), id.clone());
        tokio::spawn(async move { agent.call("approval_status", json!({"approval_id": id, "wait_seconds": 50})).await })
    };
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    let status = waiting.await.expect("it answers");
    assert_eq!(status["structuredContent"]["status"], "approved");
    assert_eq!(status["structuredContent"]["next_action"], "run_approved");

    let ran = world.agent.call("run_approved", json!({"approval_id": id})).await;
    assert_eq!(text(&ran), "done");
    let status = world.agent.call("approval_status", json!({"approval_id": id})).await;
    assert_eq!(status["structuredContent"]["status"], "executed");
    assert_eq!(status["structuredContent"]["executed"], true);
    assert_eq!(status["structuredContent"]["result"]["content"][0]["text"], "done");
    assert_eq!(world.upstream.calls(), 1);

    // Nobody else's approval exists.
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "second", "role": "agent"})).await.expect(201);
    let second = Client::new(&world.gateway.url, key["key"].as_str());
    for tool in ["approval_status", "run_approved"] {
        let result = second.call(tool, json!({"approval_id": id})).await;
        assert_eq!(result["isError"], true);
        assert!(text(&result).contains("you have no approval"), "{result}");
    }
}

#[tokio::test]
async fn an_expired_request_may_be_approved_late_unless_another_is_open() {
    let world = World::new().await;
    let id = world.held(9).await;
    let expire = format!("UPDATE approvals SET expires_at = now() - interval '1 second' WHERE id = '{id}'");
    world.sql().await.execute(sqlx::AssertSqlSafe(expire.clone())).await.expect("an owner may");
    assert_eq!(world.admin.status(&id).await, "expired");
    let status = world.agent.call("approval_status", json!({"approval_id": id})).await;
    assert_eq!(status["structuredContent"]["next_action"], "ask_again", "{status}");

    let second = world.held(9).await;
    assert_ne!(second, id, "asking once more opens another");
    let refused = world.approver.decide(&id, "approve", "late").await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "identical_open"), "{}", refused.text);
    assert!(refused.text.contains(&second), "it is named: {}", refused.text);

    world.approver.decide(&second, "reject", "no").await.expect(200);
    world.approver.decide(&id, "approve", "late").await.expect(200);
    let ran = world.agent.call("run_approved", json!({"approval_id": id})).await;
    assert_eq!(text(&ran), "done");
}

#[tokio::test]
async fn a_caller_may_have_twenty_open_and_no_giant() {
    let world = World::new().await;
    for cents in 0..20 {
        world.held(cents).await;
    }
    let result = world.agent.call("pay", json!({"cents": 99})).await;
    assert_eq!(result["isError"], true);
    assert!(text(&result).contains("20 requests waiting"), "{result}");
    let giant = "x".repeat(300 * 1024);
    let result = world.agent.call("pay", json!({"to": giant})).await;
    assert!(text(&result).contains("at most 262144"), "{}", text(&result));
    let list = world.admin.get("/orgs/acme/approvals?limit=200").await.expect(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(20));
    // The refusal is on record.
    let audit = world.admin.get("/orgs/acme/audit?status=refused").await.expect(200);
    assert_eq!(audit["items"][0]["rule"], "arguments too large for an approval");
}

#[tokio::test]
async fn calls_that_meet_an_executing_one_join_it() {
    let world = World::new().await;
    let id = world.held(11).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"slow"}]}"#.into()));
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let agent = world.agent.clone();
            tokio::spawn(async move { agent.call("pay", json!({"to": "Ada", "cents": 11})).await })
        })
        .collect();
    eventually("it arrives", || async { world.upstream.calls() == 1 }).await;
    assert_eq!(world.admin.status(&id).await, "executing");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    world.upstream.release();
    for call in calls {
        assert_eq!(text(&call.await.expect("it answers")), "slow");
    }
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn a_client_that_goes_away_while_it_runs_finds_the_stored_result() {
    let world = World::new().await;
    let id = world.held(13).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"kept"}]}"#.into()));
    let agent = world.agent.clone();
    let call = tokio::spawn(async move { agent.call("pay", json!({"to": "Ada", "cents": 13})).await });
    eventually("it arrives", || async { world.upstream.calls() == 1 }).await;
    call.abort();
    let _ = call.await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    world.upstream.release();
    eventually("it finishes", || async { world.admin.status(&id).await == "executed" }).await;
    let result = world.agent.call("pay", json!({"to": "Ada", "cents": 13})).await;
    assert_eq!(text(&result), "kept");
    assert_eq!(result["_meta"]["dev.permesso/approval"]["replayed"], true);
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn a_result_that_was_never_delivered_is_kept_until_execute_by() {
    let world = World::new().await;
    let id = world.held(17).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    world.agent.call("pay", json!({"to": "Ada", "cents": 17})).await;
    let answered = format!("SELECT answered_at IS NOT NULL FROM approvals WHERE id = '{id}'");
    eventually("the answer counts as written", || async {
        sqlx::query_scalar::<_, bool>(sqlx::AssertSqlSafe(answered.clone()))
            .fetch_one(&mut world.sql().await)
            .await
            .expect("a row")
    })
    .await;
    // An hour later, and not delivered: the stored result, still. In one statement, for the sweeper erases
    // what was delivered an hour ago.
    let lost =
        format!("UPDATE approvals SET finished_at = now() - interval '1 hour', answered_at = NULL WHERE id = '{id}'");
    world.sql().await.execute(sqlx::AssertSqlSafe(lost)).await.expect("an owner may");
    let replayed = world.agent.call("pay", json!({"to": "Ada", "cents": 17})).await;
    assert_eq!(replayed["_meta"]["dev.permesso/approval"]["replayed"], true, "{replayed}");
    // That answer was delivered at last, and the hour has passed.
    eventually("the replay counts as written", || async {
        sqlx::query_scalar::<_, bool>(sqlx::AssertSqlSafe(answered.clone()))
            .fetch_one(&mut world.sql().await)
            .await
            .expect("a row")
    })
    .await;
    assert_ne!(world.held(17).await, id);
}
