//! `?force=true`: consent to what an answer with `affected` has named.

use serde::Deserialize;
use utoipa::IntoParams;

/// The parameter of requests that may stop or change something elsewhere.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Does it although it stops or changes what `affected` names.
    #[serde(default)]
    #[param(required = false, default = false)]
    pub force: bool,
}
