//! What a stdio server started does not outlive its gateway or its connection, whatever session it went into.

use std::{fs, time::Duration};

use nix::unistd::geteuid;
use serde_json::json;

use crate::support::{
    Client,
    database::database,
    gateway::variables,
    process::{Process, permesso},
    world::ADMIN,
};

/// As npx does it: a shell that starts the server as a process of its own. Beside it what some servers start: one that
/// ends by no SIGTERM, one in a session of its own, and one whose parent ended at once, as a daemon's does. The server
/// itself does not end with its input.
const TREE: &str = r#"
    sh -c 'trap "" TERM; sleep 8642.MARK & wait' &
    setsid sh -c 'sleep 8642.MARK & wait' &
    (setsid sh -c 'sleep 8642.MARK & wait' &)
    sh -c 'sh -c "sleep 8642.MARK & wait" & wait' &
    echo started >&2
    while read -r line; do
        id=${line#*'"id":'}; id=${id%%,*}
        case $line in
            *'"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}}}}\n' "$id";;
            *'"tools/list"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[]}}\n' "$id";;
        esac
    done
    sleep 8642.MARK & wait
"#;

/// How many processes have this in their arguments.
fn alive(mark: &str) -> usize {
    let processes = fs::read_dir("/proc").expect("Linux").flatten();
    let arguments = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    arguments.filter(|arguments| String::from_utf8_lossy(arguments).contains(mark)).count()
}

async fn come_to(mark: &str, count: usize) {
    for _ in 0..1_000 {
        if alive(mark) == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} processes instead of {count}", alive(mark));
}

/// A gateway with the connection `tree`, all of whose processes run; and what they have in their arguments.
async fn with_tree(more: &[(&str, &str)]) -> (Process, Client, String) {
    let mut variables = variables(&database().await);
    variables.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let mut command = permesso();
    command.arg("serve");
    let gateway = Process::gateway_by(command, &variables);
    let admin = Client::sign_in(&gateway.url, ADMIN.0, ADMIN.1).await;
    admin.post("/orgs", json!({"slug": "acme", "name": "Acme"})).await.expect(201);
    let mark = uuid::Uuid::now_v7().as_u128().to_string();
    let path = std::env::var("PATH").expect("a PATH");
    let config = json!({"command": "sh", "args": ["-c", TREE.replace("MARK", &mark)], "env": {"PATH": path}});
    let tree = json!({"slug": "tree", "kind": "stdio", "config": config});
    admin.post("/orgs/acme/connections", tree).await.expect(201);
    admin.post("/orgs/acme/connections/tree/refresh", json!({})).await.expect(200);
    // Four sleeps, their four shells, the shell around the last of those, and the server.
    come_to(&mark, 10).await;
    (gateway, admin, mark)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_stdio_server_started_survives_a_gateway_that_was_killed() {
    let (gateway, _admin, mark) = with_tree(&[]).await;
    gateway.kill();
    come_to(&mark, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_what_runs_as_another_user_and_a_closed_connection_leaves_nothing_either() {
    let other = [("PERMESSO_CHILD_USER", "nobody")];
    let (gateway, admin, mark) = with_tree(if geteuid().is_root() { &other } else { &[] }).await;
    admin.delete("/orgs/acme/connections/tree").await.expect(204);
    come_to(&mark, 0).await;
    let config = json!({"command": "sh", "args": ["-c", TREE.replace("MARK", &mark)],
        "env": {"PATH": std::env::var("PATH").expect("a PATH")}});
    let tree = json!({"slug": "tree", "kind": "stdio", "config": config});
    admin.post("/orgs/acme/connections", tree).await.expect(201);
    admin.post("/orgs/acme/connections/tree/refresh", json!({})).await.expect(200);
    come_to(&mark, 10).await;
    gateway.kill();
    come_to(&mark, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_has_no_environment_no_files_and_a_name_of_its_own() {
    let (gateway, _admin, _mark) = with_tree(&[("PGPASSWORD", "n0b0dy-reads-th1s")]).await;
    let of_gateway = |stat: &str| {
        let after = stat.rsplit_once(") ").map(|(_, after)| after.to_owned());
        after.and_then(|after| after.split(' ').nth(1)?.parse::<u32>().ok()) == Some(gateway.id())
    };
    let processes = fs::read_dir("/proc").expect("Linux").flatten().map(|process| process.path());
    let mut keepers =
        processes.filter(|process| fs::read_to_string(process.join("stat")).is_ok_and(|stat| of_gateway(&stat)));
    let keeper = keepers.next().expect("one");
    assert_eq!(fs::read_to_string(keeper.join("comm")).expect("a name"), "keeper\n");
    let line = fs::read(keeper.join("cmdline")).expect("arguments");
    assert!(!String::from_utf8_lossy(&line).contains("permesso"), "`pkill -f permesso` leaves it alone");
    // Of a process that conceals itself, only root reads these.
    if geteuid().is_root() {
        assert_eq!(fs::read(keeper.join("environ")).expect("readable"), b"");
        for fd in fs::read_dir(keeper.join("fd")).expect("readable").flatten() {
            assert_eq!(fs::read_link(fd.path()).expect("a link").to_string_lossy(), "/dev/null");
        }
    }
    assert!(keepers.next().is_none(), "one for a server");
}
