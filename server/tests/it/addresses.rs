//! Secrets in an upstream's address, arguments and environment: who is shown them, and where they go.

use std::time::Duration;

use serde_json::json;

use crate::support::{Client, World};

const SECRET: &str = "550e8400-e29b-41d4-a716-446655440000";
const PATH: &str = "/orgs/acme/connections/hosted";

async fn with_hosted(world: &World) -> String {
    let url = format!("{}/{SECRET}/mcp", world.upstream.url.trim_end_matches("/mcp"));
    let config = json!({"url": url, "headers": {"x-key": "HIDDEN"}});
    let body = json!({"slug": "hosted", "kind": "streamable_http", "config": config});
    let made = world.owner.post("/orgs/acme/connections", body).await.expect(201);
    assert_eq!(made["config"]["url"], url.as_str(), "who may change it sees what they made");
    url
}

#[tokio::test]
async fn a_path_that_looks_like_a_secret_is_shown_to_people_who_may_change_it_alone() {
    let world = World::new().await;
    let url = with_hosted(&world).await;
    let masked = url.replace(SECRET, "********");
    let key = async |role: &str| {
        let made = world.owner.post("/orgs/acme/api-keys", json!({"name": role, "role": role})).await.expect(201);
        Client::new(&world.gateway.url, made["key"].as_str())
    };
    let password = "auditor horse battery";
    let member = json!({"email": "auditor@example.com", "role": "auditor", "password": password});
    world.admin.post("/orgs/acme/members", member).await.expect(201);
    let auditor = Client::sign_in(&world.gateway.url, "auditor@example.com", password).await;
    assert_eq!(world.owner.get(PATH).await.expect(200)["config"]["url"], url.as_str());
    for (who, client) in [("a reader", auditor), ("a key", key("admin").await), ("a reading key", key("auditor").await)]
    {
        let seen = client.get(PATH).await.expect(200);
        assert_eq!(seen["config"]["url"], masked.as_str(), "{who}");
        let listed = client.get("/orgs/acme/connections").await;
        assert!(listed.text.contains(&masked) && !listed.text.contains(SECRET), "{who}: {}", listed.text);
    }
    // Neither is it in what is kept of the change, or told of a failure.
    world.owner.post(&format!("{PATH}/refresh"), json!({})).await;
    let failed = world.owner.get(PATH).await.expect(200);
    let logs = world.owner.get(&format!("{PATH}/logs")).await.text;
    assert!(!format!("{}{logs}", failed["last_error"]).contains(SECRET), "{failed} {logs}");
    let audit = "SELECT string_agg(concat(i.request, o.response), ' ') FROM audit_intents i
                 LEFT JOIN audit_outcomes o ON o.intent_id = i.id";
    let audit: String = sqlx::query_scalar(audit).fetch_one(&mut world.sql().await).await.expect("records");
    assert!(audit.contains("hosted") && !audit.contains(SECRET), "{audit}");
}

#[tokio::test]
async fn what_is_masked_stays_at_its_address_and_goes_to_no_other_path() {
    let world = World::new().await;
    let url = with_hosted(&world).await;
    let masked = url.replace(SECRET, "********");
    let patch = async |url: &str| {
        let config = json!({"url": url, "headers": {"x-key": "********"}});
        world.owner.patch(PATH, json!({"config": config})).await
    };
    for same in [&url, &masked] {
        let kept = patch(same).await.expect(200);
        assert_eq!((&kept["config"]["url"], &kept["version"]), (&json!(url), &json!(1)));
    }
    let base = world.upstream.url.trim_end_matches("/mcp");
    for (elsewhere, field) in [
        (format!("{base}/mine"), "config.headers.x-key"),
        (format!("http://127.0.0.1:9/{SECRET}/mcp"), "config.headers.x-key"),
        (masked.replace("/mcp", "/logs"), "config.url"),
        ("http://127.0.0.1:9/********/mcp".to_owned(), "config.url"),
    ] {
        let refused = patch(&elsewhere).await.expect(422);
        assert_eq!(refused["errors"][0]["field"], field, "{elsewhere}: {refused}");
    }
}

/// A shell that says what it was given, as many a program does, and is no MCP server.
const TALKER: &str = r#"echo "env $TOKEN, args $0 $1 $2" >&2; echo "not MCP: $TOKEN""#;

#[tokio::test]
async fn a_reader_finds_no_secret_of_a_program_in_its_arguments_its_log_or_the_record() {
    let world = World::new().await;
    let args = ["-c", TALKER, "postgresql://app:hunter2@db.internal/prod", "-p", "monkey1"];
    let config = json!({"command": "/bin/sh", "args": args, "env": {"TOKEN": "zxcv-value"}});
    let path = "/orgs/acme/connections/talker";
    let body = json!({"slug": "talker", "kind": "stdio", "config": config});
    world.admin.post("/orgs/acme/connections", body).await.expect(201);
    let made = world.owner.post("/orgs/acme/api-keys", json!({"name": "reader", "role": "auditor"})).await.expect(201);
    let reader = Client::new(&world.gateway.url, made["key"].as_str());
    world.admin.post(&format!("{path}/refresh"), json!({})).await.expect(409);
    // What a program wrote last may still be in its pipe when it has ended.
    let said = async {
        loop {
            let logs = reader.get(&format!("{path}/logs")).await.text;
            assert!(!["hunter2", "monkey1", "zxcv"].iter().any(|secret| logs.contains(secret)), "{logs}");
            let lines = ["env [redacted], args [redacted] -p [redacted]", "stdout: not MCP: [redacted]"];
            if lines.iter().all(|line| logs.contains(line)) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), said).await.expect("the log has both lines, redacted");
    let seen = reader.get(path).await;
    let audit = "SELECT string_agg(concat(i.request, o.response), ' ') FROM audit_intents i
                 LEFT JOIN audit_outcomes o ON o.intent_id = i.id";
    let audit: String = sqlx::query_scalar(audit).fetch_one(&mut world.sql().await).await.expect("records");
    for secret in ["hunter2", "monkey1", "zxcv"] {
        assert!(!seen.text.contains(secret) && !audit.contains(secret), "{} {audit}", seen.text);
    }
    assert!(audit.contains("talker"), "{audit}");
}

/// Says whether its first argument is its variable's value and its second one is as it was written.
const COMPARES: &str = r#"test "$1" = "$API_KEY" && test "$2" = "{OTHER}" && echo "both fit" >&2"#;

#[tokio::test]
async fn a_secret_argument_comes_back_to_nobody_and_one_that_refers_to_a_variable_has_its_value() {
    let world = World::new().await;
    let secret =
        ["--api-key=hunter2", "--access-token", "monkey1", "pg://app:dragon1@db/x", "--dsn=root:tiger1@tcp(db)/x"];
    let args = [&["-c", COMPARES, "sh", "{API_KEY}", "{OTHER}"], &secret[..]].concat();
    let config = json!({"command": "/bin/sh", "args": args, "env": {"API_KEY": "zxcv-value"}});
    let path = "/orgs/acme/connections/compares";
    let body = json!({"slug": "compares", "kind": "stdio", "config": config});
    let made = world.admin.post("/orgs/acme/connections", body).await.expect(201);
    let shown =
        ["--api-key=********", "--access-token", "********", "pg://app:********@db/x", "--dsn=root:********@tcp(db)/x"];
    assert_eq!(made["config"]["args"], json!([&args[..5], &shown[..]].concat()));
    let seen = world.admin.get(path).await.expect(200);
    assert_eq!(seen["config"], made["config"]);

    let again = world.admin.patch(path, json!({"config": seen["config"]})).await.expect(200);
    assert_eq!((&again["version"], &again["config"]), (&json!(1), &made["config"]), "sent back, it is the same");
    let mut elsewhere = seen["config"].clone();
    elsewhere["command"] = json!("/bin/echo");
    let refused = world.admin.patch(path, json!({"config": elsewhere})).await.expect(422);
    assert_eq!(refused["errors"][0]["field"], "config.env.API_KEY");

    world.admin.post(&format!("{path}/refresh"), json!({})).await.expect(409);
    let said = async {
        while !world.admin.get(&format!("{path}/logs")).await.text.contains("both fit") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), said).await.expect("the program got what it was to get");
    let audit = "SELECT string_agg(concat(i.request, o.response), ' ') FROM audit_intents i
                 LEFT JOIN audit_outcomes o ON o.intent_id = i.id";
    let audit: String = sqlx::query_scalar(audit).fetch_one(&mut world.sql().await).await.expect("records");
    for secret in ["hunter2", "monkey1", "dragon1", "tiger1", "zxcv-value"] {
        assert!(!audit.contains(secret) && !seen.to_string().contains(secret), "{secret}: {seen} {audit}");
    }
}
