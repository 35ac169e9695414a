//! What one tries and tests the gateway with, and no installation needs: a private Postgres, an upstream to call, and
//! what `permesso dev` remembers of its sample org. The server has it as long as its feature `devkit` is on.

pub mod dev;
pub mod postgres;
pub mod sample_upstream;
