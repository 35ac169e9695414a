//! Reaching upstreams: sessions, child processes, and the calls on them.
//!
//! This layer knows no approvals, no callers and no database. It promises three
//! things to who does: a call is written at most once, an error says whether the
//! call may have run, and an answer's bytes are the upstream's own, unless they are about
//! the gateway's request.

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

/// How to reach one upstream. Its `Debug` shows no header, no argument, no
/// environment value and of an address only the host.
#[derive(Debug, Clone)]
pub struct ConnectionSpec {
    /// The connection.
    pub id: Uuid,
    /// Its slug, for logs.
    pub slug: String,
    /// Its configuration's version: another one means a new session.
    pub version: i64,
    /// Where it is and how it is spoken to.
    pub transport: Transport,
    /// What is taken out of its log.
    pub secrets: Arc<Secrets>,
    /// Until a session stands, and again until a call is written. 10 s by default, 60 s for a program.
    pub connect_timeout: Duration,
    /// From a call's first byte, or the last that its upstream said of its progress, until its answer. 120 s by default.
    pub call_timeout: Duration,
}

impl ConnectionSpec {
    /// Whether a session that was opened for this serves `other` as well: the same configuration and
    /// the same time limits.
    fn reaches_as(&self, other: &Self) -> bool {
        let of = |spec: &Self| (spec.version, spec.connect_timeout, spec.call_timeout);
        of(self) == of(other)
    }

    /// What `connect_timeout` is unless the connection says otherwise.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    /// The same for a program, which may be fetched before it starts (npx, uvx).
    pub const START_TIMEOUT: Duration = Duration::from_secs(60);
    /// How long a call may take in all whose upstream goes on saying how far it is; `call_timeout` where that is longer.
    pub const LONGEST_CALL: Duration = Duration::from_secs(15 * 60);
    /// What `call_timeout` is unless the connection says otherwise.
    pub const CALL_TIMEOUT: Duration = Duration::from_secs(120);
}

/// The ways an upstream can be spoken to.
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
        /// Its environment: of the gateway's own it has `PATH` and a `HOME` that works, unless they stand here.
        env: Vec<(String, SecretString)>,
        /// Its working directory; `/` unless given.
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
    /// The tool's name at the upstream, for logs; what counts stands in `params`.
    pub tool: &'a str,
    /// The finished parameters of `tools/call`, sent as they are. Shared, because they may be large.
    pub params: &'a Arc<RawValue>,
    /// An approved call: over HTTP it gets a TCP connection of its own, it is
    /// written once, and the upstream is not told to cancel it. In MCP 2026-07-28 hanging up
    /// tells it all the same, and that is what its time limit does: whoever wants the call to
    /// run on until then keeps the future.
    pub once: bool,
    /// Where its progress goes, if its parameters carry a progress token.
    pub progress: Option<ProgressTo<'a>>,
    /// Headers that repeat some of its arguments, by whole name (`Mcp-Param-Region`), their
    /// values not yet encoded (MCP 2026-07-28, "Custom Headers from Tool Parameters"). Sent only
    /// over HTTP in that revision.
    pub param_headers: &'a [(String, String)],
    /// The answer may be a task: declares the extension `io.modelcontextprotocol/tasks` in this
    /// call, to an upstream that is spoken to in MCP 2026-07-28.
    pub tasks: bool,
    /// What the answer may ask for: declared as capabilities in this call, likewise.
    pub inputs: Inputs,
    /// A refusal for want of nothing but what `inputs` and `tasks` could declare (-32021) comes as it is: the
    /// caller knows that error, and it is right about the caller.
    pub tells_missing: bool,
    /// It brings what an upstream asked for, so only one that is spoken to in MCP 2026-07-28 is meant.
    pub goes_on: bool,
    /// What it takes up of its caller's budget: its answer counts there while it is read, and waits for room. None for
    /// an approved call, whose outcome the wait would put in doubt.
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

/// What is asked about a task that an upstream answered a call with (MCP tasks).
#[derive(Debug, Clone, Copy)]
pub enum TaskRequest<'a> {
    /// How it stands, its result included: `tasks/get`.
    Get,
    /// Hands in what the upstream asked for: `tasks/update`.
    Update {
        /// A JSON object, by the keys of the upstream's questions.
        input_responses: &'a RawValue,
    },
    /// Nobody wants it any more: `tasks/cancel`.
    Cancel,
}
