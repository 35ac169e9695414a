//! The org that is shown, and what one may do there.

use std::{ops::Deref, sync::Arc};

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
    pub mine: Memo<Mine>,
}

/// One's own place in an org; another one only when role or rights are others.
#[derive(Clone)]
pub struct Mine(Option<Arc<MyOrg>>);

impl PartialEq for Mine {
    fn eq(&self, other: &Self) -> bool {
        let key = |mine: &Self| mine.as_ref().map(|org| (org.id, org.role.clone(), org.rights.clone()));
        key(self) == key(other)
    }
}

impl Deref for Mine {
    type Target = Option<Arc<MyOrg>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Org {
    /// Finds it in the address, for everything underneath.
    pub(super) fn provide() -> Self {
        let api = Api::here();
        let params = use_params_map();
        let slug = memo(move || params.with(|params| params.get("org").unwrap_or_default()));
        let mine = memo(move || {
            let me = api.me.get();
            let org = me.and_then(|me| me.orgs.iter().find(|org| org.slug == slug.get()).cloned());
            Mine(org.map(Arc::new))
        });
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
