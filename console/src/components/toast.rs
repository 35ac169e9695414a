//! The old names of [`super::news`], until every page uses the new ones.

pub use super::news::{Act, News as Toasts, Offer};
