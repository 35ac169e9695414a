//! Set-up help: the page that a browser sees at an endpoint, and `permesso connect`.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use reqwest::Method;
use serde_json::json;

use crate::support::{Client, World, client::Answer, process::permesso};

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");

async fn look(client: &Client, path: &str) -> Answer {
    client.send(Method::GET, path, None, &[BROWSER]).await
}

#[tokio::test]
async fn the_page_is_the_same_whatever_is_there() {
    let world = World::new().await;
    let public = json!({"slug": "open", "name": "Open", "visibility": "public"});
    world.admin.post("/orgs/acme/toolkits", public).await.expect(201);
    let mut pages = Vec::new();
    for (org, toolkit) in [("acme", "bank"), ("acme", "open"), ("acme", "none"), ("nobody", "bank")] {
        let page = look(&world.anonymous, &format!("/{org}/{toolkit}/mcp")).await;
        assert_eq!(page.status.as_u16(), 200, "{}", page.text);
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        let url = format!("{}/{org}/{toolkit}/mcp", world.gateway.url);
        assert!(page.text.contains(&url) && page.text.contains("claude mcp add"), "{}", page.text);
        let text = page.text.replace(&format!("{org}/{toolkit}"), "ORG/TOOLKIT");
        let text = text.replace(&format!("permesso-{toolkit}"), "permesso-TOOLKIT");
        let text = text
            .replace(&format!("<span>--org</span> {org}"), "--org ORG")
            .replace(&format!("<code>{org}</code>"), "<code>ORG</code>");
        let mut names: Vec<_> = page.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        pages.push((text, names));
    }
    for page in &pages[1..] {
        assert_eq!(*page, pages[0]);
    }
    let head = world.anonymous.send(Method::HEAD, "/acme/bank/mcp", None, &[BROWSER]).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn only_a_browser_gets_the_page_and_only_for_names_that_can_be() {
    let world = World::new().await;
    // Who has a credential or a session is a client, whatever it accepts.
    let agent = look(&world.agent, "/acme/bank/mcp").await;
    assert_eq!(agent.status.as_u16(), 405, "{}", agent.text);
    for headers in [vec![("accept", "text/event-stream")], vec![], vec![BROWSER, ("mcp-session-id", "x")]] {
        let answer = world.anonymous.send(Method::GET, "/acme/bank/mcp", None, &headers).await;
        assert_eq!(answer.status.as_u16(), 401, "{headers:?}");
    }
    let posted = world.anonymous.send(Method::POST, "/acme/bank/mcp", Some("{}".into()), &[BROWSER]).await;
    assert_eq!(posted.status.as_u16(), 401);
    for hostile in [
        "%3Cscript%3E/bank",
        "acme/%22%3E%3Cimg%20src=x%3E",
        "acme/ba%27nk",
        "ACME/bank",
        "api/bank",
        "a/bank",
        "acme/%0Aset",
    ] {
        let answer = look(&world.anonymous, &format!("/{hostile}/mcp")).await;
        assert_ne!(answer.headers["content-type"], "text/html; charset=utf-8", "{hostile}");
        assert_eq!(answer.status.as_u16(), 401, "{hostile}: {}", answer.text);
        assert!(!answer.text.contains("<script") && !answer.text.contains("<img"), "{hostile}");
    }
}

#[tokio::test]
async fn the_page_runs_nothing_and_loads_nothing() {
    let world = World::new().await;
    let page = look(&world.anonymous, "/acme/bank/mcp").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    for part in
        ["<script", "<link", "<img", "<iframe", "<form", "src=", "http-equiv", " style=", " onclick", "javascript:"]
    {
        assert!(!page.text.contains(part), "{part}");
    }
    for used in page.text.split("var(").skip(1) {
        let name = used.split(')').next().unwrap_or_default();
        assert!(
            page.text.contains(&format!("{name}:")),
            "the style uses {name}, which the console's tokens do not have"
        );
    }
    assert!(!page.text.contains("url("), "the style loads nothing");
    assert_eq!(page.headers["cache-control"], "no-store");
}

/// Runs `permesso connect` in a directory of its own, which is its home as well.
fn connect(directory: &Path, args: &[&str], key: Option<&str>) -> (Option<i32>, String, String) {
    let mut command = permesso();
    command.arg("connect").args(args).current_dir(directory).env("HOME", directory);
    if let Some(key) = key {
        command.env("PERMESSO_KEY", key);
    }
    let output = command.output().expect("it ends by itself");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

const OFFLINE: [&str; 5] = ["--toolkit", "acme/bank", "--url", "https://mcp.example.com", "--offline"];
/// Each client's file, something that a person may have in it, and words of it that must stay as they are.
const FILES: [(&str, &str, &str, &str); 5] = [
    (
        "claude-code",
        ".mcp.json",
        "{\n  \"mcpServers\": {\n    \"other\": {\"command\": \"npx\"}\n  }\n}\n",
        "\"other\": {\"command\": \"npx\"}",
    ),
    (
        "cursor",
        ".cursor/mcp.json",
        "{ // mine\n  \"x\": [1,2 ,3],\n  \"mcpServers\": {}\n}\n",
        "{ // mine\n  \"x\": [1,2 ,3],",
    ),
    (
        "vscode",
        ".vscode/mcp.json",
        "{\n\t\"servers\": {\n\t\t\"a\": {}, // keep\n\t},\n}\n",
        "\t\t\"a\": {}, // keep\n",
    ),
    (
        "codex",
        ".codex/config.toml",
        "model = \"o9\" # mine\n\n[mcp_servers.a]\ncommand = 'x'\n",
        "model = \"o9\" # mine\n\n[mcp_servers.a]\ncommand = 'x'\n",
    ),
    (
        "inspector",
        ".mcp-inspector/mcp.json",
        "{\"mcpServers\": {\"a\": {\"command\": \"x\"}}}",
        "\"a\": {\"command\": \"x\"}",
    ),
];

#[test]
fn a_server_comes_into_a_file_beside_what_stands_there() {
    for (client, file, before, stays) in FILES {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, before).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let args = [&[client, "--write"], OFFLINE.as_slice()].concat();
        let (code, said, error) = connect(directory.path(), &args, Some("mmcp_secret"));
        assert_eq!(code, Some(0), "{client}: {error}");
        let after = fs::read_to_string(&path).unwrap();
        assert!(after.contains(stays) && after.contains("https://mcp.example.com/acme/bank/mcp"), "{client}: {after}");
        assert_eq!(after.contains("mmcp_secret"), client == "inspector", "{client}: {after}");
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if client == "inspector" { 0o600 } else { 0o640 }, "{client}");
        let backup = path.with_file_name(format!("{}.backup", path.file_name().unwrap().to_str().unwrap()));
        assert_eq!(fs::read_to_string(&backup).unwrap(), before, "{client}");
        assert!(said.contains(".backup is the file as it was") && !said.contains("secret"), "{client}: {said}");

        // Again: nothing changes, nothing is copied.
        let (code, said, _) = connect(directory.path(), &args, Some("mmcp_secret"));
        assert!(code == Some(0) && said.contains("nothing was changed"), "{client}: {said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), after);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 2, "{client}");

        // Another gateway under the same name is somebody's decision.
        let moved = [&[client, "--write", "--url", "https://new.example"], &OFFLINE[..2], &OFFLINE[4..]].concat();
        let (code, _, error) = connect(directory.path(), &moved, Some("mmcp_secret"));
        assert!(code == Some(2) && error.contains("--force") && error.contains("permesso-bank"), "{client}: {error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), after);
        let (code, _, error) = connect(directory.path(), &[&moved[..], &["--force"]].concat(), Some("mmcp_secret"));
        assert_eq!(code, Some(0), "{client}: {error}");
        let forced = fs::read_to_string(&path).unwrap();
        assert!(forced.contains("https://new.example/acme/bank/mcp") && forced.contains(stays), "{client}: {forced}");
        assert_eq!(fs::read_to_string(&backup).unwrap(), before, "{client}: the first copy is not lost");
    }
}

#[test]
fn a_file_that_is_not_there_is_made_for_its_owner() {
    for (client, file, _, _) in FILES {
        let directory = tempfile::tempdir().unwrap();
        let args = [&[client, "--write", "--name", "gate"], OFFLINE.as_slice()].concat();
        let (code, said, error) = connect(directory.path(), &args, Some("mmcp_secret"));
        assert!(code == Some(0) && said.contains("gate is in "), "{client}: {said}{error}");
        let path = directory.path().join(file);
        assert!(fs::read_to_string(&path).unwrap().contains("gate"), "{client}");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert!(client != "inspector" || mode & 0o077 == 0, "{mode:o}");
    }
}

#[test]
fn a_link_to_the_file_stays_a_link() {
    let directory = tempfile::tempdir().unwrap();
    let kept = directory.path().join("dotfiles.json");
    fs::write(&kept, "{}").unwrap();
    fs::create_dir(directory.path().join(".cursor")).unwrap();
    let link = directory.path().join(".cursor/mcp.json");
    std::os::unix::fs::symlink(&kept, &link).unwrap();
    let (code, _, error) = connect(directory.path(), &[&["cursor", "--write"], OFFLINE.as_slice()].concat(), None);
    assert_eq!(code, Some(0), "{error}");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&kept).unwrap().contains("permesso-bank"));
}

#[test]
fn what_cannot_be_read_is_left_alone_and_shown_instead() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(".mcp.json");
    fs::write(&path, "{ not json").unwrap();
    let (code, said, error) =
        connect(directory.path(), &[&["claude-code", "--write"], OFFLINE.as_slice()].concat(), None);
    assert!(code == Some(2) && error.contains("nothing was written"), "{error}");
    assert!(said.contains("\"mcpServers\""), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{ not json");
    let inspector = [&["inspector", "--write"], OFFLINE.as_slice()].concat();
    let (code, _, error) = connect(directory.path(), &inspector, None);
    assert!(code == Some(2) && error.contains("PERMESSO_KEY"), "{error}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else was made");
}

#[test]
fn without_write_it_prints_what_to_paste_and_no_secret() {
    let directory = tempfile::tempdir().unwrap();
    for (client, _, _, _) in FILES {
        let (code, said, error) =
            connect(directory.path(), &[&[client], OFFLINE.as_slice()].concat(), Some("mmcp_secret"));
        assert_eq!(code, Some(0), "{client}: {error}");
        assert!(said.contains("https://mcp.example.com/acme/bank/mcp"), "{client}: {said}");
        assert!(!said.contains("mmcp_secret") && !error.contains("mmcp_secret"), "{client}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn hostile_names_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (option, value) in [
        ("--toolkit", "acme/bank'; rm -rf ~; '"),
        ("--toolkit", "acme/$(id)"),
        ("--toolkit", "../bank"),
        ("--toolkit", "acme/bank/mcp"),
        ("--toolkit", "api/bank"),
        ("--toolkit", "bank"),
        ("--url", "https://mcp.example.com/'"),
        ("--url", "https://user:pass@mcp.example.com"),
        ("--url", "javascript:alert(1)"),
        ("--name", "a b"),
        ("--name", "x\"]"),
    ] {
        let defaults = [("--toolkit", "acme/bank"), ("--url", "https://mcp.example.com"), ("--name", "gate")];
        let mut args = vec!["codex", "--write", "--offline"];
        for (name, usual) in defaults {
            args.extend([name, if name == option { value } else { usual }]);
        }
        let (code, said, error) = connect(directory.path(), &args, None);
        assert_eq!((code, error.trim_end().lines().count()), (Some(2), 1), "{option} {value}: {said}{error}");
        assert!(error.contains(option), "{option} {value}: {error}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_tried_and_what_is_wrong_is_said() {
    let world = World::new().await;
    let directory = tempfile::tempdir().unwrap();
    let url = world.gateway.url.as_str();
    let try_with = |toolkit: &str, url: &str, key: Option<&str>| {
        connect(directory.path(), &["cursor", "--write", "--toolkit", toolkit, "--url", url], key)
    };
    let key = world.agent.token.as_deref();
    for (toolkit, key, says) in [
        ("acme/bank", Some("mmcp_nonsense"), "not valid"),
        ("acme/none", key, "no toolkit"),
        ("acme/bank", world.other_agent.token.as_deref(), "no toolkit"),
        ("acme/bank", Some("line\nbreak"), "characters"),
    ] {
        let (code, _, error) = try_with(toolkit, url, key);
        assert!(code == Some(1) && error.contains(says), "{toolkit}: {error}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing was written");
    let print = ["cursor", "--toolkit", "acme/bank", "--url", url];
    let (code, said, error) = connect(directory.path(), &print, Some("mmcp_nonsense"));
    assert!(
        code == Some(1) && said.contains("mcpServers") && error.contains("not valid"),
        "shown all the same: {error}"
    );
    let (code, _, error) = connect(directory.path(), &print, Some(""));
    assert!(code == Some(0) && error.contains("reads an API key"), "an empty variable is none: {error}");
    let (code, said, error) = try_with("acme/bank", url, key);
    assert_eq!(code, Some(0), "{error}");
    assert!(said.contains("permesso-bank is in "), "{said}");
    assert!(error.contains("2 tools: balance, pay; some calls wait for a person's approval"), "{error}");
    let (code, _, error) = try_with("acme/bank", "http://127.0.0.1:9", key);
    assert!(code == Some(2) && error.contains("--force"), "{error}");
    let (code, said, error) =
        connect(directory.path(), &["cursor", "--toolkit", "acme/bank", "--url", "http://127.0.0.1:9"], key);
    assert!(code == Some(0) && error.contains("cannot be reached") && said.contains("127.0.0.1:9"), "{said}{error}");
}
