//! Audit records.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The `tool` of a record of a request that was refused before its body was read, or whose body could not be read: it may
/// have called any. No tool has such a name.
pub const NOT_READ: &str = "(not read)";

/// A record in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditRecord {
    /// Its id.
    pub id: Uuid,
    /// When it began.
    pub at: DateTime<Utc>,
    /// The request it belongs to.
    pub request_id: Uuid,
    /// `key`, `user` or `system`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::words::ActorKind))]
    pub actor_kind: String,
    /// The actor's id.
    pub actor_id: Option<Uuid>,
    /// What people call the actor.
    #[cfg_attr(feature = "openapi", schema(examples("robot")))]
    pub actor_name: String,
    /// The actor's own org, where it is another.
    pub actor_org_id: Option<Uuid>,
    /// The MCP method or REST operation.
    #[cfg_attr(feature = "openapi", schema(examples("tools/call")))]
    pub action: String,
    /// The toolkit's slug.
    #[cfg_attr(feature = "openapi", schema(examples("bank")))]
    pub toolkit: Option<String>,
    /// The tool's name. `(not read)`: the request was refused before its body was read, or that could not be read, so that
    /// nobody knows which tool it called, or whether it called one.
    #[cfg_attr(feature = "openapi", schema(examples("pay")))]
    pub tool: Option<String>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// The approval it belongs to.
    pub approval_id: Option<Uuid>,
    /// The client, as it said.
    pub client: Option<String>,
    /// Where it came from; `null` in records of earlier versions.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::words::AuditSource>))]
    pub source: Option<String>,
    /// How it ended; `interrupted` while there is no outcome.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::words::AuditStatus))]
    pub status: String,
    /// Of a call (`tools/call`) that ended with `error`: `tool_error` where the tool reported it, `protocol_error`
    /// where the upstream answered with a JSON-RPC error.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<domain::approval::Answer>))]
    pub answer: Option<String>,
    /// How long it took, in microseconds.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub duration_us: Option<i64>,
}

/// One record with its bodies, for who may see them.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditRecordDetail {
    /// The same as in the list.
    #[serde(flatten)]
    pub record: AuditRecord,
    /// The request as JSON text, secrets taken out; `null` without the right `audit:bodies`.
    pub request: Option<String>,
    /// The response likewise; for lists a digest.
    pub response: Option<String>,
    /// Whether request and response are left out because who asks lacks the right `audit:bodies`.
    pub bodies_left_out: bool,
}

impl<'de> Deserialize<'de> for AuditRecordDetail {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct More {
            request: Option<String>,
            response: Option<String>,
            #[serde(default)]
            bodies_left_out: bool,
        }
        let (record, More { request, response, bodies_left_out }) = crate::flat::both(from)?;
        Ok(Self { record, request, response, bodies_left_out })
    }
}
