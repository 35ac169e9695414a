//! Something that stands there only while a condition holds.

use leptos::prelude::*;

use crate::reactive::{Memo, memo};

/// Leptos's own component of this name, compiled once instead of once for each place that uses it.
#[component]
pub fn Show<W>(
    /// The condition.
    when: W,
    /// What is shown while it holds; made anew each time it begins to.
    children: ChildrenFn,
) -> impl IntoView
where
    W: Fn() -> bool + Send + Sync + 'static,
{
    while_it_holds(memo(when), children)
}

fn while_it_holds(holds: Memo<bool>, children: ChildrenFn) -> AnyView {
    (move || holds.get().then(|| children())).into_any()
}
