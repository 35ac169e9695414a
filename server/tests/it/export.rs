//! The audit as a file: the same records as the list, whole or visibly broken, itself on record.

use std::collections::HashSet;

use serde_json::{Value, json};
use sqlx::Executor;

use crate::support::{Behaviour, Client, World};

/// Whether a record is one that a filter should find.
type Expected = Box<dyn Fn(&Value) -> bool>;

async fn export(client: &Client, query: &str) -> crate::support::client::Answer {
    let answer = client.get(&format!("/orgs/acme/audit/export?{query}")).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
    answer
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test]
async fn every_record_is_exported_once_newest_first_over_many_batches() {
    let world = World::new().await;
    for n in 0..45 {
        world.agent.call("balance", json!({"n": n})).await;
    }
    let answer = export(&world.admin, "format=jsonl&tool=balance").await;
    let disposition = answer.headers["content-disposition"].to_str().expect("text").to_owned();
    assert!(disposition.starts_with("attachment; filename=\"permesso-acme-audit-"), "{disposition}");
    assert!(disposition.ends_with(".jsonl\""), "{disposition}");
    let exported = lines(&answer.text);
    let numbers: Vec<_> = exported.iter().map(|record| record["request"].as_str().unwrap_or("").to_owned()).collect();
    let expected: Vec<_> = (0..45)
        .rev()
        .map(|n| json!({"name": "balance", "arguments": {"n": n}}))
        .map(|params| params.to_string())
        .collect();
    let parse = |all: &[String]| {
        all.iter().map(|text| serde_json::from_str(text).unwrap_or(Value::Null)).collect::<Vec<Value>>()
    };
    assert_eq!(parse(&numbers), parse(&expected));
    let listed = world.admin.get("/orgs/acme/audit?tool=balance&limit=200").await.expect(200);
    let ids = |records: &[Value]| records.iter().map(|record| record["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&exported), ids(listed["items"].as_array().expect("items")));
    assert_eq!(lines(&export(&world.admin, "format=jsonl&tool=none").await.text), Vec::<Value>::new());
}

#[tokio::test]
async fn the_export_itself_is_on_record_with_what_was_asked_for() {
    let world = World::new().await;
    let answer = export(&world.approver, "format=csv&action=tools%2Fcall&status=ok").await;
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8; header=present");
    let list = world.admin.get("/orgs/acme/audit?action=export_audit").await.expect(200);
    let id = list["items"][0]["id"].as_str().unwrap_or_default();
    let record = world.admin.get(&format!("/orgs/acme/audit/{id}")).await.expect(200);
    let request: Value = serde_json::from_str(record["request"].as_str().unwrap_or("")).expect("JSON");
    assert_eq!(request, json!({"format": "csv", "filters": {"action": "tools/call", "status": "ok"}, "bodies": false}));
    assert_eq!(record["actor_name"], "approver@example.com");
}

#[tokio::test]
async fn bodies_leave_only_with_their_own_right() {
    let world = World::new().await;
    world.agent.call("balance", json!({"needle": "haystack"})).await;
    for (client, sees) in [(&world.admin, true), (&world.approver, false)] {
        for format in ["jsonl", "csv"] {
            let answer = export(client, &format!("format={format}&tool=balance")).await;
            let (name, text) = (answer.headers["content-disposition"].to_str().expect("text"), &answer.text);
            assert_eq!(text.contains("haystack"), sees, "{text}");
            assert_eq!(text.contains("done"), sees, "{text}");
            assert_eq!(name.contains("-without-bodies."), !sees, "the file's name says so: {name}");
        }
        let jsonl = export(client, "format=jsonl&tool=balance").await.text;
        assert_eq!(lines(&jsonl)[0]["bodies_left_out"], !sees, "and so does each record");
        let csv = export(client, "format=csv&tool=balance").await.text;
        let cell = |name: &str| {
            let mut reader = csv::Reader::from_reader(csv.trim_start_matches('\u{feff}').as_bytes());
            let at = reader.headers().expect("names").iter().position(|column| column == name).expect("a column");
            reader.records().next().expect("a record").expect("CSV")[at].to_owned()
        };
        assert_eq!(cell("bodies_left_out"), (!sees).to_string());
        assert!(csv.starts_with("\u{feff}\"id\","), "spreadsheets know by it that the text is UTF-8: {csv}");
        let found = export(client, "format=jsonl&q=haystack").await.text;
        assert_eq!(!found.is_empty(), sees, "nor by searching: {found}");
    }
}

#[tokio::test]
async fn a_spreadsheet_runs_nothing_of_it() {
    let world = World::new().await;
    world.agent.call("=HYPERLINK(\"http://x\",\"y\")", json!({})).await;
    let answer = export(&world.admin, "format=csv&status=refused").await;
    let mut reader = csv::Reader::from_reader(answer.text.trim_start_matches('\u{feff}').as_bytes());
    let tool = reader.headers().expect("names").iter().position(|name| name == "tool").expect("a column");
    let record = reader.records().next().expect("a record").expect("CSV");
    assert_eq!(&record[tool], "'=HYPERLINK(\"http://x\",\"y\")");
    for record in csv::Reader::from_reader(answer.text.trim_start_matches('\u{feff}').as_bytes()).records() {
        let record = record.expect("CSV");
        assert!(record.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{record:?}");
    }
}

#[tokio::test]
async fn an_unknown_format_is_refused_and_nothing_recorded() {
    let world = World::new().await;
    for query in ["", "format=xml", "format="] {
        let answer = world.admin.get(&format!("/orgs/acme/audit/export?{query}")).await;
        assert_eq!(answer.status.as_u16(), 422, "{}", answer.text);
        assert_eq!(answer.json()["errors"][0]["field"], "format");
    }
    let list = world.admin.get("/orgs/acme/audit?action=export_audit").await.expect(200);
    assert_eq!(list["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_cannot_be_finished_does_not_look_complete() {
    let world = World::new().await;
    let long = "x".repeat(400_000);
    world.upstream.behave(Behaviour::Result(json!({"content": [{"type": "text", "text": long}]}).to_string()));
    for _ in 0..100 {
        world.agent.call("balance", json!({})).await;
    }
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("{}/api/v1/orgs/acme/audit/export?format=jsonl&tool=balance", world.gateway.url);
    let request = http.get(url).bearer_auth(world.admin.token.as_deref().unwrap_or_default());
    let mut response = request.send().await.expect("it begins");
    assert_eq!(response.status().as_u16(), 200);
    response.chunk().await.expect("the first bytes");
    world.sql().await.execute("ALTER TABLE audit_intents RENAME TO gone").await.expect("the table is gone");
    let mut bytes = 0;
    let end = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes += chunk.len(),
            other => break other,
        }
    };
    assert!(end.is_err(), "it ended as if complete after {bytes} bytes");
}

#[tokio::test]
async fn filters_hold_together_and_with_the_cursor() {
    let world = World::new().await;
    for n in 0..6 {
        world.agent.call("balance", json!({"n": n})).await;
    }
    let id = world.held(5).await;
    world.agent.call("close", json!({})).await;
    let all = world.admin.get("/orgs/acme/audit?limit=200").await.expect(200);
    let all = all["items"].as_array().expect("items").clone();
    let at = |record: &Value| record["at"].as_str().unwrap_or("").replace('+', "%2B");
    let (oldest, newest) = {
        let calls: Vec<_> = all.iter().filter(|record| record["tool"] == "balance").collect();
        (at(calls[5]), at(calls[0]))
    };
    let key = &world.agent_key_id;
    let cases: Vec<(String, Expected)> = vec![
        ("actor=robot".into(), Box::new(|r| r["actor_name"] == "robot")),
        (format!("actor={key}"), Box::new(|r| r["actor_name"] == "robot")),
        ("action=tools%2Fcall".into(), Box::new(|r| r["action"] == "tools/call")),
        ("action=create_role".into(), Box::new(|r| r["action"] == "create_role")),
        ("toolkit=bank".into(), Box::new(|r| r["toolkit"] == "bank")),
        ("tool=balance".into(), Box::new(|r| r["tool"] == "balance")),
        ("status=held".into(), Box::new(|r| r["status"] == "held")),
        ("status=refused&tool=close".into(), Box::new(|r| r["status"] == "refused" && r["tool"] == "close")),
        (
            format!("approval={id}"),
            Box::new({
                let id = id.clone();
                move |r| r["approval_id"] == id.as_str()
            }),
        ),
        ("q=clos&status=refused".into(), Box::new(|r| r["tool"] == "close")),
        (
            format!("from={oldest}&to={newest}&tool=balance"),
            Box::new({
                let (oldest, newest) = (oldest.clone(), newest.clone());
                move |r| r["tool"] == "balance" && r["at"].as_str().is_some_and(|at| *at >= *oldest && *at < *newest)
            }),
        ),
    ];
    for (query, expected) in cases {
        let expected: Vec<_> = all.iter().filter(|record| expected(record)).map(|r| r["id"].clone()).collect();
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = world.admin.get(&format!("/orgs/acme/audit?{query}&limit=2{cursor}")).await.expect(200);
            found.extend(page["items"].as_array().expect("items").iter().map(|record| record["id"].clone()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, expected, "{query}");
        assert_eq!(found.iter().collect::<HashSet<_>>().len(), found.len(), "{query}");
        let may_be_empty = query.contains("create_role");
        assert!(may_be_empty || !found.is_empty(), "{query} finds something");
    }
}
