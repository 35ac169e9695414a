//! An approval is taken back before it was used, and one whose decider may not decide any more does not run
//! (approvals.md, "States" and "What an approval is bound to").

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use crate::support::{
    Behaviour, Client, World,
    client::{Answer, text},
    eventually,
    process::permesso,
    world::APPROVER,
};

const WHY: &str = "The invoice is a forgery:\n  \"do not pay\"";

async fn revoke(person: &Client, id: &str, reason: &str) -> Answer {
    person.post(&format!("/orgs/acme/approvals/{id}/revoke"), json!({"reason": reason})).await
}

async fn approved(world: &World, cents: u64) -> String {
    let id = world.held(cents).await;
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    id
}

fn about(result: &Value) -> &Value {
    &result["_meta"]["dev.permesso/approval"]
}

#[tokio::test]
async fn what_was_approved_is_taken_back_and_the_agent_reads_why_word_for_word() {
    let world = World::new().await;
    let id = approved(&world, 7).await;
    let taken = revoke(&world.admin, &id, WHY).await.expect(200);
    assert_eq!((&taken["status"], &taken["taken_back_reason"]), (&json!("withdrawn"), &json!(WHY)), "{taken}");
    assert_eq!(taken["taken_back_by_email"], "admin@example.com");
    assert_eq!(taken["decided_by_email"], APPROVER.0, "who approved it stays known");
    revoke(&world.admin, &id, "again").await.expect(200);

    let status = world.agent.call("approval_status", json!({"approval_id": id})).await;
    assert_eq!(status["structuredContent"]["status"], "withdrawn", "{status}");
    assert_eq!(status["structuredContent"]["reason"], WHY);
    for (tool, arguments) in [("pay", json!({"to": "Ada", "cents": 7})), ("run_approved", json!({"approval_id": id}))] {
        let told = world.agent.call(tool, arguments).await;
        assert_eq!(told["isError"], true, "{told}");
        assert!(text(&told).contains(WHY), "{told}");
        assert_eq!(
            (&about(&told)["status"], &about(&told)["executed"]),
            (&json!("withdrawn"), &json!(false)),
            "{told}"
        );
        assert_eq!(about(&told)["next_action"], "revise_and_resubmit");
    }
    assert_eq!(world.upstream.calls(), 0);

    let shown = world.admin.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    let last = shown["history"].as_array().and_then(|history| history.last()).cloned().unwrap_or_default();
    assert_eq!((&last["from"], &last["to"], &last["note"]), (&json!("approved"), &json!("withdrawn"), &json!(WHY)));
    let records = world.admin.get("/orgs/acme/audit?action=revoke_approval").await.expect(200);
    assert_eq!(records["items"].as_array().map(Vec::len), Some(1), "{records}");
    // After ten minutes it may be asked again, and who asks for the old one is told of the new one.
    let sql = format!("UPDATE approvals SET finished_at = now() - interval '11 minutes' WHERE id = '{id}'");
    world.sql().await.execute(AssertSqlSafe(sql)).await.unwrap();
    let newer = world.held(7).await;
    assert_ne!(newer, id);
    let told = world.agent.call("run_approved", json!({"approval_id": id})).await;
    assert_eq!(about(&told)["new_approval_id"], newer.as_str(), "{told}");
}

#[tokio::test]
async fn only_who_may_decide_takes_back_what_is_approved_and_not_used() {
    let world = World::new().await;
    let pending = world.held(1).await;
    assert_eq!(revoke(&world.approver, &pending, "no").await.code(), "not_open");
    let id = approved(&world, 2).await;
    for (who, status, code) in [
        (&world.owner, 403, "own_request"),
        (&world.agent, 403, "person_required"),
        (&world.other_org, 404, "not_found"),
        (&world.anonymous, 401, "unauthorized"),
    ] {
        let refused = revoke(who, &id, "no").await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (status, code), "{}", refused.text);
    }
    for blank in ["", " \n\t", "\u{200b}\u{3164}"] {
        let refused = revoke(&world.approver, &id, blank).await;
        assert_eq!(refused.status.as_u16(), 422, "{}", refused.text);
        assert!(refused.text.contains("reason"), "{}", refused.text);
    }
    assert_eq!(text(&world.agent.call("run_approved", json!({"approval_id": id})).await), "done");
    assert_eq!(revoke(&world.approver, &id, "too late").await.code(), "executing");
}

#[tokio::test]
async fn nothing_recalls_what_was_claimed_first() {
    let world = World::new().await;
    let id = approved(&world, 3).await;
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"paid"}]}"#.into()));
    let agent = world.agent.clone();
    let call = tokio::spawn(async move { agent.call("pay", json!({"to": "Ada", "cents": 3})).await });
    eventually("it arrives", || async { world.upstream.calls() == 1 }).await;
    let refused = revoke(&world.approver, &id, WHY).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "executing"), "{}", refused.text);
    world.upstream.release();
    assert_eq!(text(&call.await.unwrap()), "paid");
    assert_eq!(world.admin.status(&id).await, "executed");
}

#[tokio::test]
async fn taking_back_and_running_at_once_do_one_of_the_two() {
    let world = World::new().await;
    for cents in 10..20 {
        let id = approved(&world, cents).await;
        let before = world.upstream.calls();
        let run = world.agent.call("run_approved", json!({"approval_id": id}));
        let (taken, ran) = tokio::join!(revoke(&world.approver, &id, WHY), run);
        if taken.status.is_success() {
            assert!(text(&ran).contains(WHY), "{ran}");
            assert_eq!(world.upstream.calls(), before);
        } else {
            assert_eq!((taken.code().as_str(), text(&ran).as_str()), ("executing", "done"), "{}", taken.text);
            assert_eq!(world.upstream.calls(), before + 1);
        }
    }
}

/// What takes the approver's right away.
const LOSSES: &[&str] = &["left", "another role", "not named", "right taken"];

async fn lose(world: &World, what: &str) {
    let members = world.admin.get("/orgs/acme/members").await.expect(200);
    let is_theirs = |member: &&Value| member["email"] == APPROVER.0;
    let member = members["items"].as_array().and_then(|items| items.iter().find(is_theirs)).cloned().unwrap();
    let path = format!("/orgs/acme/members/{}", member["id"].as_str().unwrap());
    match what {
        "left" => world.admin.delete(&path).await,
        "another role" => world.admin.patch(&path, json!({"role": "auditor"})).await,
        "not named" => {
            let policy = json!({"approval_policy": {"approver_roles": ["admin"]}});
            world.admin.patch("/orgs/acme/toolkits/bank", policy).await
        }
        _ => {
            let sql = "UPDATE roles SET rights = array_remove(rights, 'approvals:decide') WHERE name = 'approver'";
            world.sql().await.execute(sql).await.unwrap();
            world.gateway.services.directory.refresh().await.unwrap();
            return;
        }
    }
    .expect(if what == "left" { 204 } else { 200 });
}

#[tokio::test]
async fn an_approval_whose_decider_lost_the_right_does_not_run() {
    for what in LOSSES {
        let world = World::new().await;
        let (id, other) = (approved(&world, 1).await, world.held(2).await);
        world.admin.decide(&other, "approve", "fine").await.expect(200);
        lose(&world, what).await;
        let told = world.agent.call("run_approved", json!({"approval_id": id})).await;
        assert_eq!(told["isError"], true, "{what}: {told}");
        assert!(text(&told).contains("who approved it may not decide here any more"), "{what}: {told}");
        assert_eq!((&about(&told)["status"], world.upstream.calls()), (&json!("invalidated"), 0), "{what}: {told}");
        assert_eq!(world.admin.status(&id).await, "invalidated", "{what}");
        let runs = world.agent.call("run_approved", json!({"approval_id": other})).await;
        assert_eq!(text(&runs), "done", "{what}: what somebody else approved runs");
    }
}

#[tokio::test]
async fn the_claim_itself_looks_at_the_decider() {
    let world = World::new().await;
    let id = approved(&world, 1).await;
    // Who rotates the key has its secret: what they approved before has become their own request.
    let rotate = format!("/orgs/acme/api-keys/{}/rotate", world.agent_key_id);
    let sql =
        "UPDATE members SET role_id = (SELECT r.id FROM roles r WHERE r.org_id = members.org_id AND r.name = 'admin')
               WHERE user_id = (SELECT id FROM users WHERE email = 'approver@example.com')";
    world.sql().await.execute(sql).await.unwrap();
    world.gateway.services.directory.refresh().await.unwrap();
    let rotated = world.approver.post(&rotate, json!({"overlap_seconds": 0})).await.expect(200);
    let agent = Client::new(&world.gateway.url, rotated["key"].as_str());
    let told = agent.call("run_approved", json!({"approval_id": id})).await;
    assert!(text(&told).contains("who approved it may not decide here any more"), "{told}");
    assert_eq!((world.upstream.calls(), world.admin.status(&id).await.as_str()), (0, "invalidated"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_takes_back_and_gives_more_time() {
    let world = World::new().await;
    let (taken, waits) = (approved(&world, 1).await, world.held(2).await);
    let run = |args: &[&str]| {
        let output = permesso()
            .args(args)
            .env("PERMESSO_URL", &world.gateway.url)
            .env("PERMESSO_EMAIL", APPROVER.0)
            .env("PERMESSO_PASSWORD", APPROVER.1)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(run(&["approvals", "revoke", &taken, "--reason", WHY]).contains("is withdrawn"));
    assert!(run(&["approvals", "show", &taken]).contains("forgery"));
    assert!(run(&["approvals", "extend", &waits, "--seconds", "600"]).contains("waits until"));
    let told = world.agent.call("run_approved", json!({"approval_id": taken})).await;
    assert!(text(&told).contains(WHY), "{told}");
}
