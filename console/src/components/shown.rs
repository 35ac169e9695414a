//! A thing of the server in all its states: read for the first time, there, failed.

use std::sync::Arc;

use leptos::prelude::*;

use super::{Failed, Skeleton};
use crate::api::read::Read;
use crate::reactive::varying;

/// Shows what was read; a skeleton before, and the failure when there is nothing else to show. A
/// failure to read it again stands above what is still known.
#[component]
pub fn Shown<T, V, F>(
    /// What is read.
    read: Read<T>,
    /// How many lines the skeleton has.
    #[prop(default = 5)]
    lines: usize,
    /// Shows the thing.
    children: F,
) -> impl IntoView
where
    T: serde::de::DeserializeOwned + Send + Sync + 'static,
    V: IntoView + 'static,
    F: Fn(Arc<T>) -> V + Send + Sync + 'static,
{
    let retry = Callback::new(move |()| read.again());
    view! {
        {varying(move || read.failure.get().map(|failure| view! { <Failed failure retry /> }))}
        {varying(move || match read.value.get() {
            Some(value) => children(value).into_any(),
            None if read.failure.with(Option::is_some) => ().into_any(),
            None => view! { <Skeleton lines /> }.into_any(),
        })}
    }
}
