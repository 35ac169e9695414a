//! What of a program's arguments is shown. Any argument may be a password, and no list of shapes finds each that is one.
//! So an argument is shown only where its form says what it is: a flag, a path, the package that a runner runs, and of a
//! web address its server. Everything else is masked, and so is whatever may be a flag's value.
//!
//! People who may change the connection are shown more: all but values under names that look secret, passwords in
//! addresses, and what has the shape of a credential.

use std::{collections::BTreeMap, ops::Range, path::Path, sync::LazyLock};

use redact::{REDACTED, is_secret_name, redact};
use regex::Regex;
use url::Url;

use super::{
    address::{View, is_named, is_secret, masked_path},
    config::MASK,
    references::is_reference,
};

/// `user:password@`, at the beginning or after `://`, a blank, a quote or `=`, up to the first `@` and up to the last: a
/// password may have one in it, and so may what follows. And `://token@`.
pub(super) static PASSWORDS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    let password = |many| pattern(&format!(r#"(?:^|://|[\s="'])[^\s:/@"']*:([^\s"'/][^\s"']{many})@"#));
    [password("+?"), password("+"), pattern(r#"://([^\s/@"']+)@"#)]
});
/// An argument that is one `--flag=value`, `NAME=value` or `Name: value`.
static PAIR: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)^(-{0,2}[A-Za-z_][A-Za-z0-9_.-]*)(?:=|:\s+)(.+)$"));
/// What stands before the value in `name=value` and `"name": "value"`, as connection strings and queries have them.
static NAMED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"([A-Za-z_][A-Za-z0-9_.-]*)["']?\s*[=:]\s*["']?(?:(?i:bearer|basic|token)\s+)?"#));
/// What a shell puts a variable's value for.
static VARIABLE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\$(?:[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\})$"));

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

/// The arguments of `command` as they are shown, one for one; they refer to variables of `env`.
pub(super) fn shown(command: &str, args: &[String], view: View, env: &BTreeMap<String, String>) -> Vec<String> {
    if view == View::Whole {
        let befores = std::iter::once("").chain(args.iter().map(String::as_str));
        return args.iter().zip(befores).map(|(arg, before)| without_secrets(before, arg, env)).collect();
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

/// The argument without what is secret in it; a value that only refers to a variable is not.
fn without_secrets(before: &str, arg: &str, env: &BTreeMap<String, String>) -> String {
    let is_plain = |value: &str| is_reference(value, env) || VARIABLE.is_match(value);
    if is_plain(arg) {
        return arg.to_owned();
    }
    if before.starts_with('-') && is_named(before) {
        return MASK.to_owned();
    }
    if let Some(pair) = PAIR.captures(arg).filter(|pair| is_secret_name(&pair[1])) {
        let (before, value) = arg.split_at(arg.len() - pair[2].len());
        return if is_plain(value) { arg.to_owned() } else { format!("{before}{MASK}") };
    }
    let named = NAMED.captures_iter(arg).filter(|named| is_secret_name(&named[1]));
    let values = named.map(|named| value_from(arg, named.get_match().end()));
    let passwords = PASSWORDS.iter().flat_map(|pattern| pattern.captures_iter(arg)).filter_map(|found| found.get(1));
    // `user:password` is no token; another pattern finds the password.
    let user_stays = |value: &str| value.contains(':') && arg.contains(&format!("://{value}@"));
    let passwords = passwords.filter(|value| !user_stays(value.as_str())).map(|value| value.range());
    let secret = values.chain(passwords).filter(|value| !is_plain(&arg[value.clone()])).collect();
    without_shapes(&masked(arg, secret))
}

/// The value that begins here and ends at what separates it from the next.
fn value_from(arg: &str, at: usize) -> Range<usize> {
    let ends = |character: char| character.is_whitespace() || matches!(character, ';' | '&' | ',' | '"' | '\'');
    at..arg[at..].find(ends).map_or(arg.len(), |length| at + length)
}

/// A text with these ranges masked, which may overlap.
fn masked(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_by_key(|range| range.start);
    let (mut masked, mut end) = (String::with_capacity(text.len()), 0);
    for range in ranges {
        if range.start >= end {
            masked.push_str(&text[end..range.start]);
            masked.push_str(MASK);
        }
        end = end.max(range.end);
    }
    masked + &text[end..]
}

/// A text without what the record would not have of it.
fn without_shapes(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    serde_json::from_str::<String>(&redact(&json)).map_or_else(|_| MASK.to_owned(), |text| text.replace(REDACTED, MASK))
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
        let args = args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
        shown(command, &args, View::Masked, &BTreeMap::new())
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

    /// As people see it who may change the connection.
    fn whole(args: &[&str]) -> Vec<String> {
        let env = BTreeMap::from([("KEY".to_owned(), "hunter2".to_owned())]);
        shown("node", &args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>(), View::Whole, &env)
    }

    #[test]
    fn what_looks_secret_is_masked_to_everybody() {
        for (args, expected) in [
            (&["--api-key=hunter2"][..], &["--api-key=********"][..]),
            (&["--access-token", "hunter2", "x"], &["--access-token", "********", "x"]),
            (&["--password=a=b c"], &["--password=********"]),
            (&["-password", "--hunter2"], &["-password", "********"]),
            (&["--db-password", "/hunter2"], &["--db-password", "********"]),
            (&["postgresql://app:hunter2@db:5432/prod"], &["postgresql://app:********@db:5432/prod"]),
            (
                &["--dsn=mongodb+srv://app:hunter2@c0.mongodb.net/x"],
                &["--dsn=mongodb+srv://app:********@c0.mongodb.net/x"],
            ),
            (&["redis://:hunter2@cache"], &["redis://:********@cache"]),
            (&["https://hunter2@git.example/x"], &["https://********@git.example/x"]),
            (&["https://a.example/?api_key=hunter2&n=1"], &["https://a.example/?api_key=********&n=1"]),
            (&["Server=db;User Id=sa;Pwd=hunter2;"], &["Server=db;User Id=sa;Pwd=********;"]),
            (&["-e", "API_TOKEN=hunter2"], &["-e", "API_TOKEN=********"]),
            (&["-H", "Authorization: Bearer hunter2"], &["-H", "Authorization: ********"]),
            (&[r#"{"token": "hunter2", "n": 1}"#], &[r#"{"token": "********", "n": 1}"#]),
            (&["-c", "PGPASSWORD=hunter2 psql"], &["-c", "PGPASSWORD=********"]),
            (&["-c", "exec app --token hunter2"], &["-c", "exec app --token ********"]),
        ] {
            assert_eq!(whole(args), expected, "{args:?}");
            assert!(!masked("node", args).iter().any(|arg| arg.contains("hunter2")), "{args:?}");
        }
    }

    #[test]
    fn what_does_not_is_shown_to_people_who_may_change_it() {
        for args in [
            &["-y", "@scope/server@1.2.3", "/srv/files", "--region", "eu"][..],
            &["https://a.example:8443/550e8400-e29b-41d4-a716-446655440000/mcp?n=1"],
            &["--max-tokens", "100", "--token-count=7", "--key", "value"],
            &["-c", "exec app --token $TOKEN --key=${KEY}"],
            &["--api-key", "{KEY}", "--api-key={KEY}", "--token=$TOKEN"],
            &["C:\\x", "a:b", "--", "-p", "5432"],
        ] {
            assert_eq!(whole(args), args, "{args:?}");
        }
        assert_eq!(whole(&["--api-key", "{OTHER}"])[1], MASK, "nobody declared it");
    }
}
