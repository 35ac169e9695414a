//! The ways to connect each client.

use super::{
    client::{Client, KEY_VARIABLE, Server},
    file,
};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What the step does, in a sentence that names the place.
    pub says: &'static str,
    /// The complete command to run or text to insert.
    pub text: String,
}

impl Client {
    /// The ways to connect the client, the best first.
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
