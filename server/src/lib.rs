//! Permesso.
pub mod audit {
    //! scratch
    /// scratch
    pub mod redact;
}
pub mod auth;
pub mod clock;
pub mod config;
pub mod vault;
