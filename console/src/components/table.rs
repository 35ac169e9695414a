//! Rows of the same kind.

use leptos::prelude::*;

/// A table with a caption for screen readers; it scrolls sideways by itself where it is too wide. On a phone its rows become
/// cards: roles are written out, since a row that is shown as a card is none to some browsers.
#[component]
pub fn Table(
    /// What the rows are.
    caption: &'static str,
    /// The heads of the columns; an empty one stands over buttons.
    columns: Vec<&'static str>,
    /// The rows: `<tr role="row">`s. Their cells, `<td role="cell">`, carry `data-label` for the cards.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="scroll">
            <table class="table cards" role="table">
                <caption class="sr">{caption}</caption>
                <thead role="rowgroup">
                    <tr role="row">{columns.into_iter().map(head).collect_view()}</tr>
                </thead>
                <tbody role="rowgroup">{children()}</tbody>
            </table>
        </div>
    }
}

fn head(column: &'static str) -> impl IntoView {
    match column {
        "" => view! { <th scope="col" role="columnheader"><span class="sr">"Actions"</span></th> }.into_any(),
        column => view! { <th scope="col" role="columnheader">{column}</th> }.into_any(),
    }
}
