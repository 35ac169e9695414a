//! Lines to paste that are the same for every client.

use domain::Slug;

use super::client::{Client, KEY_VARIABLE, PLACEHOLDER, Server};

/// Has a terminal ask for the key and keep it for what is started there. It is not shown, and stays out of the shell's
/// history.
pub fn read_key() -> String {
    format!("read -rs {KEY_VARIABLE} && export {KEY_VARIABLE}")
}

/// Makes a key for an agent of `org`, at the gateway whose address is `base`.
pub fn make_key(base: &str, org: &Slug) -> String {
    format!("permesso keys create my-agent --org {org} --email you@example.com --url '{base}'")
}

/// Writes a client's configuration file.
pub fn write_file(client: Client, base: &str, org: &Slug, toolkit: &Slug) -> String {
    format!("permesso connect {} --toolkit {org}/{toolkit} --url '{base}' --write", client.word())
}

/// The header that any other client has to send, with a placeholder for the key.
pub fn header() -> String {
    format!("Authorization: Bearer {PLACEHOLDER}")
}

/// Lists the tools that the key finds at a server, without a client.
pub fn list_tools(server: &Server) -> String {
    format!(
        "curl '{}' -H \"Authorization: Bearer ${KEY_VARIABLE}\" -H 'Content-Type: application/json' \
         -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}}'",
        server.url
    )
}
