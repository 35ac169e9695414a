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
    for server_text in ["{}, \"permesso-bank\": {}", "3", "{\"url\": \"a\", \"url\": \"b\"}", "{\"headers\": [\"x\"]}"]
    {
        let text = format!("{{\"mcpServers\": {{\"permesso-bank\": {server_text}}}}}");
        assert!(merge(Client::Cursor, &server(), None, Some(&text), true).is_err(), "{text}");
    }
    for text in ["= 1", "mcp_servers = 3", "[a]\n[a]", "mcp_servers.permesso-bank = 3", "[[mcp_servers.permesso-bank]]"]
    {
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
fn a_client_has_one_word_that_is_no_other_ones() {
    for client in Client::ALL {
        assert_eq!(Client::named(client.word()), Some(client));
    }
    assert_eq!(Client::named("Cursor"), None);
}

fn forced(client: Client, text: &str) -> String {
    assert_eq!(merge(client, &server(), None, Some(text), false), Err(Conflict::Taken), "{text}");
    match merge(client, &server(), None, Some(text), true) {
        Ok(Change::Text(text)) => text,
        other => panic!("{other:?}: {text}"),
    }
}

#[test]
fn by_force_a_toml_server_keeps_what_its_owner_set_with_comments_and_order() {
    let before = r#"# mine
[mcp_servers.permesso-bank] # the bank
startup_timeout_sec = 20   # it is slow
url = "https://elsewhere.example/mcp"   # moved in May
# only these
enabled_tools = [ "pay", "balance" ]
tool_timeout_sec = 900
bearer_token_env_var = 'OLD_KEY'

[mcp_servers.permesso-bank.http_headers]
authorization = "Bearer mmcp_old" 
X-Team = "blue"

[mcp_servers.permesso-bank.tools.pay]
approval_mode = "approve"

[profiles.fast]
model = "o9-mini"
"#;
    let after = forced(Client::Codex, before);
    let expected = before
        .replace("https://elsewhere.example/mcp", URL)
        .replace("'OLD_KEY'", "\"PERMESSO_KEY\"")
        .replace("authorization = \"Bearer mmcp_old\" \n", "");
    assert_eq!(after, expected);
}

#[test]
fn by_force_a_toml_server_that_was_a_process_has_nothing_left_of_it_but_what_is_its_owners() {
    let before = "[mcp_servers.permesso-bank]\ncommand = \"npx\" # local\nargs = [\"-y\", \"bank\"]\nenabled = false\n\n\
                  [mcp_servers.permesso-bank.env]\nTOKEN = \"x\"\n\n[mcp_servers.other]\ncommand = \"y\"\n";
    let after = forced(Client::Codex, before);
    let expected = format!(
        "[mcp_servers.permesso-bank]\nenabled = false\nurl = \"{URL}\"\nbearer_token_env_var = \"PERMESSO_KEY\"\n\
         tool_timeout_sec = 300\n\n[mcp_servers.other]\ncommand = \"y\"\n"
    );
    assert_eq!(after, expected);
}

#[test]
fn by_force_a_toml_server_may_be_written_in_every_way_that_toml_has() {
    for (before, expected) in [
        (
            "[mcp_servers]\npermesso-bank = {url = 'x', enabled = true} # mine\n",
            format!(
                "[mcp_servers]\npermesso-bank = {{url = \"{URL}\", enabled = true, bearer_token_env_var = \
                 \"PERMESSO_KEY\", tool_timeout_sec = 300 }} # mine\n"
            ),
        ),
        (
            "[mcp_servers]\npermesso-bank.url = 'x'\npermesso-bank.enabled = true\n",
            format!(
                "[mcp_servers]\npermesso-bank.url = \"{URL}\"\npermesso-bank.enabled = true\n\
                 permesso-bank.bearer_token_env_var = \"PERMESSO_KEY\"\npermesso-bank.tool_timeout_sec = 300\n"
            ),
        ),
        (
            "a = 1\n\n[mcp_servers.permesso-bank.tools.pay]\nx = 1\n",
            format!(
                "a = 1\n\n[mcp_servers.permesso-bank]\nurl = \"{URL}\"\nbearer_token_env_var = \"PERMESSO_KEY\"\n\
                 tool_timeout_sec = 300\n\n[mcp_servers.permesso-bank.tools.pay]\nx = 1\n"
            ),
        ),
    ] {
        assert_eq!(forced(Client::Codex, before), expected);
    }
}

#[test]
fn by_force_a_json_server_keeps_what_its_owner_set_with_comments_and_order() {
    let before = r#"{
  "mcpServers": {
    // the bank
    "permesso-bank": {
      "timeout": 600000, // patient
      "url": "https://elsewhere.example/mcp", // moved in May
      "type": "sse",
      "headers": {"X-Team": "blue", "authorization": "Bearer mmcp_old"},
      "alwaysLoad": [1,2 ,3],
    },
    "other": {"command": "x"}
  }
}
"#;
    let expected = before.replace("https://elsewhere.example/mcp", URL).replace("\"sse\"", "\"http\"").replace(
        r#"{"X-Team": "blue", "authorization": "Bearer mmcp_old"}"#,
        r#"{
        "X-Team": "blue",
        "Authorization": "Bearer ${PERMESSO_KEY}"
      }"#,
    );
    assert_eq!(forced(Client::ClaudeCode, before), expected);
    assert_eq!(
        merge(Client::ClaudeCode, &server(), None, Some(&expected), false),
        Ok(Change::Nothing),
        "it is here now"
    );
}

#[test]
fn by_force_a_json_server_that_was_a_process_has_nothing_left_of_it_but_what_is_its_owners() {
    let process = json!({"command": "npx", "args": ["-y"], "env": {"A": "b"}, "type": "stdio", "disabled": false});
    for (client, member) in
        [(Client::ClaudeCode, "mcpServers"), (Client::Cursor, "mcpServers"), (Client::VsCode, "servers")]
    {
        let before = json!({member: {"permesso-bank": process, "other": process}}).to_string();
        let after = json(&forced(client, &before));
        let mut expected = json(&file::fresh(client, &server()))[member].clone();
        expected["permesso-bank"]["disabled"] = json!(false);
        expected["other"] = process.clone();
        assert_eq!(after[member], expected, "{client:?}");
    }
}

#[test]
fn what_its_owner_set_makes_a_server_no_other_one() {
    for client in Client::ALL.into_iter().filter(|client| *client != Client::Codex) {
        let fresh = file::fresh(client, &server());
        let own = fresh.replace("\"url\"", "\"timeout\": 900, // mine\n      \"url\"");
        assert_ne!(own, fresh);
        for force in [false, true] {
            assert_eq!(merge(client, &server(), None, Some(&own), force), Ok(Change::Nothing), "{client:?}");
        }
    }
}
