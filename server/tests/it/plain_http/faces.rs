//! The identical call over MCP and over REST is one approval with two faces.

use serde_json::json;

use super::{EXACT, approvals, call, call_raw, held, id_of, is, look, payment, problem, run, text};
use crate::support::{Behaviour, Client, World, client};

#[tokio::test]
async fn a_held_call_runs_once_after_a_person_decided() {
    let world = World::new().await;
    world.upstream.behave(Behaviour::Result(EXACT.to_owned()));
    let waits = call(&world.agent, "pay", payment(1250)).await.expect(202);
    is(&waits, "pending", false);
    let id = id_of(&waits);
    assert!(
        waits["console_url"].as_str().is_some_and(|url| url.ends_with(&format!("/acme/approvals/{id}"))),
        "{waits}"
    );
    assert!(
        waits["expires_at"].is_string() && waits["next_action"].is_string() && waits["rule"].is_string(),
        "{waits}"
    );
    assert!(waits["result"].is_null() && waits["replayed"].is_null(), "{waits}");
    // In another order and another spelling it is the same.
    let same = r#"{"tool":"pay","arguments":{"cents":1.25e3,"to":"\u0041da"}}"#;
    assert_eq!(id_of(&call_raw(&world.agent, same).await.expect(202)), id);
    is(&look(&world.agent, &id, 0).await.expect(202), "pending", false);
    assert_ne!(held(&world, 1251).await, id, "another amount is another call");
    assert_eq!(world.upstream.calls(), 0, "nothing runs before a decision");

    world.approver.decide(&id, "approve", "fine").await.expect(200);
    is(&look(&world.agent, &id, 0).await.expect(202), "approved", false);
    assert_eq!(world.upstream.calls(), 0, "who looks runs nothing");
    let answer = call(&world.agent, "pay", payment(1250)).await;
    let ran = answer.clone().expect(200);
    is(&ran, "executed", true);
    assert_eq!((id_of(&ran), &ran["replayed"]), (id.clone(), &json!(null)), "{ran}");
    assert!(answer.text.contains(EXACT), "{}", answer.text);

    for again in [
        call(&world.agent, "pay", payment(1250)).await,
        run(&world.agent, &id).await,
        call_raw(&world.agent, same).await,
    ] {
        let replayed = again.clone().expect(200);
        is(&replayed, "executed", true);
        assert_eq!((id_of(&replayed), &replayed["replayed"]), (id.clone(), &json!(true)), "{replayed}");
        assert!(again.text.contains(EXACT), "as the upstream wrote it: {}", again.text);
    }
    let shown = look(&world.agent, &id, 0).await;
    is(&shown.clone().expect(200), "executed", true);
    assert!(shown.text.contains(EXACT), "{}", shown.text);
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn what_is_held_over_mcp_is_joined_and_run_over_rest_in_its_first_spelling() {
    let world = World::new().await;
    let first = r#"{ "to" : "\u0041da", "cents" : 1.25e3 }"#;
    let id = Client::approval_of(&world.agent.call_raw("pay", first).await);
    assert_eq!(held(&world, 1250).await, id);
    assert_eq!(approvals(&world, "").await.len(), 1);
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    let ran = call(&world.agent, "pay", payment(1250)).await.expect(200);
    is(&ran, "executed", true);
    assert!(world.upstream.bodies()[0].contains(first), "{:?}", world.upstream.bodies());
    let replayed = world.agent.call_raw("pay", first).await;
    assert_eq!(replayed["_meta"]["dev.permesso/approval"]["replayed"], true, "{replayed}");
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn what_is_held_over_rest_is_joined_and_run_over_mcp_in_its_first_spelling() {
    let world = World::new().await;
    let first = r#"{ "to" : "\u0041da", "cents" : 9007199254740993 }"#;
    let id = id_of(&call_raw(&world.agent, &format!(r#"{{"tool":"pay","arguments":{first}}}"#)).await.expect(202));
    let shown = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!(shown["arguments_json"], first, "the approver sees the exact bytes");
    let same = r#"{"cents":9007199254740993,"to":"Ada"}"#;
    assert_eq!(Client::approval_of(&world.agent.call_raw("pay", same).await), id);
    let other = r#"{"cents":9007199254740992,"to":"Ada"}"#;
    assert_ne!(Client::approval_of(&world.agent.call_raw("pay", other).await), id);
    let status = world.agent.call("approval_status", json!({"approval_id": id, "wait_seconds": 0})).await;
    assert_eq!(status["structuredContent"]["status"], "pending", "{status}");

    world.approver.decide(&id, "approve", "fine").await.expect(200);
    let ran = world.agent.call("run_approved", json!({"approval_id": id})).await;
    assert_eq!(client::text(&ran), "done", "{ran}");
    assert!(world.upstream.bodies()[0].contains(first), "{:?}", world.upstream.bodies());
    let shown = look(&world.agent, &id, 0).await.expect(200);
    is(&shown, "executed", true);
    assert_eq!(text(&shown), "done", "{shown}");
    assert_eq!(run(&world.agent, &id).await.expect(200)["replayed"], true);
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn a_key_and_a_person_ask_for_themselves() {
    let world = World::new().await;
    let id = held(&world, 5).await;
    let own = id_of(&call(&world.owner, "pay", payment(5)).await.expect(202));
    assert_ne!(own, id, "the key's owner is another caller");
    // To everybody else it does not exist, whatever else they may.
    let second = super::second_key(&world).await;
    for other in [&second, &world.owner, &world.admin, &world.other_agent, &world.other_org] {
        problem(&look(other, &id, 0).await, 404, "not_found");
        problem(&run(other, &id).await, 404, "not_found");
    }
    let nobodys = "00000000-0000-7000-8000-000000000000";
    problem(&look(&world.agent, nobodys, 0).await, 404, "not_found");
    problem(&run(&world.agent, nobodys).await, 404, "not_found");
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    problem(&run(&second, &id).await, 404, "not_found");
    problem(&run(&world.owner, &id).await, 404, "not_found");
    assert_eq!(world.upstream.calls(), 0);
    is(&run(&world.agent, &id).await.expect(200), "executed", true);
    is(&look(&world.owner, &own, 0).await.expect(202), "pending", false);
    assert_eq!(world.upstream.calls(), 1);
}
