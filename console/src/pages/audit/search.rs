//! The filters of the page and how they change: always by way of the address, so that going back,
//! reloading and sharing give the same view.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use super::filters::{Filters, Name, with_query};
use crate::{api::encoded, shell::Org};

use crate::reactive::memo;

/// What the page asks for.
#[derive(Clone, Copy)]
pub(super) struct Search {
    pub filters: Memo<Filters>,
    /// Where the page begins; empty on the first.
    pub cursor: Memo<String>,
    /// To an address; whether it takes the place of this one in the history.
    go: Callback<(String, bool)>,
    org: Org,
}

impl Search {
    /// Reads the address, for everything underneath.
    pub(super) fn provide() -> Self {
        let query = use_query_map();
        let navigate = use_navigate();
        let search = Self {
            filters: memo(move || query.with(|query| Filters::read(|name| query.get(name)))),
            cursor: memo(move || query.with(|query| query.get("cursor").unwrap_or_default())),
            go: Callback::new(move |(to, replace): (String, bool)| {
                navigate(&to, NavigateOptions { replace, scroll: false, ..NavigateOptions::default() });
            }),
            org: Org::here(),
        };
        provide_context(search);
        search
    }

    /// The page's.
    pub(super) fn here() -> Self {
        expect_context()
    }

    /// Sets a filter, back on the first page. What is typed takes the place of what was typed before.
    pub(super) fn set(self, name: Name, value: &str, typed: bool) {
        let filters = self.filters.with_untracked(|filters| filters.with(name, value));
        self.ask(&filters, typed);
    }

    /// Asks for these.
    pub(super) fn ask(self, filters: &Filters, typed: bool) {
        let changed = self.filters.with_untracked(|known| known != filters);
        if changed || !self.cursor.with_untracked(String::is_empty) {
            self.go.run((self.address(filters), typed));
        }
    }

    /// The first page of these.
    pub(super) fn address(self, filters: &Filters) -> String {
        with_query(&format!("/{}/audit", self.org.slug.get()), &filters.query(encoded))
    }

    /// The query of the page that begins at `cursor`.
    pub(super) fn query(self, cursor: &str) -> String {
        let mut query = self.filters.with(|filters| filters.query(encoded));
        if !cursor.is_empty() {
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str("cursor=");
            query.push_str(&encoded(cursor));
        }
        query
    }

    /// The page that begins at `cursor`, with the same filters.
    pub(super) fn page(self, cursor: &str) -> String {
        with_query(&format!("/{}/audit", self.org.slug.get()), &self.query(cursor))
    }
}
