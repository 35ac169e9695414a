//! What a method of ours gives: a result with what the record keeps of it, or why there is none.

use domain::{ApprovalId, OrgId};
use serde_json::value::RawValue;
use wire::error::RpcError;

use crate::error::Error;

/// A result of ours, and what the record keeps of it.
pub(super) struct Listed {
    pub(super) result: Box<RawValue>,
    pub(super) record: Option<String>,
    /// The approval it is about.
    pub(super) approval: Option<ApprovalId>,
    /// The approval whose stored answer is in it: once it is written whole, replay counts from the finish.
    pub(super) answers: Option<(OrgId, ApprovalId)>,
}

impl Listed {
    /// A constant result, recorded as it is.
    pub(super) fn plain(json: &str) -> Self {
        let result = RawValue::from_string(json.to_owned()).unwrap_or_default();
        Self::new(result, Some(json.to_owned()))
    }

    /// A result that is about no approval.
    pub(super) fn new(result: Box<RawValue>, record: Option<String>) -> Self {
        Self { result, record, approval: None, answers: None }
    }
}

/// Why there is no result.
pub(super) enum Failure {
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
