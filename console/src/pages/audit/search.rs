//! The filters of the page, the record that is selected, and how they change: always by way of the address, so that going
//! back, reloading and sharing give the same view.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};
use uuid::Uuid;

use super::filters::{Filters, Name, with_query};
use crate::{
    api::encoded,
    reactive::{Memo, memo},
    shell::Org,
};

/// The parameter of the address for the record at the side.
const SELECTED: &str = "selected";

/// What the page shows.
#[derive(Clone, Copy)]
pub(super) struct Search {
    pub filters: Memo<Filters>,
    /// The record at the side.
    pub selected: Memo<Option<Uuid>>,
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
            selected: memo(move || query.with(|query| query.get(SELECTED).and_then(|id| id.parse().ok()))),
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

    /// Sets a filter. What is typed takes the place of what was typed before.
    pub(super) fn set(self, name: Name, value: &str, typed: bool) {
        let filters = self.filters.with_untracked(|filters| filters.with(name, value));
        self.ask(&filters, typed);
    }

    /// Sets all filters; the record at the side stays.
    pub(super) fn ask(self, filters: &Filters, typed: bool) {
        if self.filters.with_untracked(|known| known != filters) {
            self.go.run((self.list(filters, self.selected.get_untracked()), typed));
        }
    }

    /// Shows a record at the side, or none.
    pub(super) fn select(self, id: Option<Uuid>) {
        if self.selected.get_untracked() != id {
            // Beside the list, a record is not a page that one goes back to; opening the first one is a step.
            let replace = id.is_none() || self.selected.with_untracked(Option::is_some);
            self.go.run((self.filters.with_untracked(|filters| self.list(filters, id)), replace));
        }
    }

    /// Opens the page of a record.
    pub(super) fn open(self, id: Uuid, replace: bool) {
        self.go.run((self.page(id), replace));
    }

    /// Goes back to the list as it was.
    pub(super) fn leave(self) {
        self.go.run((self.filters.with_untracked(|filters| self.list(filters, None)), false));
    }

    /// The address of the list with these filters.
    pub(super) fn address(self, filters: &Filters) -> String {
        self.list(filters, None)
    }

    /// The address of a record's page, which leads back to this list.
    pub(super) fn page(self, id: Uuid) -> String {
        let query = self.filters.with_untracked(|filters| filters.query(encoded));
        with_query(&format!("/{}/audit/{id}", self.org.slug.get_untracked()), &query)
    }

    fn list(self, filters: &Filters, selected: Option<Uuid>) -> String {
        let mut query = filters.query(encoded);
        if let Some(id) = selected {
            let and = if query.is_empty() { "" } else { "&" };
            query.push_str(&format!("{and}{SELECTED}={id}"));
        }
        with_query(&format!("/{}/audit", self.org.slug.get_untracked()), &query)
    }
}
