//! `?force=true`: consent to what an answer with `affected` has named.

use utoipa::IntoParams;

use super::page::{FromQuery, Parameters};
use crate::error::Result;

/// The parameter of requests that may stop or change something elsewhere.
#[derive(Clone, Copy, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Consent {
    /// Does it although it stops or changes what `affected` names.
    #[param(required = false, default = false)]
    pub force: bool,
}

impl FromQuery for Consent {
    fn take(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { force: parameters.flag("force")? })
    }
}
