//! What of a program's arguments is shown. Any argument may be a password, and no list of shapes finds each that is one.
//! So an argument is shown only where its form says what it is: a flag, a path, the package that a runner runs, and of a
//! web address its server. Everything else is masked, and so is whatever may be a flag's value.

use std::{path::Path, sync::LazyLock};

use regex::Regex;
use url::Url;

use super::{
    address::{View, is_named, is_secret, masked_path},
    config::MASK,
};

/// `-y`, `--region`. Not `-psecret`: what follows one letter may be its value.
static FLAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:--?[A-Za-z]|--[A-Za-z][A-Za-z0-9._-]+|--)$"));
static PATH: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:/|\./|\.\./|~/)[A-Za-z0-9._/~-]*$"));
static PACKAGE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?:@[a-z0-9][a-z0-9._-]*/)?[A-Za-z][A-Za-z0-9._-]*(?:(?:@|==)[A-Za-z0-9][A-Za-z0-9.-]*)?$")
});
/// Programs whose first argument that is no flag is a package.
const RUNNERS: [&str; 3] = ["npx", "bunx", "uvx"];
/// Their flags that take no value.
const YES: [&str; 2] = ["-y", "--yes"];

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that the tests compile")
}

/// The arguments of `command` as they are shown, one for one.
pub(super) fn shown(command: &str, args: &[String], view: View) -> Vec<String> {
    if view == View::Whole {
        return args.to_vec();
    }
    let package = package(command, args);
    let mut before = "";
    let each = args.iter().enumerate().map(|(at, arg)| {
        let shown = if Some(at) == package { arg.clone() } else { shown_after(before, arg) };
        before = arg;
        shown
    });
    each.collect()
}

fn shown_after(before: &str, arg: &str) -> String {
    let is_value = before.starts_with('-') && before != "--";
    let is_secret = is_value && is_named(before);
    match arg.split_once('=') {
        _ if is_flag(arg) && !is_secret => return arg.to_owned(),
        Some((flag, _)) if is_flag(flag) && !is_secret => return format!("{flag}={MASK}"),
        _ if is_value => {}
        _ if PATH.is_match(arg) => return masked_path(arg),
        _ => {
            if let Some(server) = web_address(arg).and_then(|url| server(&url)) {
                return server;
            }
        }
    }
    MASK.to_owned()
}

/// The argument as a web address, if it is one.
pub(super) fn web_address(arg: &str) -> Option<Url> {
    Url::parse(arg).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// Its scheme, host and port; none where the host looks like a secret itself.
fn server(url: &Url) -> Option<String> {
    let origin = url.origin().ascii_serialization();
    let rest = if url.path() == "/" && url.query().is_none() { "" } else { MASK };
    (!url.host_str()?.split('.').any(is_secret)).then(|| format!("{origin}/{rest}"))
}

fn is_flag(arg: &str) -> bool {
    FLAG.is_match(arg) && !is_secret(arg)
}

/// Where the package stands.
fn package(command: &str, args: &[String]) -> Option<usize> {
    let name = Path::new(command).file_name()?.to_str()?;
    let at = args.iter().position(|arg| !YES.contains(&arg.as_str()))?;
    (RUNNERS.contains(&name) && PACKAGE.is_match(&args[at]) && !is_secret(&args[at])).then_some(at)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics fails")]

    use super::*;

    fn masked(command: &str, args: &[&str]) -> Vec<String> {
        shown(command, &args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>(), View::Masked)
    }

    #[test]
    fn passwords_in_arguments_are_masked_wherever_they_stand() {
        for args in [
            &["postgresql://app:hunter2@db:5432/prod"][..],
            &["redis://:hunter2@cache"],
            &["--dsn=mongodb+srv://app:hunter2@c0.mongodb.net/x"],
            &["mysql://root:hunter2@db/x"],
            &["-p", "hunter2"],
            &["-phunter2"],
            &["-p=hunter2"],
            &["-p", "/hunter2"],
            &["-hunter2"],
            &["--password", "--hunter2"],
            &["--pass=/hunter2"],
            &["--pass", "/hunter2"],
            &["--dsn", "root:hunter2@tcp(db)/x"],
            &["--header", "X-Key: hunter2"],
            &["--header", "Authorization:Bearer hunter2"],
            &["--connection-string", "Server=db;User Id=sa;Pwd=hunter2;"],
            &["https://hooks.example/s/hunter2"],
            &["https://app:hunter2@hooks.example/"],
            &["https://hooks.example/?k=hunter2"],
            &["--url=https://hooks.example/hunter2"],
            &["-c", "PGPASSWORD=hunter2 psql"],
            &["PGPASSWORD=hunter2"],
            &["//app:hunter2@db/x"],
            &["/run?hunter2"],
            &["/token/hunter2"],
            &["hunter2"],
            &["app", "hunter2"],
        ] {
            for command in ["psql", "npx", "/usr/bin/env"] {
                // Where a runner has its package, a word is the package.
                if command != "npx" || !["hunter2", "app"].contains(&args[0]) {
                    let shown = masked(command, args);
                    assert!(!shown.iter().any(|arg| arg.contains("hunter2")), "{command} {args:?}: {shown:?}");
                }
            }
        }
        assert_eq!(masked("npx", &["app", "hunter2"]), ["app", MASK]);
        assert_eq!(masked("npx", &["-p", "hunter2"]), ["-p", MASK]);
        assert_eq!(masked("npx", &["ghp_16C7e42F29"]), [MASK]);
    }

    #[test]
    fn flags_paths_packages_and_servers_are_shown() {
        let package = "@modelcontextprotocol/server-filesystem@2025.8.21";
        assert_eq!(masked("npx", &["-y", package, "/srv/files"]), ["-y", package, "/srv/files"]);
        assert_eq!(masked("/usr/bin/uvx", &["mcp-server-git", "--verbose"]), ["mcp-server-git", "--verbose"]);
        assert_eq!(masked("node", &["./dist/index.js", "--", "/srv", "--v"]), ["./dist/index.js", "--", "/srv", "--v"]);
        let shown = masked("npx", &["mcp-remote", "https://a.example:8443/x/mcp?k=1", "--region", "eu", "--n=3"]);
        let server = format!("https://a.example:8443/{MASK}");
        assert_eq!(shown, ["mcp-remote", &server, "--region", MASK, &format!("--n={MASK}")]);
        assert_eq!(masked("node", &["http://127.0.0.1:9"]), ["http://127.0.0.1:9/"]);
    }

    #[test]
    fn who_may_see_them_whole_sees_each() {
        let args = ["-p".to_owned(), "hunter2".to_owned()];
        assert_eq!(shown("psql", &args, View::Whole), args);
    }
}
