//! Upstreams that are child processes, each a few lines of shell.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use permesso::upstream::{State, Transport};
use secrecy::SecretString;

use super::*;

/// A shell that shakes hands and runs `case` arms for calls by tool name, with
/// `$id` set and `answer JSON` to answer.
pub(super) fn shell(arms: &str) -> ConnectionSpec {
    let script = format!(
        r#"
        answer() {{ printf '{{"jsonrpc":"2.0","id":%s,"result":%s}}\n' "$id" "$1"; }}
        while read -r line; do
            id=${{line#*'"id":'}}; id=${{id%%,*}}
            case $line in
                *'"method":"initialize"'*) answer '{{"protocolVersion":"2025-11-25","capabilities":{{}}}}';;
                *'"method":"notifications/'*) echo "$line" >&2;;
                {arms}
            esac
        done
        "#
    );
    with_shell(&script)
}

fn with_shell(script: &str) -> ConnectionSpec {
    spec(Transport::Stdio {
        command: "sh".to_owned(),
        args: vec!["-c".to_owned(), script.to_owned()],
        env: Vec::new(),
        cwd: None,
    })
}

fn is_alive(pid: &str) -> bool {
    // A zombie waits for its new parent to notice; it does nothing any more.
    std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn a_results_bytes_are_untouched() {
    let odd = r#"{ "content":[ ],"x":1.0e2, "big":9007199254740993,"u":"\u00e9" }"#;
    let spec = Arc::new(shell(&format!("*'\"odd\"'*) answer '{odd}';;")));
    assert_eq!(result(call(&upstreams(), &spec, "odd").await), odd);
}

#[tokio::test]
async fn parameters_with_line_breaks_are_one_message() {
    let spec = Arc::new(shell("*) answer \"[\\\"${line%%'}'*}\\\"]\" | tr -d '\"';;"));
    let params = params("{\"name\":\n\r\n\"t\"}");
    let call = Call::new("t", &params);
    let upstreams = upstreams();
    // The shell's answer is no MCP; what counts is that it got one whole line.
    let mut spec = (*spec).clone();
    spec.call_timeout = Duration::from_millis(500);
    let spec = Arc::new(spec);
    let _ = upstreams.call(&spec, call, || Ok(()), CancellationToken::new()).await;
    let logged = upstreams.logs(spec.id, false).join("\n");
    assert!(logged.contains("{name:   t"), "{logged}");
}

#[tokio::test]
async fn the_environment_is_a_path_a_home_and_what_the_connection_gives() {
    let names = r"$(tr '\0' '\n' < /proc/$$/environ | cut -d= -f1 | sort | tr '\n' ' ')";
    let arms = &format!(r#"*) answer "[\"{names}\",\"$HOME\",\"$(pwd)\"]";;"#);
    let bare = Arc::new(shell(arms));
    let found: Vec<String> = serde_json::from_str(&result(call(&upstreams(), &bare, "env").await)).expect("a list");
    assert_eq!((found[0].as_str(), found[2].as_str()), ("HOME LANG PATH ", "/"));
    assert!(tempfile::tempfile_in(&found[1]).is_ok(), "it can be written to: {}", found[1]);

    let mut given = shell(arms);
    let directory = tempfile::tempdir().expect("a directory");
    let Transport::Stdio { env, cwd, .. } = &mut given.transport else { unreachable!() };
    env.push(("TOKEN".to_owned(), SecretString::from("s3cret")));
    env.push(("HOME".to_owned(), SecretString::from("/opt/home")));
    *cwd = Some(directory.path().to_owned());
    assert!(!format!("{given:?}").contains("s3cret"));
    let found = result(call(&upstreams(), &Arc::new(given), "env").await);
    assert_eq!(found, format!(r#"["HOME LANG PATH TOKEN ","/opt/home","{}"]"#, directory.path().display()));
}

#[tokio::test]
async fn answers_find_their_calls_in_any_order() {
    // Holds the first call back until the second is answered.
    let spec = Arc::new(shell(
        r#"*'"first"'*) held=$id;;
           *'"second"'*) answer '"2"'; id=$held; answer '"1"';;"#,
    ));
    let upstreams = upstreams();
    let first = call(&upstreams, &spec, "first");
    let second = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        call(&upstreams, &spec, "second").await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((result(first).as_str(), result(second).as_str()), ("\"1\"", "\"2\""));
}

#[tokio::test]
async fn stderr_and_what_is_not_mcp_go_to_the_log() {
    let spec = Arc::new(shell(r#"*) echo "to stderr" >&2; echo "plain text"; echo; answer '{}';;"#));
    let upstreams = upstreams();
    result(call(&upstreams, &spec, "t").await);
    let logged = |line: &str| upstreams.logs(spec.id, false).iter().any(|logged| logged == line);
    soon("the log", || logged("to stderr") && logged("stdout: plain text")).await;
}

#[tokio::test]
async fn a_killed_child_leaves_its_calls_unknown_and_is_started_again() {
    let spec = Arc::new(shell(
        r#"*'"die"'*) kill -9 $$;;
           *'"pid"'*) answer $$;;"#,
    ));
    let upstreams = upstreams();
    let before = result(call(&upstreams, &spec, "pid").await);
    let reason = unknown(call_with(&upstreams, &spec, "die", true, || Ok(())).await);
    assert!(reason.contains("process ended") && reason.contains('9'), "{reason}");
    // The first pause is short enough to be waited for.
    let after = result(call(&upstreams, &spec, "pid").await);
    assert_ne!(before, after);
}

#[tokio::test]
async fn a_child_that_ended_is_started_again_before_anybody_calls() {
    let spec = Arc::new(shell(r#"*'"pid"'*) answer $$;;"#));
    let upstreams = upstreams();
    let pid = result(call(&upstreams, &spec, "pid").await);
    let killed = std::process::Command::new("kill").args(["-9", &pid]).status();
    assert!(killed.expect("kill").success());
    let state = || upstreams.status(spec.id).expect("it was used").state;
    soon("the failure", || state() != State::Connected).await;
    soon("the revival", || state() == State::Connected).await;
    assert_ne!(result(call(&upstreams, &spec, "pid").await), pid);
}

#[tokio::test]
async fn a_child_that_cannot_start_is_not_sent() {
    let upstreams = upstreams();
    let mut missing = with_shell("");
    if let Transport::Stdio { command, .. } = &mut missing.transport {
        *command = "no-such-command".to_owned();
    }
    let reason = not_sent(call(&upstreams, &Arc::new(missing), "t").await);
    assert!(reason.contains("no-such-command"), "{reason}");

    let dies = Arc::new(with_shell("echo 'no licence' >&2; exit 3"));
    let reason = not_sent(call(&upstreams, &dies, "t").await);
    assert!(reason.contains("exit status: 3"), "{reason}");
    assert_eq!(upstreams.logs(dies.id, false), ["no licence"]);
    for _ in 0..5 {
        not_sent(call(&upstreams, &dies, "t").await);
    }
    let started = Instant::now();
    let reason = not_sent(call(&upstreams, &dies, "t").await);
    assert!(reason.contains("next attempt"), "{reason}");
    assert!(started.elapsed() < Duration::from_millis(200));
}

#[tokio::test]
async fn a_child_that_never_answered_has_ended_after_close() {
    let mut mute = with_shell("sleep 1000 & echo $! >&2; wait");
    // Long enough for a shell to start on a busy machine.
    mute.connect_timeout = Duration::from_secs(2);
    let (upstreams, mute) = (upstreams(), Arc::new(mute));
    let reason = not_sent(call(&upstreams, &mute, "t").await);
    assert_eq!(reason, "no session with the upstream within 2 s, which is the connection's connect_timeout_ms");
    let pid = upstreams.logs(mute.id, false).concat();
    upstreams.close().await;
    // What was killed is seen until the system has buried it.
    let killed = Instant::now();
    while is_alive(&pid) && killed.elapsed() < Duration::from_secs(2) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!is_alive(&pid), "{pid}");
}

#[tokio::test]
async fn a_guard_that_refuses_lets_nothing_through() {
    let spec = Arc::new(shell(r#"*'"name"'*) echo "got it" >&2; answer '{}';;"#));
    let upstreams = upstreams();
    let refuse = || Err("the lease has run out".to_owned());
    let outcome = call_with(&upstreams, &spec, "t", true, refuse).await;
    assert_eq!(not_sent(outcome), "the lease has run out");
    result(call(&upstreams, &spec, "t").await);
    let got = || {
        let logs = upstreams.logs(spec.id, false);
        logs.iter().filter(|line| *line == "got it").count()
    };
    soon("the log", || got() > 0).await;
    assert_eq!(got(), 1);
}

#[tokio::test]
async fn a_hanging_call_is_unknown_and_the_child_is_told() {
    let mut spec = shell("*'never'*) ;; *) answer '{}';;");
    spec.call_timeout = Duration::from_millis(300);
    let (upstreams, spec) = (upstreams(), Arc::new(spec));
    assert_eq!(unknown(call(&upstreams, &spec, "never").await), "no answer within 0.3 s");
    let told = || {
        let logs = upstreams.logs(spec.id, false);
        logs.iter().any(|line| line.contains("notifications/cancelled") && line.contains("\"requestId\":"))
    };
    soon("the cancellation", told).await;
    result(call(&upstreams, &spec, "t").await);
}

#[tokio::test]
async fn what_a_child_never_read_may_have_reached_it_and_what_waits_behind_did_not() {
    // Answers initialize, and then reads no more.
    let mut spec = with_shell(
        r#"read -r line
           id=${line#*'"id":'}; id=${id%%,*}
           echo '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":"2025-11-25","capabilities":{}}}'
           while :; do sleep 1; done"#,
    );
    spec.connect_timeout = Duration::from_millis(500);
    spec.call_timeout = Duration::from_millis(500);
    let (upstreams, spec) = (upstreams(), Arc::new(spec));
    let big = params(&format!("{{\"pad\":\"{}\"}}", "x".repeat(1 << 20)));
    let one = Call { once: true, ..Call::new("t", &big) };
    let outcome = upstreams.call(&spec, one, || Ok(()), CancellationToken::new()).await;
    assert_eq!(unknown(outcome), "no answer within 0.5 s");
    let outcome = upstreams.call(&spec, one, || Ok(()), CancellationToken::new()).await;
    assert_eq!(not_sent(outcome), "it could not be sent within 0.5 s");
    upstreams.close().await;
}

#[tokio::test]
async fn a_message_over_16_mib_ends_the_child() {
    let spec = Arc::new(shell(
        r#"*) printf '{"jsonrpc":"2.0","id":%s,"result":"' $id; head -c 17825792 /dev/zero | tr '\0' x; echo '"}';;"#,
    ));
    let upstreams = upstreams();
    let reason = unknown(call(&upstreams, &spec, "t").await);
    assert!(reason.contains("16 MiB"), "{reason}");
    upstreams.close().await;
}

#[tokio::test]
async fn pings_are_answered_and_changed_lists_announced() {
    let spec = Arc::new(shell(
        r#"*'"result":{}'*) echo "ping answered" >&2;;
           *'"error"'*) echo "refused: $line" >&2;;
           *) echo '{"jsonrpc":"2.0","id":"p","method":"ping"}'
              echo '{"jsonrpc":"2.0","id":"r","method":"roots/list"}'
              echo '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
              answer '{}';;"#,
    ));
    let upstreams = upstreams();
    result(call(&upstreams, &spec, "t").await);
    let id = tokio::time::timeout(Duration::from_secs(10), upstreams.list_changed()).await;
    assert_eq!(id.expect("soon"), spec.id);
    let logged = |text: &str| upstreams.logs(spec.id, false).iter().any(|line| line.contains(text));
    soon("the replies", || logged("ping answered") && logged("-32601")).await;
}

#[tokio::test]
async fn closing_ends_the_child_and_what_it_started() {
    let spec = Arc::new(shell(r#"*) sleep 1000 & answer "[$$,$!]";;"#));
    let upstreams = upstreams();
    let pids = result(call(&upstreams, &spec, "t").await);
    let pids: Vec<String> =
        serde_json::from_str::<Vec<u32>>(&pids).expect("two ids").iter().map(u32::to_string).collect();
    assert!(pids.iter().all(|pid| is_alive(pid)));
    let started = Instant::now();
    upstreams.close().await;
    assert!(started.elapsed() < Duration::from_secs(2), "closing its input is enough");
    soon("their end", || !pids.iter().any(|pid| is_alive(pid))).await;
}

#[tokio::test]
async fn a_child_that_will_not_end_is_killed() {
    let spec = Arc::new(with_shell(
        r#"trap '' TERM
           while :; do
               read -r line
               id=${line#*'"id":'}; id=${id%%,*}
               case $line in
                   *initialize\"*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":"2025-11-25","capabilities":{}}}';;
                   *tools/call*) echo "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":$$}";;
               esac
           done"#,
    ));
    let upstreams = upstreams();
    let pid = result(call(&upstreams, &spec, "t").await);
    assert!(is_alive(&pid));
    upstreams.forget(spec.id).await;
    assert!(!is_alive(&pid), "it has ended when forget returns");
}

/// Upstreams whose children run as `nobody`; none where we may not become it.
fn upstreams_as_nobody() -> Option<Upstreams> {
    let children = nix::unistd::geteuid().is_root().then(|| ChildUser::find(Some("nobody")).expect("a nobody"));
    Some(upstreams_as(Vec::new(), children?))
}

#[tokio::test]
async fn a_command_that_the_child_user_cannot_reach_fails_with_the_closed_directorys_name() {
    let Some(upstreams) = upstreams_as_nobody() else { return };
    let around = tempfile::tempdir().expect("a directory");
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("ours");
    };
    set(around.path(), 0o755);
    let closed = around.path().join("closed");
    std::fs::create_dir(&closed).expect("a directory");
    let program = |path: &Path, text: &str| {
        std::fs::write(path, text).expect("a file");
        set(path, 0o755);
    };
    let (inside, leads_in) = (closed.join("inside"), around.path().join("leads-in"));
    program(&inside, "#!/bin/sh\nexit 0\n");
    std::os::unix::fs::symlink(&inside, &leads_in).expect("a link");
    let by_closed = around.path().join("by-closed");
    program(&by_closed, &format!("#!{}\n", inside.display()));
    set(&closed, 0o700);

    for (command, cwd) in
        [(inside.clone(), None), (leads_in, None), (by_closed, None), ("sh".into(), Some(closed.clone()))]
    {
        let command = command.to_str().expect("UTF-8").to_owned();
        let spec = spec(Transport::Stdio { command: command.clone(), args: Vec::new(), env: Vec::new(), cwd });
        let reason = not_sent(call(&upstreams, &Arc::new(spec), "t").await);
        let names = format!("the directory {} is closed", closed.canonicalize().expect("it is there").display());
        assert!(reason.contains(&names) && reason.contains("\"nobody\""), "{command}: {reason}");
    }
}

#[tokio::test]
async fn a_child_of_the_child_user_reads_neither_environment_nor_memory_of_its_parent() {
    let Some(upstreams) = upstreams_as_nobody() else { return };
    let arms = r#"*) found=$(for file in environ mem maps; do dd if=/proc/$PPID/$file bs=1 count=1 2>&1 >/dev/null |
        grep -c 'ermission denied'; done | tr '\n' ' '); answer "\"$found\"";;"#;
    let mut spec = shell(arms);
    let Transport::Stdio { env, .. } = &mut spec.transport else { unreachable!() };
    env.push(("PATH".to_owned(), SecretString::from("/usr/bin:/bin")));
    assert_eq!(result(call(&upstreams, &Arc::new(spec), "t").await), "\"1 1 1 \"");
}
