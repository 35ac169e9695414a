//! The one error of the server. How it reads in the REST API and in JSON-RPC is theirs to say. What
//! is public says what was wrong, with the value's name, and what to do; what is internal goes to
//! the log with the request id and never to a client.

use std::{borrow::Cow, sync::Arc, time::Duration};

use api_types::Affected;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

/// Everything that can go wrong, as the faces see it.
#[derive(Clone, Debug)]
pub struct Error {
    /// The kind, which decides the status.
    pub kind: Kind,
    /// Stable, snake_case; programs branch on it.
    pub code: &'static str,
    /// For people: what was wrong and what to do. Never internals, never secrets.
    pub message: Cow<'static, str>,
    /// Which fields are wrong, for [`Kind::Invalid`].
    pub fields: Vec<FieldError>,
    /// What the request would stop or change elsewhere, where it needs consent: at most one more than [`MOST_AFFECTED`],
    /// which is not named and says that there is more.
    pub affected: Box<[Affected]>,
    /// What is known of the tool call that was refused.
    pub call: Option<Box<AboutCall>>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// What is known of a tool call that was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AboutCall {
    /// `false`: nothing ran. `None`: it cannot be told.
    pub executed: Option<bool>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// What the caller should do next.
    pub next_action: Option<String>,
    /// The approval that the call is about.
    pub approval_id: Option<uuid::Uuid>,
}

/// The kinds of errors (api.md, "Errors").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be read.
    BadRequest,
    /// No valid credential.
    Unauthorized,
    /// Known, but not allowed in this org.
    Forbidden,
    /// Not there, or another org's.
    NotFound,
    /// There, but not with this method.
    MethodNotAllowed,
    /// In conflict with the state.
    Conflict,
    /// Changed since it was read, as `If-Match` says.
    PreconditionFailed,
    /// A field is wrong.
    Invalid,
    /// The body is larger than allowed.
    TooLarge,
    /// Too many requests; come back after this long.
    TooMany(Duration),
    /// Postgres or another part is gone for now.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl Kind {
    /// Its status (api.md, "Errors").
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Its name in the request.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A result with the server's error, unless another is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Whether Postgres stopped a statement that ran longer than it may: the transaction is over, and what was read before
    /// is good.
    pub fn took_too_long(&self) -> bool {
        self.source.as_deref().and_then(|source| source.downcast_ref::<sqlx::Error>()).is_some_and(stopped)
    }

    /// An error of a kind, with its stable code and public message.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            code,
            message: message.into(),
            fields: Vec::new(),
            affected: Box::default(),
            call: None,
            source: None,
        }
    }

    /// The request cannot be read.
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::BadRequest, "bad_request", message)
    }

    /// No valid credential. Says the same whatever was wrong with it.
    pub fn unauthorized() -> Self {
        Self::new(
            Kind::Unauthorized,
            "unauthorized",
            "no valid credential: send an API key or a login token as `Authorization: Bearer …`",
        )
    }

    /// Known, but not allowed.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Forbidden, "forbidden", message)
    }

    /// Not there, or another org's: the same text for both.
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound, "not_found", "there is nothing here, or nothing that you may see")
    }

    /// In conflict with the state, which the message names.
    pub fn conflict(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Conflict, code, message)
    }

    /// Done only with `?force=true`, because it stops or changes something elsewhere. The message says what and how many.
    pub fn needs_consent(
        code: &'static str,
        message: impl std::fmt::Display,
        affected: impl IntoIterator<Item = Affected>,
    ) -> Self {
        Self::conflict(code, format!("{message}; with `?force=true` it is done all the same")).naming(affected)
    }

    /// Adds what the request would stop or change elsewhere.
    pub fn naming(mut self, affected: impl IntoIterator<Item = Affected>) -> Self {
        self.affected = affected.into_iter().take(MOST_AFFECTED + 1).collect();
        self
    }

    /// One field is wrong.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        let mut error = Self::new(Kind::Invalid, "invalid", format!("`{field}` {message}"));
        error.fields.push(FieldError { field, message });
        error
    }

    /// A part that is needed is gone for now; nothing was done.
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unavailable, "unavailable", message)
    }

    /// A fault of ours: the message is for the log only.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Kind::Internal, "internal", "something went wrong here; the request id helps to find out what")
            .with_source(source)
    }

    /// Adds what is known of the tool call that was refused.
    pub fn about_call(mut self, call: AboutCall) -> Self {
        self.call = Some(Box::new(call));
        self
    }

    /// Adds the internal cause, for the log.
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// The same for somebody else who waited for the same thing; the internal cause stays with the first.
    pub fn for_another(&self) -> Self {
        let (fields, affected) = (self.fields.clone(), self.affected.clone());
        Self { fields, affected, ..Self::new(self.kind, self.code, self.message.clone()) }
    }

    /// Writes the internal cause to the log, if there is one.
    pub fn log(&self) {
        if let Some(source) = &self.source {
            tracing::error!(code = self.code, error = %format_chain(source.as_ref()), "request failed");
        }
    }
}

/// How many things are named that a request would stop or change elsewhere.
pub const MOST_AFFECTED: usize = 100;

/// How much of a strange value is told, in characters.
const SHOWN: usize = 80;

/// What somebody sent, as text for a message: short, and without what a terminal or a page would obey.
pub fn shown(value: &[u8]) -> String {
    String::from_utf8_lossy(value).chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn format_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn std::error::Error + 'static))
    }
}

/// An error on its way out, as an extension of the response: the outermost layer of the router, which knows the request's
/// id, writes it.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Postgres gone, read-only, full or shutting down is for now; text it cannot keep is the request's
/// fault; everything else is a fault of ours.
/// Whether Postgres stopped a statement that ran longer than it may (`query_canceled`).
fn stopped(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().is_some_and(|code| code == "57014"))
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        // U+0000, and times that Postgres does not know.
        let unkept = ["22021", "22P05", "22008"];
        if let sqlx::Error::Database(e) = &error
            && e.code().is_some_and(|code| unkept.contains(&&*code))
        {
            return Self::new(Kind::Invalid, "invalid", "the request has a character or a time that cannot be kept");
        }
        // What is named is looked up first: it went away since.
        if let sqlx::Error::Database(e) = &error
            && e.is_foreign_key_violation()
        {
            let text = "something that this names was removed or is used meanwhile; nothing was done, look again";
            return Self::conflict("changed_meanwhile", text).with_source(error);
        }
        if stopped(&error) {
            let text =
                "this took too long and was stopped; nothing was done. Ask for less: a shorter time, or more filters";
            return Self::unavailable(text).with_source(error);
        }
        let for_now = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => true,
            // connection exceptions, read-only, insufficient resources, operator intervention, system errors
            sqlx::Error::Database(e) => e.code().is_some_and(|code| {
                ["08", "25006", "28", "3D", "40", "53", "55P03", "57", "58"].iter().any(|class| code.starts_with(class))
            }),
            _ => false,
        };
        if for_now {
            Self::unavailable("the database cannot be reached right now; nothing was done, try again")
                .with_source(error)
        } else {
            Self::internal(error)
        }
    }
}
