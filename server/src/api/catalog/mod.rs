//! What agents can call: connections and toolkits.

pub mod connections;
pub mod toolkits;
