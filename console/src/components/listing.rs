//! A list of the server as a table, in all its states.

use api_types::List;
use leptos::prelude::*;
use serde::de::DeserializeOwned;

use super::{Shown, Table};
use crate::api::read::Read;

/// The list: a skeleton before it was read, the failure where it cannot be, words where it is empty, a table else.
#[component]
pub fn Listing<T>(
    /// What is read.
    read: Read<List<T>>,
    /// What the rows are.
    caption: &'static str,
    /// The heads of the columns, as [`Table`] has them.
    columns: &'static [&'static str],
    /// Makes the `<tr>` of one.
    row: Callback<T, AnyView>,
    /// What stands there where the list is empty; a table without rows otherwise.
    #[prop(optional, into)]
    empty: Option<ViewFn>,
    /// What follows where the server has more, by the cursor of the next page.
    #[prop(optional)]
    more: Option<Callback<String, AnyView>>,
) -> impl IntoView
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    view! {
        <Shown read lines=3 let:list>
            {match &empty {
                Some(empty) if list.items.is_empty() => empty.run(),
                _ => {
                    let rows = list.items.iter().cloned().map(|item| row.run(item)).collect_view();
                    let more = more.and_then(|more| list.next_cursor.clone().map(|cursor| more.run(cursor)));
                    view! {
                        <Table caption columns=columns.to_vec()>{rows}</Table>
                        {more}
                    }
                        .into_any()
                }
            }}
        </Shown>
    }
}
