//! The org that is shown, and what one may do there.

use std::sync::Arc;

use api_types::MyOrg;
use domain::Right;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::{
    api::Api,
    reactive::{Memo, memo},
};

/// The org of the address, as the person who is signed in belongs to it.
#[derive(Clone, Copy)]
pub struct Org {
    /// Its slug.
    pub slug: Memo<String>,
    /// One's role and rights there; `None` when it is not one's own, or does not exist.
    pub mine: leptos::prelude::Memo<Option<Arc<MyOrg>>>,
}

impl Org {
    /// Finds it in the address, for everything underneath.
    pub(super) fn provide() -> Self {
        let api = Api::here();
        let params = use_params_map();
        let slug = memo(move || params.with(|params| params.get("org").unwrap_or_default()));
        let mine = leptos::prelude::Memo::new_with_compare(
            move |_| {
                let me = api.me.get()?;
                me.orgs.iter().find(|org| org.slug == slug.get()).cloned().map(Arc::new)
            },
            |old, new| {
                let key = |mine: Option<&Option<Arc<MyOrg>>>| {
                    mine.cloned().flatten().map(|org| (org.id, org.role.clone(), org.rights.clone()))
                };
                key(old) != key(new)
            },
        );
        let org = Self { slug, mine };
        provide_context(org);
        org
    }

    /// The org of the page.
    pub fn here() -> Self {
        expect_context()
    }

    /// Whether one may do this there.
    pub fn may(self, right: Right) -> bool {
        self.mine.with(|mine| mine.as_ref().is_some_and(|org| org.rights.iter().any(|word| word == right.as_str())))
    }
}
