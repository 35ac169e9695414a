//! What people see of a call that came over REST is what they see of any other.

use serde_json::{Value, json};
use sqlx::Executor;

use super::{approvals, call, id_of, is, keyed, payment, run, slow, spawn};
use crate::{
    events::Stream,
    support::{Behaviour, Client, World, eventually},
};

async fn shown(world: &World, id: &str) -> Value {
    world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200)
}

#[tokio::test]
async fn a_request_shows_how_its_call_ran_and_the_record_of_it() {
    let world = World::new().await;
    world
        .upstream
        .behave(Behaviour::Result(r#"{"content":[{"type":"text","text":"no funds"}],"isError":true}"#.into()));
    for cents in 1..=3 {
        let key = format!("k{cents}");
        let id = id_of(&keyed(&world.agent, "pay", payment(cents), &key).await.expect(202));
        world.approver.decide(&id, "approve", "fine").await.expect(200);
        let ran = match cents {
            1 => call(&world.agent, "pay", payment(cents)).await,
            2 => run(&world.agent, &id).await,
            _ => keyed(&world.agent, "pay", payment(cents), &key).await,
        };
        is(&ran.expect(200), "executed", true);
        // Who gets it again, or looks, leaves the record of the run the one that is shown.
        run(&world.agent, &id).await.expect(200);
        super::look(&world.agent, &id, 0).await.expect(200);
        let seen = shown(&world, &id).await;
        assert_eq!((&seen["status"], &seen["answer"]), (&json!("executed"), &json!("tool_error")), "{seen}");
        assert!(seen["result"]["response"].as_str().is_some_and(|text| text.contains("no funds")), "{seen}");
        let record = seen["result"]["record_id"].as_str().expect("a record");
        let record = world.admin.get(&format!("/orgs/acme/audit/{record}")).await.expect(200);
        let said = ["source", "status", "answer", "approval_id", "response"].map(|name| record[name].clone());
        assert_eq!(json!(said), json!(["rest", "error", "tool_error", id, seen["result"]["response"]]), "{record}");
    }
    // As an earlier version wrote them, which did not note the answer.
    world.sql().await.execute("UPDATE approvals SET answer = NULL").await.expect("an owner may");
    for approval in approvals(&world, "executed").await {
        assert_eq!(approval["answer"], "tool_error", "{approval}");
    }
}

#[tokio::test]
async fn a_request_is_found_by_its_arguments_and_shows_them_when_their_bytes_are_gone() {
    let world = World::new().await;
    let arguments = json!({"to": "Brightwater", "password": "hush"});
    let id = id_of(&call(&world.agent, "pay", arguments).await.expect(202));
    super::held(&world, 1).await;
    let found = world.approver.get("/orgs/acme/approvals?q=brightwater").await.expect(200);
    let ids: Vec<_> = found["items"].as_array().expect("items").iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [&json!(id)], "{found}");
    assert_eq!(found["items"][0]["summary"], r#"password "hush", to "Brightwater""#);
    world.sql().await.execute("DELETE FROM approval_bodies").await.expect("erased");
    let found = world.approver.get("/orgs/acme/approvals?q=brightwater").await.expect(200);
    assert_eq!(found["items"][0]["summary"], r#"password "[redacted]", to "Brightwater""#, "{found}");
    assert!(shown(&world, &id).await.to_string().contains("Brightwater"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_hears_of_it() {
    let world = World::new().await;
    let mut stream = Stream::open(&world.admin, "acme", None).await;
    call(&world.agent, "balance", json!({})).await.expect(200);
    let told = stream.finished("balance").await;
    let said = ["action", "toolkit", "status"].map(|name| told[name].clone());
    assert_eq!(json!(said), json!(["tools/call", "bank", "ok"]), "{told}");
    let id = super::held(&world, 1).await;
    let (_, opened, _) = stream.find(&["approval.opened"]).await;
    assert_eq!(opened["approval_id"], id.as_str(), "{opened}");
    call(&world.agent, "close", json!({})).await;
    assert_eq!(stream.finished("close").await["status"], "refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_is_not_deleted_under_a_running_call() {
    let world = World::new().await;
    slow(&world).await;
    world.upstream.behave(Behaviour::Hang(r#"{"content":[]}"#.to_owned()));
    let runs = [
        spawn(&world.agent, "balance", json!({}), json!({})),
        spawn(&world.agent, "balance", json!({}), json!({"idempotency_key": "k"})),
    ];
    eventually("both arrive", || async { world.upstream.calls() == 2 }).await;
    // Their records gather for some milliseconds.
    let on_record =
        || async { world.admin.get("/orgs/acme/audit?status=interrupted").await.expect(200)["items"].clone() };
    eventually("both are on record", || async { on_record().await.as_array().map(Vec::len) == Some(2) }).await;
    let delete = async || world.owner.delete("/orgs/acme?confirm=acme").await;
    assert_eq!(delete().await.code(), "executing");
    world.upstream.release();
    for run in runs {
        is(&run.await.expect("it ends").expect(200), "executed", true);
    }
    eventually("nothing runs any more", || async { delete().await.status == 204 }).await;
    assert!(call(&world.agent, "balance", json!({})).await.status.is_client_error());
    assert_eq!(world.upstream.calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_while_it_waits_hears_nothing_more() {
    let world = World::new().await;
    let mary = ("mary@example.com", "mary horse battery");
    let body = json!({"email": mary.0, "password": mary.1, "role": "member"});
    let member = world.admin.post("/orgs/acme/members", body).await.expect(201);
    let mary = Client::sign_in(&world.gateway.url, mary.0, mary.1).await;
    let waits = spawn(&mary, "pay", payment(1), json!({"wait_seconds": 120}));
    let id = super::asked(&world).await;
    let (looker, waited) = (mary.clone(), id.clone());
    let looks = tokio::spawn(async move { super::look(&looker, &waited, 120).await });
    let path = format!("/orgs/acme/members/{}", member["id"].as_str().expect("an id"));
    world.admin.delete(&path).await.expect(204);
    // It may have been invalidated with its caller.
    world.approver.decide(&id, "reject", "SECRET reason").await;
    for waiting in [waits, looks] {
        let answer = waiting.await.expect("it ends");
        assert!(matches!(answer.status.as_u16(), 401 | 404), "{}", answer.text);
        assert!(!answer.text.contains("SECRET"), "{}", answer.text);
    }
    assert_eq!(world.upstream.calls(), 0);
}
