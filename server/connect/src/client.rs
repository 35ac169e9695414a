//! The supported clients, and the server that one is connected to.

use std::fmt;

use domain::Slug;

/// The environment variable from which clients and `permesso connect` read the key.
pub const KEY_VARIABLE: &str = "PERMESSO_KEY";
/// The id under which VS Code asks for the key; servers of one person share it.
pub(super) const INPUT: &str = "permesso-key";
/// The placeholder for the key where a client supports no variables.
pub(super) const PLACEHOLDER: &str = "mmcp_…";

/// A supported client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// <https://code.claude.com/docs/en/mcp>: `claude mcp add`, `.mcp.json`, and which of its fields
    /// `${VAR}` is expanded in (`headers` is one).
    ClaudeCode,
    /// <https://cursor.com/docs/mcp>: `mcp.json` and `${env:NAME}` in `headers`.
    Cursor,
    /// <https://code.visualstudio.com/docs/copilot/reference/mcp-configuration>: `.vscode/mcp.json`,
    /// `inputs`; `--add-mcp` as in VS Code's source, `mcpManagementCli.ts`.
    VsCode,
    /// <https://developers.openai.com/codex/mcp>: `config.toml`, `codex mcp add`.
    Codex,
    /// The inspector 2.12's own `--help`, and its catalog file as its command line reads it.
    Inspector,
}

/// The server that a client is connected to. Neither part may need quoting: [`Server::new`] checks that.
#[derive(Clone, Debug)]
pub struct Server {
    pub(super) name: String,
    pub(super) url: String,
}

impl Server {
    /// What clients call a toolkit unless people choose another name.
    pub fn usual_name(toolkit: &Slug) -> String {
        format!("permesso-{toolkit}")
    }

    /// A toolkit of the gateway at `base`, an address without a slash at its end. None as in [`Server::new`].
    pub fn of(base: &str, org: &Slug, toolkit: &Slug, name: &str) -> Option<Self> {
        Self::new(name, &format!("{base}/{org}/{toolkit}/mcp"))
    }

    /// The server `name` at `url`; `None` if either has a character with a meaning in a shell or a configuration file.
    pub fn new(name: &str, url: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let named = (1..=64).contains(&name.len()) && name.chars().all(plain);
        let in_url = |c: char| plain(c) || matches!(c, '.' | ':' | '/' | '[' | ']');
        let addressed = !url.is_empty() && url.chars().all(in_url);
        (named && addressed).then(|| Self { name: name.to_owned(), url: url.to_owned() })
    }

    /// The server's name in clients.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Client {
    /// All clients, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::ClaudeCode, Self::Cursor, Self::VsCode, Self::Codex, Self::Inspector];

    /// The client of this [word](Client::word).
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.word() == word)
    }

    /// The client's name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Claude Code",
            Self::Cursor => "Cursor",
            Self::VsCode => "VS Code",
            Self::Codex => "Codex",
            Self::Inspector => "MCP Inspector",
        }
    }

    /// The client's name on the command line, also its anchor on the page.
    pub fn word(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Cursor => "cursor",
            Self::VsCode => "vscode",
            Self::Codex => "codex",
            Self::Inspector => "inspector",
        }
    }

    /// Its configuration file, below the project directory or the home directory.
    pub fn file(self) -> Place {
        match self {
            Self::ClaudeCode => Place::Project(".mcp.json"),
            Self::Cursor => Place::Project(".cursor/mcp.json"),
            Self::VsCode => Place::Project(".vscode/mcp.json"),
            Self::Codex => Place::Home(".codex/config.toml"),
            Self::Inspector => Place::Home(".mcp-inspector/mcp.json"),
        }
    }

    /// Whether its file holds the key itself, because the client neither reads variables nor asks for a key.
    pub fn keeps_key(self) -> bool {
        self == Self::Inspector
    }
}

/// Where a client looks for its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Below the project directory.
    Project(&'static str),
    /// Below the home directory.
    Home(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(path) => f.write_str(path),
            Self::Home(path) => write!(f, "~/{path}"),
        }
    }
}
