//! The REST face: authorization in each handler's signature, errors as problem+json, data between
//! the wire's types and the domain's. One file per resource; reads go to `db`, changes to `service`.

pub mod api_keys;
pub mod approvals;
pub mod audit;
pub mod audit_export;
pub mod calls;
pub mod catalog;
pub mod docs;
pub mod events;
pub mod identity;
pub mod openapi;
pub mod overview;
pub mod refused;
pub mod support;
