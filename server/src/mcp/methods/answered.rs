//! The result of one of the gateway's methods with its recorded form, or a failure.

use domain::{ApprovalId, OrgId};
use serde_json::value::RawValue;
use wire::error::RpcError;

use crate::error::Error;

/// A result of the gateway, and its recorded form.
pub(in crate::mcp) struct Answered {
    pub(in crate::mcp) result: Box<RawValue>,
    pub(in crate::mcp) record: Option<String>,
    /// The approval that the result is about.
    pub(in crate::mcp) approval: Option<ApprovalId>,
    /// The approval whose stored answer it carries. Once the answer is fully written, replay counts from the finish.
    pub(in crate::mcp) answers: Option<(OrgId, ApprovalId)>,
}

impl Answered {
    /// A constant result, recorded as it is.
    pub(in crate::mcp) fn plain(json: &str) -> Self {
        let result = RawValue::from_string(json.to_owned()).unwrap_or_default();
        Self::new(result, Some(json.to_owned()))
    }

    /// A result that is about no approval.
    pub(in crate::mcp) fn new(result: Box<RawValue>, record: Option<String>) -> Self {
        Self { result, record, approval: None, answers: None }
    }
}

/// Why there is no result.
pub(in crate::mcp) enum Failure {
    /// The request was wrong.
    Rpc(RpcError),
    /// The gateway failed.
    Error(Error),
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        Self::Rpc(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
