//! What a method of ours gives: a result with what the record keeps of it, or why there is none.

use domain::{ApprovalId, OrgId};
use serde_json::value::RawValue;
use wire::error::RpcError;

use crate::error::Error;

/// A result of ours, and what the record keeps of it.
pub(in crate::mcp) struct Answered {
    pub(in crate::mcp) result: Box<RawValue>,
    pub(in crate::mcp) record: Option<String>,
    /// The approval it is about.
    pub(in crate::mcp) approval: Option<ApprovalId>,
    /// The approval whose stored answer is in it: once it is written whole, replay counts from the finish.
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
    /// Something is wrong here.
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
