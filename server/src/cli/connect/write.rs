//! A client's configuration file, changed in place: whole or not at all, with a copy of what was there.

use std::{
    fmt,
    fs::{self, OpenOptions, Permissions},
    io::{ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::Context;
use connect::{Change, Client, Conflict, KEY_VARIABLE, Place, Server, merge};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::super::{output::Output, setup::refuse};

/// What was done to a client's file.
pub(super) struct Written {
    name: String,
    file: PathBuf,
    changed: bool,
    backup: Option<PathBuf>,
}

impl Written {
    /// For programs.
    pub(super) fn json(&self) -> Value {
        let path = |path: &PathBuf| path.display().to_string();
        json!({
            "name": self.name,
            "file": path(&self.file),
            "changed": self.changed,
            "backup": self.backup.as_ref().map(path),
        })
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, file) = (&self.name, self.file.display());
        match &self.backup {
            _ if !self.changed => write!(f, "{name} is in {file} already: nothing was changed."),
            Some(backup) => write!(f, "{name} is in {file} now; {} is the file as it was.", backup.display()),
            None => write!(f, "{name} is in {file} now."),
        }
    }
}

/// Puts the server into the client's file.
pub(super) fn write(
    client: Client,
    server: &Server,
    key: Option<&SecretString>,
    force: bool,
    out: Output,
) -> anyhow::Result<Written> {
    if client.keeps_key() && key.is_none() {
        let title = client.title();
        return Err(refuse(anyhow::anyhow!(
            "{title} reads no variables, so its file holds the key: set {KEY_VARIABLE} to it and try again"
        )));
    }
    let path = place(client)?;
    let shown = path.display();
    let text = match fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("cannot read {shown}")),
    };
    let name = server.name();
    let written = |changed, backup| Written { name: name.to_owned(), file: path.clone(), changed, backup };
    let new = match merge(client, server, key, text.as_deref(), force) {
        Ok(Change::Nothing) => return Ok(written(false, None)),
        Ok(Change::Text(new)) => new,
        Err(Conflict::Taken) => {
            return Err(refuse(anyhow::anyhow!(
                "{shown} has another server named {name}: give --name another one, or --force to point that one here"
            )));
        }
        Err(conflict) => {
            super::show(client, server, out);
            return Err(refuse(anyhow::anyhow!(
                "{shown} {conflict}: nothing was written, put in yourself what is above"
            )));
        }
    };
    // Through a link to where somebody keeps such files.
    let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
    let backup = text.map(|text| back_up(&real, &text)).transpose()?;
    replace(&real, &new, client.keeps_key()).with_context(|| format!("cannot write {shown}"))?;
    Ok(written(true, backup))
}

fn place(client: Client) -> anyhow::Result<PathBuf> {
    // Codex lets one move its directory (developers.openai.com/codex/config-advanced).
    if client == Client::Codex
        && let Some(home) = std::env::var_os("CODEX_HOME").filter(|home| !home.is_empty())
    {
        return Ok(Path::new(&home).join("config.toml"));
    }
    match client.file() {
        Place::Project(path) => Ok(path.into()),
        Place::Home(path) => {
            let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
            Ok(home.context("there is no home directory: set HOME")?.join(path))
        }
    }
}

/// Keeps the file's text beside it, under the first name that is free.
fn back_up(path: &Path, text: &str) -> anyhow::Result<PathBuf> {
    let mode = fs::metadata(path)?.permissions().mode();
    for n in 1.. {
        let mut name = path.as_os_str().to_owned();
        name.push(if n == 1 { ".backup".to_owned() } else { format!(".backup-{n}") });
        let backup = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).mode(mode).open(&backup) {
            Ok(mut file) => {
                file.write_all(text.as_bytes())?;
                return Ok(backup);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("cannot write {}", backup.display())),
        }
    }
    anyhow::bail!("too many copies of {}", path.display())
}

/// Writes a file whole or not at all. One that holds a key is for its owner only; others stay as they are.
fn replace(path: &Path, text: &str, private: bool) -> anyhow::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let new = directory.join(name);
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(if private { 0o600 } else { 0o644 }).open(&new)?;
    let written = (|| {
        if !private && let Ok(before) = fs::metadata(path) {
            file.set_permissions(Permissions::from_mode(before.permissions().mode()))?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    })();
    if written.is_err() {
        // Nobody else would clear it away.
        let _ = fs::remove_file(&new);
    }
    Ok(written?)
}
