//! The clients that are explained, and what one is to be connected with.

use std::fmt;

use domain::Slug;

/// The environment variable that clients read the key from, and `permesso connect` as well.
pub const KEY_VARIABLE: &str = "PERMESSO_KEY";
/// The id under which VS Code asks for the key; servers of one person share it.
pub(super) const INPUT: &str = "permesso-key";
/// What stands for the key where a client knows no variables.
pub(super) const PLACEHOLDER: &str = "mmcp_…";

/// A client that is explained.
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

/// What a client is to be connected with. Neither part may need quoting: [`Server::new`] sees to it.
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

    /// The server `name` at `url`; none where one of them has a character that a shell or a configuration
    /// file could take for its own.
    pub fn new(name: &str, url: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let named = (1..=64).contains(&name.len()) && name.chars().all(plain);
        let in_url = |c: char| plain(c) || matches!(c, '.' | ':' | '/' | '[' | ']');
        let addressed = !url.is_empty() && url.chars().all(in_url);
        (named && addressed).then(|| Self { name: name.to_owned(), url: url.to_owned() })
    }

    /// What clients call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Client {
    /// All, in the order in which they are explained.
    pub const ALL: [Self; 5] = [Self::ClaudeCode, Self::Cursor, Self::VsCode, Self::Codex, Self::Inspector];

    /// The client of this [word](Client::word).
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.word() == word)
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Claude Code",
            Self::Cursor => "Cursor",
            Self::VsCode => "VS Code",
            Self::Codex => "Codex",
            Self::Inspector => "MCP Inspector",
        }
    }

    /// What the command line calls it, which is also its anchor on the page.
    pub fn word(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Cursor => "cursor",
            Self::VsCode => "vscode",
            Self::Codex => "codex",
            Self::Inspector => "inspector",
        }
    }

    /// Its configuration file: below the directory that one works in, or below one's home.
    pub fn file(self) -> Place {
        match self {
            Self::ClaudeCode => Place::Project(".mcp.json"),
            Self::Cursor => Place::Project(".cursor/mcp.json"),
            Self::VsCode => Place::Project(".vscode/mcp.json"),
            Self::Codex => Place::Home(".codex/config.toml"),
            Self::Inspector => Place::Home(".mcp-inspector/mcp.json"),
        }
    }

    /// Whether its file holds the key itself, because it reads no variable and asks nobody.
    pub fn keeps_key(self) -> bool {
        self == Self::Inspector
    }
}

/// Where a client looks for its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Below the directory that one works in.
    Project(&'static str),
    /// Below one's home.
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
