#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;

const URL: &str = "https://mcp.example.com/acme/bank/mcp";

fn server() -> Server {
    Server::new("permesso-bank", URL).unwrap()
}

fn merged(client: Client, text: &str) -> String {
    match merge(client, &server(), None, Some(text), false).unwrap() {
        Change::Text(text) => text,
        Change::Nothing => panic!("nothing changed"),
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn each_client_gets_what_its_maker_documents() {
    let file = |client| json(&file::fresh(client, &server()));
    let authorized = |key: &str| json!({"Authorization": format!("Bearer {key}")});
    let entry = json!({"type": "http", "url": URL, "headers": authorized("${PERMESSO_KEY}")});
    assert_eq!(file(Client::ClaudeCode), json!({"mcpServers": {"permesso-bank": entry}}));
    let entry = json!({"url": URL, "headers": authorized("${env:PERMESSO_KEY}")});
    assert_eq!(file(Client::Cursor), json!({"mcpServers": {"permesso-bank": entry}}));
    let entry = json!({"type": "http", "url": URL, "headers": authorized("${input:permesso-key}")});
    let input =
        json!({"type": "promptString", "id": "permesso-key", "description": "API key of Permesso", "password": true});
    assert_eq!(file(Client::VsCode), json!({"inputs": [input], "servers": {"permesso-bank": entry}}));
    let entry = json!({"type": "streamable-http", "url": URL, "headers": authorized("mmcp_…")});
    assert_eq!(file(Client::Inspector), json!({"mcpServers": {"permesso-bank": entry}}));
    assert_eq!(
        file::fresh(Client::Codex, &server()),
        format!(
            "[mcp_servers.permesso-bank]\nurl = \"{URL}\"\nbearer_token_env_var = \"PERMESSO_KEY\"\ntool_timeout_sec = 300"
        )
    );
}

#[test]
fn what_stands_in_a_json_file_stays_with_its_comments_and_order() {
    let before = r#"{
    // ours
    "zebra": 1,
    "mcpServers": {
        "other": {"command": "npx", "args": ["-y", "x"]}, // keep
    },
    "ant": [1,2 , 3]
}
"#;
    let after = merged(Client::Cursor, before);
    let added = r#",
        "permesso-bank": {
            "url": "https://mcp.example.com/acme/bank/mcp",
            "headers": {
                "Authorization": "Bearer ${env:PERMESSO_KEY}"
            }
        }"#;
    let expected = before.replace("]}, // keep", &format!("]}}{added}, // keep"));
    let without_space =
        |text: &str| text.split_whitespace().collect::<String>().replace("//keep", "").replace(",}", "}");
    assert_eq!(without_space(&after), without_space(&expected), "{after}");
    for kept in ["    // ours\n", "// keep", "    \"ant\": [1,2 , 3]\n", r#"{"command": "npx", "args": ["-y", "x"]}"#] {
        assert!(after.contains(kept), "{kept}: {after}");
    }
    assert!(after.find("zebra") < after.find("mcpServers") && after.find("mcpServers") < after.find("ant"), "{after}");
}

#[test]
fn what_stands_in_a_toml_file_stays_with_its_comments_and_order() {
    let before = "# mine\nmodel = \"o9\"   # the good one\n\n[mcp_servers.other]\ncommand = \"npx\"\nargs = [ \"-y\",\"x\" ]\n\n\
                  [profiles.fast]\nmodel = \"o9-mini\" # small\n";
    let after = merged(Client::Codex, before);
    for line in before.lines() {
        assert!(after.contains(line), "{line}: {after}");
    }
    assert!(
        after.contains("[mcp_servers.permesso-bank]\nurl = \"https://mcp.example.com/acme/bank/mcp\"\n"),
        "{after}"
    );
    let inline = "mcp_servers = { other = { command = \"npx\" } }\n";
    let conflict = merge(Client::Codex, &server(), None, Some(inline), false);
    assert_eq!(conflict, Err(Conflict::Shape("mcp_servers")), "an inline table cannot be added to by a table");
}

#[test]
fn the_same_server_again_changes_nothing() {
    for client in Client::ALL {
        let Ok(Change::Text(once)) = merge(client, &server(), None, None, false) else { panic!("{client:?}") };
        assert_eq!(merge(client, &server(), None, Some(&once), false), Ok(Change::Nothing), "{client:?}");
        assert_eq!(merge(client, &server(), None, Some(&once), true), Ok(Change::Nothing), "{client:?}");
    }
    // One's own time limit is not another server.
    let own = merged(Client::Codex, "").replace("300", "900");
    assert_eq!(merge(Client::Codex, &server(), None, Some(&own), false), Ok(Change::Nothing));
}

#[test]
fn another_server_of_the_name_is_replaced_only_by_force() {
    for client in Client::ALL {
        let other = Server::new("permesso-bank", "https://elsewhere.example/mcp").unwrap();
        let Ok(Change::Text(text)) = merge(client, &other, None, None, false) else { panic!("{client:?}") };
        assert_eq!(merge(client, &server(), None, Some(&text), false), Err(Conflict::Taken), "{client:?}");
        let Ok(Change::Text(text)) = merge(client, &server(), None, Some(&text), true) else { panic!("{client:?}") };
        assert!(text.contains(URL) && !text.contains("elsewhere"), "{client:?}: {text}");
    }
}

#[test]
fn vs_code_is_told_to_ask_once_for_all_servers() {
    let one = merged(Client::VsCode, r#"{"inputs": [{"id": "x", "type": "promptString"}]}"#);
    let two = Server::new("permesso-ledger", "https://mcp.example.com/acme/ledger/mcp").unwrap();
    let Ok(Change::Text(both)) = merge(Client::VsCode, &two, None, Some(&one), false) else { panic!("{one}") };
    let both = json(&both);
    assert_eq!(
        both["inputs"].as_array().unwrap().iter().map(|input| &input["id"]).collect::<Vec<_>>(),
        ["x", "permesso-key"]
    );
    assert_eq!(both["servers"].as_object().unwrap().len(), 2);
}

#[test]
fn a_file_that_the_client_could_not_read_is_left_alone() {
    for text in ["{", "[]", "nonsense", r#"{"mcpServers": []}"#, r#"{"mcpServers": {}, "mcpServers": {}}"#, "{'a': 1}"]
    {
        assert!(merge(Client::Cursor, &server(), None, Some(text), true).is_err(), "{text}");
    }
    let twice = r#"{"mcpServers": {"permesso-bank": {}, "permesso-bank": {}}}"#;
    assert!(merge(Client::Cursor, &server(), None, Some(twice), true).is_err());
    for text in ["= 1", "mcp_servers = 3", "[a]\n[a]"] {
        assert!(merge(Client::Codex, &server(), None, Some(text), true).is_err(), "{text}");
    }
}

#[test]
fn a_key_stands_only_where_a_client_can_do_no_better() {
    let key = SecretString::from("mmcp_secret");
    for client in Client::ALL {
        let Ok(Change::Text(text)) = merge(client, &server(), Some(&key), None, false) else { panic!("{client:?}") };
        assert_eq!(text.contains("mmcp_secret"), client.keeps_key(), "{client:?}");
    }
}

#[test]
fn nothing_that_needs_quoting_becomes_a_server() {
    for name in ["", "a b", "a'b", "a\"b", "$(x)", "a.b", "ä", &"a".repeat(65)] {
        assert!(Server::new(name, URL).is_none(), "{name}");
    }
    for url in [
        "",
        "https://x/'",
        "https://x/$(y)",
        "https://x/a b",
        "https://x/`",
        "https://x/\"",
        "https://x/<b>",
        "https://x/;",
    ] {
        assert!(Server::new("a", url).is_none(), "{url}");
    }
    assert!(Server::new("A_b-9", "http://[::1]:8765/acme/bank/mcp").is_some());
}

#[test]
fn the_anchor_of_a_client_is_its_word_on_the_command_line() {
    for client in Client::ALL {
        let value = clap::ValueEnum::to_possible_value(&client).unwrap();
        assert_eq!(value.get_name(), client.word());
    }
}
