//! Rows of the same kind.

use leptos::prelude::*;

/// A table with a caption for screen readers; it scrolls sideways by itself where it is too wide.
#[component]
pub fn Table(
    /// What the rows are.
    caption: &'static str,
    /// The heads of the columns; an empty one stands over buttons.
    columns: Vec<&'static str>,
    /// The rows: `<tr>`s. Cells carry `data-label` for narrow screens, where rows become cards.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="table">
            <table>
                <caption class="visually-hidden">{caption}</caption>
                <thead>
                    <tr>{columns.into_iter().map(head).collect_view()}</tr>
                </thead>
                <tbody>{children()}</tbody>
            </table>
        </div>
    }
}

fn head(column: &'static str) -> impl IntoView {
    match column {
        "" => view! { <th scope="col"><span class="visually-hidden">"Actions"</span></th> }.into_any(),
        column => view! { <th scope="col">{column}</th> }.into_any(),
    }
}
