//! A database that an earlier version filled with what it could not bear: the gateway starts on it and works.

use serde_json::{Value, json};

use crate::support::{Client, Gateway, World, client::text};

fn chain(length: usize) -> Value {
    let parts: serde_json::Map<String, Value> = (0..length)
        .map(|n| (format!("d{n}"), json!({"$ref": format!("#/$defs/d{}", n + 1)})))
        .chain([(format!("d{length}"), json!({"type": "string"}))])
        .collect();
    json!({"type": "object", "properties": {"to": {"$ref": "#/$defs/d0"}}, "$defs": parts})
}

fn doubled(depth: usize) -> Value {
    let parts: serde_json::Map<String, Value> = (0..depth)
        .map(|n| {
            let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
            (format!("d{n}"), json!({"allOf": [next, next]}))
        })
        .chain([(format!("d{depth}"), json!({"type": "string"}))])
        .collect();
    json!({"type": "object", "properties": {"to": {"$ref": "#/$defs/d0"}}, "$defs": parts})
}

#[tokio::test]
async fn a_stored_definition_that_ended_an_earlier_version_ends_this_one_neither_at_start_nor_at_a_call() {
    let world = World::new().await;
    let patterns: serde_json::Map<String, Value> =
        (0..2_000).map(|n| (format!("p{n}"), json!({"pattern": format!("\\p{{L}}{{20}}{n}")}))).collect();
    let schemas = [chain(24_000), doubled(60), json!({"type": "object", "properties": patterns})];
    for (n, schema) in schemas.iter().enumerate() {
        let definition = json!({"name": "pay", "inputSchema": schema}).to_string();
        let raw: Box<serde_json::value::RawValue> = serde_json::from_str(&definition).expect("JSON");
        let sha256 = wire::definition::ToolDefinition::parse(&raw).expect("a definition").sha256;
        sqlx::query(
            "UPDATE tools SET seen_definition = $1, seen_sha256 = $2, reviewed_definition = $1, reviewed_sha256 = $2,
                    arguments_check = NULL WHERE name = 'pay'",
        )
        .bind(&definition)
        .bind(sha256.as_slice())
        .execute(&mut world.sql().await)
        .await
        .expect("it is stored");
        // What the upstream lists is the same, so that nothing is withdrawn before the call.
        world.upstream.offer(&format!(r#"[{{"name":"balance","description":"Reads.","inputSchema":{{"type":"object"}},"annotations":{{"readOnlyHint":true}}}},{definition}]"#));
        let replica = Gateway::start(&world.database).await;
        let agent = world.agent.at(&replica.url);
        let listed = agent.rpc("acme/bank", "tools/list", json!({})).await;
        assert!(listed["result"]["tools"].as_array().is_some_and(|tools| !tools.is_empty()), "{listed:.300}");
        let answer = agent.call("pay", json!({"to": "Ada", "n": n})).await;
        if definition.len() <= 256 * 1024 {
            let request = world.approver.get(&format!("/orgs/acme/approvals/{}", Client::approval_of(&answer))).await;
            assert_ne!(request.expect(200)["arguments_check"], "full");
        } else {
            // Even to pass it on would harm: the tool is not offered any more.
            assert!(text(&answer).contains("no longer offers"), "{answer}");
        }
        assert_eq!(text(&agent.call("balance", json!({})).await), "done");
        replica.stop().await;
    }
}
