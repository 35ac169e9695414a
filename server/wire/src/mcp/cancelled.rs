//! `notifications/cancelled` of revisions before 2026-07-28, where closing the connection says nothing.

use serde_json::value::RawValue;

use crate::{
    error::RpcError,
    shape::{Object, ShapeError},
};

/// What the notification says.
#[derive(Debug, Clone, Copy)]
pub struct CancelledParams<'a> {
    /// The id of the request that nobody waits for any more, as it stands.
    pub request_id: &'a RawValue,
}

impl<'a> CancelledParams<'a> {
    /// Reads the `params` of the notification.
    ///
    /// # Errors
    /// `INVALID_PARAMS` that names the member.
    pub fn parse(params: Option<&'a RawValue>) -> Result<Self, RpcError> {
        Ok(Self::read(params)?)
    }

    fn read(params: Option<&'a RawValue>) -> Result<Self, ShapeError> {
        let params = Object::read("params", params.unwrap_or(RawValue::NULL))?;
        Ok(Self { request_id: params.get("requestId").ok_or_else(|| params.missing("requestId"))? })
    }
}
