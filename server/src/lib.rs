//! Permesso.
