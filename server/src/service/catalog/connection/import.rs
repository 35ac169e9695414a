//! Servers as other programs have them in their configuration (`mcpServers`, VS Code's `servers`): each becomes a connection,
//! or is left out for a reason. What other programs would fill in (`${input:key}`, `${HOME}`) is nothing that the gateway
//! knows, so an entry with that is left out as well.

use std::{collections::BTreeMap, sync::LazyLock};

use api_types::{ConnectionKind, ImportConnections, Imported, ImportedConnection, SkippedServer};
use domain::{ConnectionId, Slug};
use regex::Regex;
use serde_json::{Map, Value, json};

use super::{Config, connect_default, default_ms, get_row, may_run_programs, new_slug, recorded, references};
use crate::{
    db::{self, OrgScope},
    error::{Error, Result, shown},
    service::{Base, access::OrgAccess, change},
    upstream::ConnectionSpec,
};

/// How many servers may be imported at once.
const MOST: usize = 100;
/// How many members that are ignored are named for each.
const NAMED: usize = 20;

/// What another program replaces: `${NAME}`, `${kind:name}`, and what is put there instead (`:-…`). Not what a shell alone
/// understands, such as `${line#*=}`.
static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\$\{([A-Za-z_][A-Za-z0-9_.]*(?::[A-Za-z0-9_][^}:]*)?)(?::-[^}]*)?\}")
        .expect("the pattern is a constant that the tests compile")
});

/// What an entry says, in our words.
#[derive(Debug, PartialEq)]
struct ImportedServer {
    kind: ConnectionKind,
    config: Value,
    ignored: Vec<String>,
}

/// Makes a connection of each server. One that cannot be made keeps none of the others back.
///
/// # Errors
/// More than 100 servers; as [`change::begin`].
pub async fn import(services: &Base, access: &OrgAccess, new: &ImportConnections) -> Result<Imported> {
    if new.servers.len() > MOST {
        let message = format!("has {} servers; {MOST} can be imported at once", new.servers.len());
        return Err(Error::invalid("mcpServers", message));
    }
    let mut scope = change::begin(services, access).await?;
    let (mut imported, mut records) = (Imported::default(), Vec::new());
    for (name, entry) in &new.servers {
        let made = match read(access, name, entry) {
            Ok((slug, entry, config)) => make(services, &mut scope, &slug, &entry, &config).await?.ok_or_else(|| {
                format!("there is a connection `{slug}` already; rename the server, or change that connection")
            }),
            Err(reason) => Err(reason),
        };
        match made {
            Ok((created, record)) => {
                imported.created.push(created);
                records.push(record);
            }
            Err(reason) => imported.skipped.push(SkippedServer { name: shown(name.as_bytes()), reason }),
        }
    }
    if !records.is_empty() {
        let skipped: Vec<_> = imported.skipped.iter().map(|server| &server.name).collect();
        let request = json!({"created": records, "skipped": skipped});
        change::commit(services, scope, &access.actor, "import_connections", &request, None::<&()>).await?;
    }
    Ok(imported)
}

/// What a connection has to be like, or why there can be none.
fn read(access: &OrgAccess, name: &str, entry: &Value) -> Result<(Slug, ImportedServer, Config), String> {
    let slug = slug_of(name)?;
    let entry = ImportedServer::read(entry)?;
    may_run_programs(access, entry.kind).map_err(|error| error.message.into_owned())?;
    let config = Config::read(entry.kind, &entry.config, None).map_err(|error| error.message.into_owned())?;
    Ok((slug, entry, config))
}

/// None: the slug is taken.
async fn make(
    services: &Base,
    scope: &mut OrgScope,
    slug: &Slug,
    entry: &ImportedServer,
    config: &Config,
) -> Result<Option<(ImportedConnection, Value)>> {
    let id = ConnectionId::new();
    let new = db::connection::New {
        id,
        slug: slug.as_str(),
        kind: entry.kind.as_str(),
        config_sealed: &config.seal(&services.sealer, id)?,
        connect_timeout_ms: default_ms(connect_default(entry.kind)),
        call_timeout_ms: default_ms(ConnectionSpec::CALL_TIMEOUT),
    };
    if !db::connection::insert(scope, &new).await? {
        return Ok(None);
    }
    let row = get_row(scope, slug.as_str()).await?;
    let created = ImportedConnection { slug: row.slug.clone(), ignored: entry.ignored.clone() };
    Ok(Some((created, recorded(&row, Some(config)))))
}

/// The nearest name in URLs.
fn slug_of(name: &str) -> Result<Slug, String> {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let words: String = name.chars().map(word).collect();
    let words = words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    let fits = words.char_indices().nth(40).map_or(words.as_str(), |(at, _)| &words[..at]);
    new_slug(fits.trim_end_matches('-'))
        .map_err(|error| format!("no name in URLs can be made of this one, which {}", error.fields[0].message))
}

impl ImportedServer {
    fn read(entry: &Value) -> Result<Self, String> {
        let mut members = entry.as_object().ok_or("must be an object")?.clone();
        members.retain(|_, value| !value.is_null());
        if members.remove("disabled") == Some(Value::Bool(true)) || members.get("enabled") == Some(&Value::Bool(false))
        {
            return Err("is switched off there".to_owned());
        }
        members.remove("enabled");
        let kind = kind(&mut members)?;
        let mut config = Map::new();
        match kind {
            ConnectionKind::StreamableHttp => {
                let url = ["httpUrl", "serverUrl", "url"].iter().find_map(|name| members.remove(*name));
                config.insert(
                    "url".to_owned(),
                    text("url", url.as_ref().ok_or("has neither `command` nor `url`")?)?.into(),
                );
                config.insert("headers".to_owned(), json!(texts("headers", members.remove("headers"))?));
            }
            ConnectionKind::Stdio => {
                let command = members.remove("command").ok_or("is a program without a `command`")?;
                config.insert("command".to_owned(), text("command", &command)?.into());
                let env = texts("env", members.remove("env"))?;
                config.insert("args".to_owned(), args(members.remove("args"), &env)?);
                config.insert("env".to_owned(), json!(env));
                if let Some(cwd) = members.remove("cwd") {
                    config.insert("cwd".to_owned(), text("cwd", &cwd)?.into());
                }
            }
        }
        let ignored = members.keys().take(NAMED).map(|name| shown(name.as_bytes())).collect();
        Ok(Self { kind, config: Value::Object(config), ignored })
    }
}

/// How the server is spoken to: as it says, else by what it has.
fn kind(members: &mut Map<String, Value>) -> Result<ConnectionKind, String> {
    let said = members.remove("type").into_iter().chain(members.remove("transport")).next();
    let Some(said) = said else {
        let is_program = members.contains_key("command");
        let has_url = ["httpUrl", "serverUrl", "url"].iter().any(|name| members.contains_key(*name));
        return match (is_program, has_url) {
            (true, true) => Err("has a `command` and a `url`, and no `type` that says which is meant".to_owned()),
            (true, false) => Ok(ConnectionKind::Stdio),
            (false, _) => Ok(ConnectionKind::StreamableHttp),
        };
    };
    let word = said.as_str().ok_or("has a `type` that is not text")?;
    match word.to_ascii_lowercase().replace(['-', '_'], "").as_str() {
        "stdio" => Ok(ConnectionKind::Stdio),
        "http" | "streamablehttp" => Ok(ConnectionKind::StreamableHttp),
        "sse" => {
            Err("speaks HTTP with SSE, the transport of MCP 2024-11-05, which no connection speaks; look for the \
                      server's address for streamable HTTP (`\"type\": \"http\"`)"
                .to_owned())
        }
        _ => Err(format!("has the `type` `{}`, which is neither `stdio` nor `http`", shown(word.as_bytes()))),
    }
}

fn args(args: Option<Value>, env: &BTreeMap<String, String>) -> Result<Value, String> {
    let args = match args {
        None => Vec::new(),
        Some(Value::Array(args)) => args,
        Some(_) => return Err("`args` must be a list".to_owned()),
    };
    let each = args.iter().enumerate().map(|(at, arg)| {
        let arg = text(&format!("args[{at}]"), arg)?;
        // There it stands for nothing but itself.
        Ok(if references::refers(&arg, env) { arg.replace('{', "{{") } else { arg })
    });
    Ok(json!(each.collect::<Result<Vec<_>, String>>()?))
}

fn texts(field: &str, values: Option<Value>) -> Result<BTreeMap<String, String>, String> {
    let values = match values {
        None => Map::new(),
        Some(Value::Object(values)) => values,
        Some(_) => return Err(format!("`{field}` must be an object")),
    };
    let set = values.into_iter().filter(|(_, value)| !value.is_null());
    set.map(|(name, value)| Ok((text(&format!("{field}.{}", shown(name.as_bytes())), &value)?, name)))
        .map(|read: Result<_, String>| read.map(|(value, name)| (name, value)))
        .collect()
}

/// A text, or what has only one. The value may be secret, so it is not shown.
fn text(field: &str, value: &Value) -> Result<String, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => return Err(format!("`{field}` must be text; write it in quotes")),
    };
    match PLACEHOLDER.captures(&text) {
        None => Ok(text),
        Some(found) => Err(format!(
            "`{field}` has `${{{}}}`, which only the program that this comes from can fill in; write the value",
            shown(found[1].as_bytes())
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

    use super::*;

    fn config(entry: Value) -> Value {
        ImportedServer::read(&entry).unwrap().config
    }

    fn reason(entry: Value) -> String {
        ImportedServer::read(&entry).unwrap_err()
    }

    #[test]
    fn programs_are_read_as_each_client_writes_them() {
        let plain = json!({"command": "npx", "args": ["-y", "a"], "env": {"A": "1"}});
        for (more, ignored) in [
            (json!({}), vec![]),
            (json!({"type": "stdio"}), vec![]),
            (
                json!({"type": "stdio", "disabled": false, "autoApprove": ["x"], "timeout": 60}),
                vec!["autoApprove", "timeout"],
            ),
            (json!({"transport": "STDIO", "envFile": null, "dev": {"watch": "*"}}), vec!["dev"]),
        ] {
            let mut entry = plain.clone();
            entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let read = ImportedServer::read(&entry).unwrap();
            assert_eq!(
                (read.kind, read.config, read.ignored),
                (ConnectionKind::Stdio, plain.clone(), ignored.iter().map(|name| (*name).to_owned()).collect())
            );
        }
        assert_eq!(config(json!({"command": "srv", "cwd": "/srv"}))["cwd"], "/srv");
    }

    #[test]
    fn addresses_are_read_as_each_client_writes_them() {
        let url = "https://a.example/mcp";
        for entry in [
            json!({"url": url}),
            json!({"type": "http", "url": url}),
            json!({"type": "streamable-http", "url": url}),
            json!({"type": "streamableHttp", "url": url}),
            json!({"transport": "streamable_http", "url": url}),
            json!({"serverUrl": url}),
            json!({"httpUrl": url}),
        ] {
            assert_eq!(config(entry.clone()), json!({"url": url, "headers": {}}), "{entry}");
        }
        assert_eq!(config(json!({"url": url, "headers": {"X-Key": "k"}}))["headers"], json!({"X-Key": "k"}));
    }

    #[test]
    fn what_has_one_text_is_taken_as_that_and_everything_else_is_named() {
        let read =
            config(json!({"command": "srv", "args": ["-p", 80], "env": {"PORT": 8080, "DEBUG": true, "NONE": null}}));
        assert_eq!(read["args"], json!(["-p", "80"]));
        assert_eq!(read["env"], json!({"PORT": "8080", "DEBUG": "true"}));
        for (env, field) in
            [(json!({"RATE": 1.0}), "env.RATE"), (json!({"LIST": ["SECRET"]}), "env.LIST"), (json!([]), "env")]
        {
            let reason = reason(json!({"command": "srv", "env": env}));
            assert!(reason.contains(&format!("`{field}`")) && !reason.contains("SECRET"), "{reason}");
        }
        assert!(reason(json!({"command": ["npx"]})).contains("`command`"));
        assert!(reason(json!({"command": "srv", "args": "-y"})).contains("`args`"));
        assert!(reason(json!({"url": "https://a.example", "headers": "x"})).contains("`headers`"));
    }

    #[test]
    fn what_another_program_fills_in_is_named_and_not_taken() {
        for (text, shown) in [
            ("${input:api-key}", "${input:api-key}"),
            ("Bearer ${env:TOKEN}", "${env:TOKEN}"),
            ("${workspaceFolder}/x", "${workspaceFolder}"),
            ("${TOKEN:-SECRET}", "${TOKEN}"),
            ("${env:TOKEN:-SECRET}", "${env:TOKEN}"),
        ] {
            for entry in [
                json!({"command": "srv", "env": {"A": text}}),
                json!({"command": "srv", "args": [text]}),
                json!({"url": "https://a.example", "headers": {"x": text}}),
                json!({"url": format!("https://a.example/{text}")}),
            ] {
                let reason = reason(entry);
                assert!(reason.contains(&format!("`{shown}`")) && !reason.contains("SECRET"), "{reason}");
            }
        }
        assert_eq!(
            config(json!({"command": "srv", "args": ["$HOME", "a{b}", "${a#*=}"]}))["args"],
            json!(["$HOME", "a{b}", "${a#*=}"])
        );
    }

    #[test]
    fn what_a_connection_has_no_words_for_is_left_out_with_the_reason() {
        assert!(reason(json!({"type": "sse", "url": "https://a.example/sse"})).contains("streamable HTTP"));
        assert!(reason(json!({"type": "ws", "url": "wss://a.example"})).contains("`ws`"));
        assert!(reason(json!({"type": 7})).contains("`type`"));
        assert!(reason(json!({"command": "a", "url": "https://a.example"})).contains("no `type`"));
        assert!(reason(json!({"command": "a", "disabled": true})).contains("switched off"));
        assert!(reason(json!({})).contains("`command`"));
        assert!(reason(json!(["a"])).contains("object"));
    }

    #[test]
    fn an_argument_that_looks_like_a_reference_stays_what_it_is() {
        let read = config(json!({"command": "srv", "args": ["{KEY}", "{{x}}", "{}"], "env": {"KEY": "SECRET"}}));
        let env = BTreeMap::from([("KEY".to_owned(), "SECRET".to_owned())]);
        let resolved: Vec<_> = read["args"]
            .as_array()
            .unwrap()
            .iter()
            .map(|arg| references::resolved(arg.as_str().unwrap(), &env))
            .collect();
        assert_eq!(resolved, ["{KEY}", "{{x}}", "{}"]);
    }

    #[test]
    fn a_name_in_urls_is_made_of_any_name() {
        let slug = |name: &str| slug_of(name).map(|slug| slug.as_str().to_owned());
        assert_eq!(slug("GitHub (work)").unwrap(), "github-work");
        assert_eq!(slug("@scope/name_x").unwrap(), "scope-name-x");
        assert_eq!(slug(&format!("{}-tail", "a".repeat(39))).unwrap(), "a".repeat(39));
        for none in ["", "中", "x", "import"] {
            assert!(slug(none).is_err(), "{none}");
        }
    }
}
