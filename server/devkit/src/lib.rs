//! What the gateway is tried and tested with, and an installation does not need: a private Postgres, an upstream to
//! call, and what `permesso dev` remembers of its sample org. The server contains it while its feature `devkit` is on.

pub mod dev;
pub mod postgres;
pub mod sample_upstream;
