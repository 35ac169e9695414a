//! What a browser loads only when it is shown: its functions stand in the file of a group (`console/bundle`).

use std::pin::Pin;

use leptos::{prelude::*, task::spawn_local, wasm_split::SplitLoaderError};

use super::{Button, EmptyState, Kind, Skeleton};
use crate::reactive::{RwSignal, varying};

/// What a function gives that loads a group (`wasm_split`).
pub type Loaded<T> = Result<T, SplitLoaderError>;

/// Loads what builds a part of a page.
pub type Loading = Pin<Box<dyn Future<Output = Loaded<ViewFn>>>>;

/// Shows something whose group is loaded first, unless it was loaded before: `meanwhile` until it is there, `instead` where
/// it cannot be loaded. The next time that it is shown tries again.
pub fn late(part: Loading, meanwhile: fn() -> AnyView, instead: fn() -> AnyView) -> AnyView {
    let built = RwSignal::new(None::<Option<ViewFn>>);
    spawn_local(async move {
        let build = part.await.ok();
        // The page may have been left meanwhile.
        built.try_set(Some(build));
    });
    varying(move || match built.get() {
        None => meanwhile(),
        Some(Some(build)) => build.run(),
        Some(None) => instead(),
    })
    .into_any()
}

/// A part of a page whose group is loaded first.
#[component]
pub fn Late(
    /// What is shown.
    part: Loading,
) -> impl IntoView {
    late(
        part,
        || view! { <Skeleton lines=3 /> }.into_any(),
        || view! { <EmptyState title="This part could not be loaded"><NotLoaded /></EmptyState> }.into_any(),
    )
}

/// Why something could not be loaded, and what helps.
#[component]
pub fn NotLoaded() -> impl IntoView {
    // What was decided and is not sent yet makes the browser ask first.
    let load = Callback::new(|()| {
        let _ = window().location().reload();
    });
    view! {
        <p role="alert">
            "Permesso cannot be reached, or was updated after this page was opened. Everything else keeps working."
        </p>
        <Button kind=Kind::Primary on_press=load>"Reload the console"</Button>
    }
}
