//! What a build without the feature `devkit` says instead of running `dev` or `sample-upstream`.

use std::ffi::OsString;

use super::setup::refuse;

/// Whatever such a command was given.
#[derive(Debug, clap::Args)]
pub(super) struct Anything {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _args: Vec<OsString>,
}

/// Says what is missing, and where it is.
pub(super) fn refused() -> anyhow::Error {
    refuse(
        "this build has no `dev` and no `sample-upstream`, which are for trying Permesso: `./just up`, in a copy of the \
         source, builds a program that has them and runs it",
    )
}
