//! What a method of ours gives: a result with what the record keeps of it, or why there is none.

use serde_json::value::RawValue;
use wire::error::RpcError;

use crate::error::Error;

/// A result of ours, and what the record keeps of it.
pub(super) struct Listed {
    pub(super) result: Box<RawValue>,
    pub(super) record: Option<String>,
}

impl Listed {
    /// A constant result, recorded as it is.
    pub(super) fn plain(json: &str) -> Self {
        let result = RawValue::from_string(json.to_owned()).unwrap_or_default();
        Self { result, record: Some(json.to_owned()) }
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
