//! Connections from another program's configuration; programs that are set up as such files have them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, World};

const IMPORT: &str = "/orgs/acme/connections/import";

fn slugs(imported: &Value) -> Vec<&str> {
    imported["created"].as_array().unwrap().iter().map(|made| made["slug"].as_str().unwrap()).collect()
}

fn reason<'a>(imported: &'a Value, name: &str) -> &'a str {
    let skipped = imported["skipped"].as_array().unwrap();
    let found = skipped.iter().find(|server| server["name"] == name).unwrap_or_else(|| panic!("{imported}"));
    found["reason"].as_str().unwrap()
}

async fn config(client: &Client, slug: &str) -> Value {
    client.get(&format!("/orgs/acme/connections/{slug}")).await.expect(200)["config"].clone()
}

#[tokio::test]
async fn a_block_of_servers_is_taken_as_it_is_and_a_bad_one_keeps_no_other_back() {
    let world = World::new().await;
    let block = json!({"globalShortcut": "Ctrl+Space", "mcpServers": {
        "Files (local)": {"type": "stdio", "command": "npx", "args": ["-y", "srv", 7], "env": {"PORT": 8080, "API_KEY": "SECRET-1"}},
        "Remote": {"type": "http", "url": "https://a.example/mcp?key=SECRET-2", "headers": {"Authorization": "Bearer SECRET-3"}, "timeout": 9, "alwaysAllow": ["x"]},
        "bank": {"command": "srv"},
        "remote": {"url": "https://b.example/mcp"},
        "old": {"type": "sse", "url": "https://a.example/sse"},
        "asks": {"command": "srv", "env": {"KEY": "${input:key}"}},
        "bad": {"url": "ftp://SECRET-4@a.example"},
        "odd": 7,
        "\u{1b}]0;x": {"command": "srv"},
    }});
    let imported = world.admin.post(IMPORT, block).await.expect(200);
    assert_eq!(slugs(&imported), ["0-x", "files-local", "remote"]);
    assert_eq!(imported["created"][1]["ignored"], json!([]));
    assert_eq!(imported["created"][2]["ignored"], json!(["alwaysAllow", "timeout"]));
    assert!(reason(&imported, "bank").contains("`bank` already"));
    assert!(reason(&imported, "remote").contains("`remote` already"), "two names, one slug");
    assert!(reason(&imported, "old").contains("streamable HTTP"));
    assert!(reason(&imported, "asks").contains("`${input:key}`"));
    assert!(reason(&imported, "bad").contains("`config.url`"));
    assert!(reason(&imported, "odd").contains("object"));
    assert!(!imported.to_string().contains("SECRET") && !imported.to_string().contains("\\u001b"), "{imported}");

    let files = config(&world.admin, "files-local").await;
    assert_eq!((&files["command"], &files["args"]), (&json!("npx"), &json!(["-y", "srv", "7"])));
    assert_eq!(files["env"], json!({"API_KEY": "********", "PORT": "********"}));
    let remote = config(&world.admin, "remote").await;
    assert_eq!(remote["headers"], json!({"authorization": "********"}));
    let records = world.admin.get("/orgs/acme/audit?limit=200").await.expect(200);
    assert!(records.to_string().contains("import_connections"), "{records}");
    let mut bodies = String::new();
    for record in records["items"].as_array().unwrap().iter().filter(|record| record["action"] == "import_connections")
    {
        bodies += &world.admin.get(&format!("/orgs/acme/audit/{}", record["id"].as_str().unwrap())).await.text;
    }
    assert!(bodies.contains("files-local") && !bodies.contains("SECRET"), "{bodies}");

    // As VS Code has it; programs are not for whoever administers no more than the org.
    let block = json!({"inputs": [], "servers": {"prog": {"command": "srv"}, "far": {"url": "https://c.example/mcp"}}});
    let imported = world.owner.post(IMPORT, block).await.expect(200);
    assert_eq!(slugs(&imported), ["far"]);
    assert!(reason(&imported, "prog").contains("administrator of the"));
    let again = world
        .owner
        .post(IMPORT, json!({"mcp": {"servers": {"far": {"url": "https://d.example/mcp"}}}}))
        .await
        .expect(200);
    assert!(slugs(&again).is_empty() && reason(&again, "far").contains("already"));
    assert_eq!(config(&world.owner, "far").await["url"], "https://c.example/mcp", "what is there stays");

    // With what an editor leaves in such a file.
    let file = "\u{feff}{\n  // ours\n  \"servers\": {\"near\": {\"url\": \"https://e.example/mcp\"},},\n}\n";
    let imported = world.owner.send(Method::POST, &format!("/api/v1{IMPORT}"), Some(file.to_owned()), &[]).await;
    assert_eq!(slugs(&imported.expect(200)), ["near"]);
}

#[tokio::test]
async fn what_is_no_block_of_servers_is_refused_and_named() {
    let world = World::new().await;
    let many: serde_json::Map<_, _> =
        (0..101).map(|n| (format!("s{n}"), json!({"url": "https://a.example"}))).collect();
    for body in [
        json!({}),
        json!({"mcpServers": []}),
        json!({"mcpServers": null}),
        json!({"files": {"command": "srv"}}),
        json!({"mcpServers": {}, "servers": {"a": {"command": "srv"}}}),
        json!({"mcpServers": many}),
    ] {
        let refused = world.admin.post(IMPORT, body).await;
        assert_eq!(refused.status.as_u16(), 422, "{}", refused.text);
        assert!(refused.text.contains("mcpServers"), "{}", refused.text);
    }
    let list = world.admin.get("/orgs/acme/connections").await.expect(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
    let taken = json!({"slug": "import", "kind": "streamable_http", "config": {"url": "https://a.example"}});
    world.admin.post("/orgs/acme/connections", taken).await.expect(422);
}

/// Ends at once unless it can write into its home and find a program by its name.
const SERVER: &str = r#"
    touch "$HOME/.permesso-was-here" && rm "$HOME/.permesso-was-here" && env true || exit 1
    while read -r line; do
        id=${line#*'"id":'}; id=${id%%,*}
        case $line in
            *'"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"a","version":"1"}}}\n' "$id";;
            *'"tools/list"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[]}}\n' "$id";;
        esac
    done
"#;

#[tokio::test]
async fn a_program_without_any_variables_has_a_path_and_a_home_and_a_minute_to_start() {
    let world = World::new().await;
    let block = json!({"mcpServers": {"shell": {"command": "sh", "args": ["-c", SERVER]}}});
    let imported = world.admin.post(IMPORT, block).await.expect(200);
    assert_eq!(slugs(&imported), ["shell"], "{imported}");
    let shell = world.admin.get("/orgs/acme/connections/shell").await.expect(200);
    let bank = world.admin.get("/orgs/acme/connections/bank").await.expect(200);
    assert_eq!((&shell["connect_timeout_ms"], &bank["connect_timeout_ms"]), (&json!(60_000), &json!(10_000)));
    world.admin.post("/orgs/acme/connections/shell/refresh", json!({})).await.expect(200);
    for (limit, status) in [(999, 422), (1_000, 200), (300_000, 200), (300_001, 422)] {
        let change = json!({"connect_timeout_ms": limit});
        world.admin.patch("/orgs/acme/connections/shell", change).await.expect(status);
    }
}
