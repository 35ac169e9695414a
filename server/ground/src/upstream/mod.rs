//! Connections to upstreams: sessions, child processes, and the calls on them.
//!
//! This layer knows no approvals, no callers and no database. It promises three things to the layers above: a call is
//! written at most once, an error says whether the call may have run, and an answer's bytes are the upstream's own,
//! unless they are about the gateway's request.

mod counted;
mod departure;
mod error;
mod handshake;
mod http;
mod link;
mod message;
mod notices;
mod progress;
mod registry;
mod secrets;
mod session;
mod status;
mod stdio;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::value::RawValue;
use url::Url;
use uuid::Uuid;
use wire::mcp::input::Inputs;

use crate::limit::Load;

pub use error::UpstreamError;
pub use message::Answer;
pub use progress::{ProgressTo, UpstreamProgress};
pub use registry::Upstreams;
pub use secrets::Secrets;
pub use status::{State, Status};
pub use stdio::{ChildUser, NoChildUser};

/// How to reach one upstream. Its `Debug` shows no header, no argument, no environment value, and only the host of an
/// address.
#[derive(Debug, Clone)]
pub struct ConnectionSpec {
    /// The connection.
    pub id: Uuid,
    /// Its slug, for logs.
    pub slug: String,
    /// Its configuration's version: a new version means a new session.
    pub version: i64,
    /// Its address and transport.
    pub transport: Transport,
    /// The secrets that are redacted in its log.
    pub secrets: Arc<Secrets>,
    /// The timeout until a session is open, and again until a call is written. 10 s by default, 60 s for a program.
    pub connect_timeout: Duration,
    /// The timeout of a call, from its first byte or the upstream's last report of progress until its answer. 120 s by
    /// default.
    pub call_timeout: Duration,
}

impl ConnectionSpec {
    /// Whether a session that was opened for this serves `other` as well: the same configuration and the same timeouts.
    fn reaches_as(&self, other: &Self) -> bool {
        let of = |spec: &Self| (spec.version, spec.connect_timeout, spec.call_timeout);
        of(self) == of(other)
    }

    /// The default of `connect_timeout`.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    /// The same for a program, which may be fetched before it starts (npx, uvx).
    pub const START_TIMEOUT: Duration = Duration::from_secs(60);
    /// The longest that a call may take in all while its upstream reports progress; `call_timeout` if that is longer.
    pub const LONGEST_CALL: Duration = Duration::from_secs(15 * 60);
    /// The default of `call_timeout`.
    pub const CALL_TIMEOUT: Duration = Duration::from_secs(120);
}

/// The transports of an upstream.
#[derive(Clone)]
pub enum Transport {
    /// MCP's Streamable HTTP.
    StreamableHttp {
        /// The MCP endpoint. Redirections are not followed.
        url: Url,
        /// Sent with every request, secrets among them.
        headers: Vec<(String, SecretString)>,
    },
    /// A child process on this machine.
    Stdio {
        /// A name in the program's `PATH` or the gateway's own, or an absolute path.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Its environment: from the gateway's own it gets `PATH` and a `HOME` that works, unless they are set here.
        env: Vec<(String, SecretString)>,
        /// Its working directory; `/` by default.
        cwd: Option<PathBuf>,
    },
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StreamableHttp { url, headers } => f
                .debug_struct("StreamableHttp")
                .field("host", &url.host_str())
                .field("headers", &names(headers))
                .finish(),
            Self::Stdio { command, args, env, .. } => f
                .debug_struct("Stdio")
                .field("command", command)
                .field("args", &args.len())
                .field("env", &names(env))
                .finish(),
        }
    }
}

fn names(pairs: &[(String, SecretString)]) -> Vec<&str> {
    pairs.iter().map(|(name, _)| name.as_str()).collect()
}

/// One call of a tool.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The tool's name at the upstream, for logs; the name in `params` is the one that counts.
    pub tool: &'a str,
    /// The complete parameters of `tools/call`, sent as they are. Shared, because they may be large.
    pub params: &'a Arc<RawValue>,
    /// An approved call: over HTTP it gets a TCP connection of its own, it is written once, and the upstream is not
    /// told to cancel it. In MCP 2026-07-28 closing the connection cancels it all the same, as its timeout does: to let
    /// the call run until then, keep the future.
    pub once: bool,
    /// Where its progress goes, if its parameters carry a progress token.
    pub progress: Option<ProgressTo<'a>>,
    /// Headers that repeat some of its arguments, by full name (`Mcp-Param-Region`), their values not yet encoded (MCP
    /// 2026-07-28, "Custom Headers from Tool Parameters"). Sent only over HTTP in that revision.
    pub param_headers: &'a [(String, String)],
    /// Whether the answer may be a task: declares the extension `io.modelcontextprotocol/tasks` in this call, to an
    /// upstream of MCP 2026-07-28.
    pub tasks: bool,
    /// The kinds of input that the answer may ask for: declared as capabilities in this call, in the same revision.
    pub inputs: Inputs,
    /// Whether a refusal for a missing capability (-32021) is passed on unchanged, if `inputs` and `tasks` could
    /// declare all that it requires: the caller knows that error, and it is right about the caller.
    pub tells_missing: bool,
    /// Whether it carries the input that an upstream asked for, so that it needs an upstream of MCP 2026-07-28.
    pub goes_on: bool,
    /// The call's share of its caller's budget: its answer counts there while it is read, and waits for room. `None`
    /// for an approved call, whose outcome the wait would put in doubt.
    pub load: Option<&'a Arc<Load>>,
}

impl<'a> Call<'a> {
    /// An ordinary call, without progress, headers and tasks.
    pub fn new(tool: &'a str, params: &'a Arc<RawValue>) -> Self {
        let (once, tasks, inputs, tells_missing, goes_on) = (false, false, Inputs::default(), false, false);
        Self {
            tool,
            params,
            once,
            progress: None,
            param_headers: &[],
            tasks,
            inputs,
            tells_missing,
            goes_on,
            load: None,
        }
    }
}

/// A request about a task with which an upstream answered a call (MCP tasks).
#[derive(Debug, Clone, Copy)]
pub enum TaskRequest<'a> {
    /// Its state, with its result: `tasks/get`.
    Get,
    /// Hands in what the upstream asked for: `tasks/update`.
    Update {
        /// A JSON object, by the keys of the upstream's questions.
        input_responses: &'a RawValue,
    },
    /// It is no longer wanted: `tasks/cancel`.
    Cancel,
}
