//! A call that needs no approval is answered at once, and one that is refused says why.

use serde_json::json;

use super::{EXACT, approvals, call, call_raw, is, problem, refused, text};
use crate::support::{Behaviour, Client, World, world::OWNER};

#[tokio::test]
async fn an_allowed_call_runs_at_once_and_every_byte_stays_as_it_is() {
    let world = World::new().await;
    world.upstream.behave(Behaviour::Result(EXACT.to_owned()));
    let arguments = r#"{ "cents" : 1.0e2, "big":9007199254740993, "tiny":-0.0,
        "to":"\u0041da\/", "none":null }"#;
    let answer = call_raw(&world.agent, &format!(r#"{{"arguments":{arguments},"tool":"balance"}}"#)).await;
    let called = answer.clone().expect(200);
    is(&called, "executed", true);
    assert_eq!(text(&called), "done");
    assert!(answer.text.contains(EXACT), "{}", answer.text);
    for absent in ["approval_id", "error", "replayed", "expires_at"] {
        assert!(called[absent].is_null(), "{absent}: {called}");
    }
    assert_eq!(world.upstream.calls(), 1);
    assert!(world.upstream.bodies()[0].contains(arguments), "{:?}", world.upstream.bodies());

    // Without arguments there are none, and each request is a call of its own.
    for (calls, body) in [(2, r#"{"tool":"balance"}"#), (3, r#"{"tool":"balance","arguments":{}}"#)] {
        is(&call_raw(&world.agent, body).await.expect(200), "executed", true);
        assert_eq!(world.upstream.calls(), calls);
        assert!(world.upstream.bodies()[calls - 1].contains(r#""arguments":{}"#), "{:?}", world.upstream.bodies());
    }
    assert!(approvals(&world, "").await.is_empty());
}

#[tokio::test]
async fn what_the_tool_or_the_upstream_says_went_wrong_is_an_answer() {
    let world = World::new().await;
    let fails = r#"{"content":[{"type":"text","text":"no funds"}],"isError":true,"x":1.50}"#;
    world.upstream.behave(Behaviour::Result(fails.to_owned()));
    let answer = call(&world.agent, "balance", json!({})).await;
    is(&answer.clone().expect(200), "executed", true);
    assert!(answer.text.contains(fails), "{}", answer.text);

    let error = r#"{"code":-32000,"message":"no such account","data":{"x":1.50}}"#;
    world.upstream.behave(Behaviour::Error(error.to_owned()));
    let answer = call(&world.agent, "balance", json!({})).await;
    let called = answer.clone().expect(200);
    is(&called, "executed", true);
    assert!(called["result"].is_null(), "{called}");
    assert!(answer.text.contains(error), "{}", answer.text);
}

#[tokio::test]
async fn a_call_of_which_no_answer_came_may_have_run() {
    let world = World::new().await;
    for way in [Behaviour::Garbage, Behaviour::Status(502)] {
        world.upstream.behave(way.clone());
        let called = call(&world.agent, "balance", json!({})).await.expect(200);
        is(&called, "outcome_unknown", false);
        assert!(called["message"].as_str().is_some_and(|words| words.contains("may have run")), "{way:?}: {called}");
        assert!(called["result"].is_null() && called["error"].is_null(), "{called}");
        assert_eq!(called["next_action"], "stop_and_tell_user");
    }
    assert_eq!(world.upstream.calls(), 2, "neither was sent again");
}

#[tokio::test]
async fn a_blocked_tool_is_refused_with_its_rule() {
    let world = World::new().await;
    let blocked = refused(&call(&world.agent, "close", json!({})).await, 403, "blocked");
    assert!(blocked["rule"].as_str().is_some_and(|rule| rule.contains("toolkit default: blocked")), "{blocked}");
    assert_eq!(blocked["next_action"], "stop_and_tell_user", "{blocked}");
    // For one role only.
    let path = "/orgs/acme/toolkits/bank/tools/balance/policies/agent";
    world.admin.put(path, json!({"permission": "blocked"})).await.expect(200);
    let blocked = refused(&call(&world.agent, "balance", json!({})).await, 403, "blocked");
    assert!(blocked["rule"].as_str().is_some_and(|rule| rule.contains("agent")), "{blocked}");
    is(&call(&world.owner, "balance", json!({})).await.expect(200), "executed", true);
    // A connection that is switched off runs nothing.
    world.admin.patch("/orgs/acme/connections/bank", json!({"enabled": false})).await.expect(200);
    let answer = call(&world.owner, "balance", json!({})).await;
    assert!(answer.status.is_client_error() || answer.status == 503, "{}", answer.text);
    assert_eq!(answer.json()["executed"], false, "{}", answer.text);
    assert_eq!(world.upstream.calls(), 1);
    assert!(approvals(&world, "").await.is_empty());
}

#[tokio::test]
async fn people_call_with_a_login_token_or_in_the_console_and_by_their_right() {
    let world = World::new().await;
    let browser = Client::browser_of(&world.gateway.url, OWNER).await;
    for (calls, person) in [(1, &world.owner), (2, &browser)] {
        is(&call(person, "balance", json!({})).await.expect(200), "executed", true);
        assert_eq!(world.upstream.calls(), calls);
    }
    problem(&call(&world.approver, "balance", json!({})).await, 403, "forbidden");
    problem(&call(&world.anonymous, "balance", json!({})).await, 401, "unauthorized");
    let cross_site = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    let body = json!({"tool": "balance"}).to_string();
    let path = "/api/v1/orgs/acme/toolkits/bank/call";
    let forged = browser.send(reqwest::Method::POST, path, Some(body), &cross_site).await;
    problem(&forged, 403, "cross_site_request");
    assert_eq!(world.upstream.calls(), 2);
}
