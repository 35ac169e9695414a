//! How an agent's client is pointed at a toolkit: the commands and configuration files of each client, in
//! one place for the page that a browser sees and for `permesso connect`.
//!
//! The key is never part of what is shown: each client reads it from the environment or asks for it, and
//! where one can do neither it says so. What a client understands is from its maker's documentation, named
//! at each [`Client`].

mod file;
mod page;

#[cfg(test)]
mod tests;

pub use file::{Change, Conflict, merge};
pub(super) use page::connect_page;

/// The environment variable that clients read the key from, and `permesso connect` as well.
pub const KEY_VARIABLE: &str = "PERMESSO_KEY";
/// The id under which VS Code asks for the key; servers of one person share it.
const INPUT: &str = "permesso-key";
/// What stands for the key where a client knows no variables.
const PLACEHOLDER: &str = "mmcp_…";

/// A client that is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Client {
    /// <https://code.claude.com/docs/en/mcp>: `claude mcp add`, `.mcp.json`, and which of its fields
    /// `${VAR}` is expanded in (`headers` is one).
    #[value(help = "Claude Code: .mcp.json")]
    ClaudeCode,
    /// <https://cursor.com/docs/mcp>: `mcp.json` and `${env:NAME}` in `headers`.
    #[value(help = "Cursor: .cursor/mcp.json")]
    Cursor,
    /// <https://code.visualstudio.com/docs/copilot/reference/mcp-configuration>: `.vscode/mcp.json`,
    /// `inputs`; `--add-mcp` as in VS Code's source, `mcpManagementCli.ts`.
    #[value(name = "vscode", help = "VS Code: .vscode/mcp.json")]
    VsCode,
    /// <https://developers.openai.com/codex/mcp>: `config.toml`, `codex mcp add`.
    #[value(help = "Codex: ~/.codex/config.toml")]
    Codex,
    /// The inspector 2.12's own `--help`, and its catalog file as its command line reads it.
    #[value(help = "MCP Inspector: ~/.mcp-inspector/mcp.json")]
    Inspector,
}

/// What a client is to be connected with. Neither part may need quoting: [`Server::new`] sees to it.
#[derive(Clone, Debug)]
pub struct Server {
    name: String,
    url: String,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does, in a sentence with the place in it.
    pub says: &'static str,
    /// What to run or to put there, whole.
    pub text: String,
}

impl Server {
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

    /// The ways to connect it, the best first.
    pub fn steps(self, server: &Server) -> Vec<Step> {
        let Server { name, url } = server;
        let file = |says| Step { says, text: file::fresh(self, server) };
        let run = |says, text| Step { says, text };
        match self {
            Self::ClaudeCode => vec![
                run(
                    "For this project, in a terminal. It writes .mcp.json, with the variable's name in it and \
                     not the key, so that it can be shared:",
                    format!(
                        "claude mcp add --transport http --scope project {name} '{url}' \
                         --header 'Authorization: Bearer ${{{KEY_VARIABLE}}}'"
                    ),
                ),
                file("The same by hand, in .mcp.json:"),
                run(
                    "For you, in every project. The shell puts the key in, and Claude Code keeps it in \
                     ~/.claude.json:",
                    format!(
                        "claude mcp add --transport http --scope user {name} '{url}' \
                         --header \"Authorization: Bearer ${KEY_VARIABLE}\""
                    ),
                ),
            ],
            Self::Cursor => vec![file("In .cursor/mcp.json for a project, or in ~/.cursor/mcp.json for all of yours:")],
            Self::VsCode => vec![
                file("In .vscode/mcp.json. VS Code asks for the key once and keeps it as a secret:"),
                run(
                    "For you, in every folder, in a terminal:",
                    format!("code --add-mcp '{}'", file::definition(server)),
                ),
            ],
            Self::Codex => vec![
                run(
                    "In a terminal:",
                    format!("codex mcp add {name} --url '{url}' --bearer-token-env-var {KEY_VARIABLE}"),
                ),
                file(
                    "Or in ~/.codex/config.toml, with the time that a call may take: held calls wait for a person, \
                     longer than Codex does unless it is told to:",
                ),
            ],
            Self::Inspector => vec![
                run(
                    "What the toolkit offers, in a terminal with Node.js 22.19 or newer:",
                    format!(
                        "npx @modelcontextprotocol/inspector --cli '{url}' --transport http \
                         --header \"Authorization: Bearer ${KEY_VARIABLE}\" --method tools/list"
                    ),
                ),
                file(
                    "For its page in the browser, in ~/.mcp-inspector/mcp.json. It reads no variables: put the key \
                     itself in, and keep the file to yourself:",
                ),
            ],
        }
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
