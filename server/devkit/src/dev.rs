//! What `permesso dev` has made, as people are told it and as files keep it.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde::{Deserialize, Serialize};

/// What `dev` made: printed for people, kept in `dev.json` (mode 0600) for the next run and for
/// scripts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Made {
    url: String,
    mcp_url: String,
    admin_email: String,
    admin_password: String,
    owner_email: String,
    owner_password: String,
    agent_key: String,
    ledger: String,
    pid: u32,
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
