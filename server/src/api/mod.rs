//! The REST face: authorization in each handler's signature, errors as problem+json, data between
//! the wire's types and the domain's. One file per resource; reads go to `db`, changes to `service`.

pub mod api_keys;
mod approval;
pub mod approvals;
pub mod audit;
pub mod audit_export;
pub mod auth;
pub mod authorize;
pub mod body;
pub mod connections;
pub mod consent;
pub mod docs;
pub mod error;
pub mod events;
pub mod invitations;
pub mod me;
pub mod members;
mod objects;
pub mod openapi;
pub mod orgs;
pub mod page;
pub mod refused;
pub mod roles;
pub mod sessions;
pub mod tagged;
pub mod toolkits;
