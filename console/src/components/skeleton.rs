//! Where something will stand in a moment.

use leptos::prelude::*;

/// What will stand there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bones {
    /// Lines of text.
    #[default]
    Text,
    /// The rows of a list, two lines each.
    Rows,
    /// A request: its title, who asks, its arguments.
    Request,
    /// The rows of a table, one line each.
    Records,
    /// A page: its heading, and text.
    Page,
}

/// Grey bones in the shape of what is being read.
#[component]
pub fn Skeleton(
    /// How many lines of text, where it is text.
    #[prop(default = 5)]
    lines: usize,
    /// What will stand there.
    #[prop(optional)]
    shape: Bones,
) -> impl IntoView {
    let (class, bones) = match shape {
        Bones::Text => ("skeleton", lines),
        Bones::Rows => ("skeleton s-rows", 12),
        Bones::Request => ("skeleton s-request", 9),
        Bones::Records => ("skeleton s-records", 10),
        Bones::Page => ("skeleton s-page", 6),
    };
    view! {
        <div class=class role="status">
            <span class="sr">"Loading"</span>
            {(0..bones).map(|_| view! { <i class="bone" aria-hidden="true"></i> }).collect_view()}
        </div>
    }
}
