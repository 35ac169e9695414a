//! What `permesso dev` has made, as people are told it and as files keep it.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde::{Deserialize, Serialize};

/// Outlives a run: the next one goes on with it.
const OUTLIVES: &str = "sample.json";
/// There as long as everything is ready.
const READY: &str = "dev.json";

/// What `dev` made: printed for people, kept in `dev.json` (mode 0600) for the next run and for
/// scripts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Made {
    /// The gateway's address, without a slash at its end.
    pub url: String,
    /// The sample toolkit's address, for agents.
    pub mcp_url: String,
    /// The e-mail of the first administrator.
    pub admin_email: String,
    /// Their password.
    pub admin_password: String,
    /// The e-mail of the person whose agent the sample agent is.
    pub owner_email: String,
    /// Their password.
    pub owner_password: String,
    /// The sample agent's API key.
    pub agent_key: String,
    /// The file of the sample upstream.
    pub ledger: String,
    /// The process that runs.
    pub pid: u32,
}

impl Made {
    /// What an earlier run made.
    pub fn known(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(data_dir.join(OUTLIVES)).ok()?).ok()
    }

    /// Writes `sample.json`, which outlives this run, and when everything is `ready` `dev.json`.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn keep(&self, data_dir: &Path, ready: bool) -> anyhow::Result<()> {
        for name in [OUTLIVES].into_iter().chain(ready.then_some(READY)) {
            let new = data_dir.join(format!(".{name}.new"));
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()?;
            fs::rename(&new, data_dir.join(name))?;
        }
        Ok(())
    }

    /// Removes `dev.json`: who waits for it to appear must not find that of an instance that has ended.
    pub fn withdraw(data_dir: &Path) {
        let _ = fs::remove_file(data_dir.join(READY));
    }

    /// What to do next.
    pub fn instructions(&self) -> String {
        let program = std::env::current_exe().map_or_else(|_| "permesso".to_owned(), |path| path.display().to_string());
        let Made { url, mcp_url, admin_email, admin_password, owner_email, agent_key, ledger, .. } = self;
        format!(
            r#"
Permesso is running.

  console           {url}   (open it in a browser)
  sign in as        {admin_email}   password {admin_password}

Play the agent, in another terminal; the request appears in the console's inbox:
  curl -s {mcp_url} -H 'Authorization: Bearer {agent_key}' -H 'Content-Type: application/json' \
    -H 'Accept: application/json' \
    -d '{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"send_invoice","arguments":{{"customer":"Ada","amount_cents":1250,"currency":"EUR"}}}}}}'

Or let Claude Code be the agent:
  claude mcp add --transport http ledger {mcp_url} --header "Authorization: Bearer {agent_key}"

Decide without a browser:
  export PERMESSO_URL={url} PERMESSO_EMAIL={admin_email} PERMESSO_PASSWORD='{admin_password}'
  {program} approvals list
  {program} approvals approve <approval_id>

  API               {url}/api/docs
  MCP endpoint      {mcp_url}   (in a browser it says how to connect other clients)
  agent key         {agent_key}
                    (owned by {owner_email}, so the administrator may decide)
  ledger file       {ledger}

Ctrl-C stops everything; the data stays.
"#
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_was_made_is_known_to_the_next_run_and_to_scripts_only_while_it_is_ready() {
        let dir = tempfile::tempdir().unwrap();
        let made = Made { url: "http://127.0.0.1:8765".to_owned(), agent_key: "mmcp_x".to_owned(), ..Made::default() };
        assert!(Made::known(dir.path()).is_none());
        made.keep(dir.path(), false).unwrap();
        assert_eq!(Made::known(dir.path()).unwrap().agent_key, "mmcp_x");
        assert!(!dir.path().join("dev.json").exists());
        made.keep(dir.path(), true).unwrap();
        for name in ["sample.json", "dev.json"] {
            let file = fs::metadata(dir.path().join(name)).unwrap();
            assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
        }
        Made::withdraw(dir.path());
        assert!(!dir.path().join("dev.json").exists());
        assert!(Made::known(dir.path()).is_some());
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["sample.json"]);
    }
}
