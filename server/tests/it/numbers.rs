//! Numbers that no reader of JSON need know: they are refused by name, wherever a caller may send one.

use reqwest::Method;
use serde_json::json;

use crate::support::{World, client::text};

#[tokio::test]
async fn a_number_out_of_range_is_refused_as_what_it_is_and_reaches_nobody() {
    let world = World::new().await;
    let long = "7".repeat(1_000_000);
    for (number, said) in [
        ("1e400", "the number 1e400 at \"/n/0\" is too large"),
        ("-1e400", "the number -1e400 at \"/n/0\" is too large"),
        ("1e-400", "the number 1e-400 at \"/n/0\" is too close to zero"),
        ("1e999999999", "is too large"),
        (&long, "is too long: it has 1000000 characters"),
    ] {
        for tool in ["balance", "pay", "approval_status"] {
            let arguments = format!(r#"{{"to":"Ada","cents":1,"n":[{number}]}}"#);
            let result = world.agent.call_raw(tool, &arguments).await;
            let text = text(&result);
            assert!(text.starts_with("the arguments were refused: ") && text.contains(said), "{tool}: {text}");
            assert!(text.len() < 300, "{}", text.len());
            assert_eq!(result["isError"], true);
        }
    }
    assert_eq!(world.upstream.calls(), 0);
    let waiting = world.approver.get("/orgs/acme/approvals?status=pending").await.expect(200);
    assert_eq!(waiting["items"], json!([]));
}

#[tokio::test]
async fn a_number_of_more_digits_than_a_double_keeps_goes_through_as_it_is() {
    let world = World::new().await;
    let arguments = r#"{"n":9007199254740993.10}"#;
    assert_eq!(text(&world.agent.call_raw("balance", arguments).await), "done");
    assert!(world.upstream.bodies()[0].contains(arguments));
}

#[tokio::test]
async fn a_body_of_the_rest_api_with_such_a_number_is_refused_by_its_name() {
    let world = World::new().await;
    let body = r#"{"slug":"x","transport":"http","config":{"timeout":-1e400}}"#;
    let answer = world.admin.send(Method::POST, "/api/v1/orgs/acme/connections", Some(body.to_owned()), &[]).await;
    assert_eq!(answer.status.as_u16(), 422, "{}", answer.text);
    assert!(answer.text.contains("the number -1e400 at \\\"/config/timeout\\\" is too large"), "{}", answer.text);
}
