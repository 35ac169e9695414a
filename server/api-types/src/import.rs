//! Servers that another program has in its configuration.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

/// Servers as another program has them in its configuration: `{"mcpServers": {…}}`, or with VS Code's word
/// `{"servers": {…}}`. Everything beside them is ignored, and so are members of an entry that a connection has no place for.
#[derive(Clone, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportConnections {
    /// Each server by its name: `{command, args?, env?, cwd?}`, or `{url, headers?}`, with or without a `type` (`stdio`,
    /// `http`, `streamable-http`). At most 100.
    #[cfg_attr(feature = "openapi", schema(
        rename = "mcpServers",
        value_type = Object,
        examples(json!({"files": {"type": "stdio", "command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "/srv/files"]}}))
    ))]
    pub servers: Vec<(String, Value)>,
}

impl<'de> Deserialize<'de> for ImportConnections {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Document)
    }
}

struct Document;

impl<'de> Visitor<'de> for Document {
    type Value = ImportConnections;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `mcpServers`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<ImportConnections, A::Error> {
        let mut found: Option<Servers> = None;
        while let Some(name) = members.next_key::<String>()? {
            match name.as_str() {
                "mcpServers" | "servers" if found.is_some() => return Err(A::Error::duplicate_field("mcpServers")),
                "mcpServers" | "servers" => found = Some(members.next_value()?),
                // VS Code's settings.json.
                "mcp" if found.is_none() => found = Some(Servers(members.next_value::<ImportConnections>()?.servers)),
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        let Servers(servers) = found.ok_or_else(|| A::Error::missing_field("mcpServers"))?;
        Ok(ImportConnections { servers })
    }
}

/// In the order in which they stand, also where a name is there twice.
struct Servers(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Servers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Servers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a server by each name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Servers, A::Error> {
                let mut servers = Vec::new();
                while let Some(server) = members.next_entry()? {
                    servers.push(server);
                }
                Ok(Servers(servers))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// What came of servers that were imported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Imported {
    /// The connections that were made.
    pub created: Vec<ImportedConnection>,
    /// The servers of which none was made.
    pub skipped: Vec<SkippedServer>,
}

/// A connection that was made of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportedConnection {
    /// Its name in URLs, made of the server's.
    #[cfg_attr(feature = "openapi", schema(examples("files")))]
    pub slug: String,
    /// The members of the entry that a connection has no place for.
    pub ignored: Vec<String>,
}

/// A server of which no connection was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SkippedServer {
    /// Its name in the other program's configuration.
    pub name: String,
    /// What is wrong with it, or in its way.
    pub reason: String,
}
