//! What opens beside the list or over it: one group with the page of a record, which shows the same.

use leptos::{prelude::*, wasm_split::wasm_split};

use super::{
    export::{Export, Exporting},
    pickers::Pickers,
    room::Room,
    side::Side,
};
use crate::components::{Loaded, NotLoaded, Skeleton, late};

/// The record beside the list.
pub(super) fn side(room: Room) -> AnyView {
    late(
        Box::pin(async move { load_side().await.map(|build| ViewFn::from(move || build(room))) }),
        || view! { <aside class="side"><Skeleton lines=6 /></aside> }.into_any(),
        || view! { <aside class="side"><NotLoaded /></aside> }.into_any(),
    )
}

/// What one chooses filters with.
pub(super) fn pickers() -> AnyView {
    late(Box::pin(async { load_pickers().await.map(ViewFn::from) }), || ().into_any(), not_loaded)
}

/// The section of an export that is wanted.
pub(super) fn exporting(export: Export) -> AnyView {
    let part = async move { load_exporting().await.map(|build| ViewFn::from(move || build(export))) };
    late(Box::pin(part), || ().into_any(), not_loaded)
}

fn not_loaded() -> AnyView {
    view! { <NotLoaded /> }.into_any()
}

#[wasm_split(record, fallible, wasm_split_path = ::leptos::wasm_split)]
fn load_side() -> Loaded<fn(Room) -> AnyView> {
    Ok(|room| view! { <Side room /> }.into_any())
}

#[wasm_split(record, fallible, wasm_split_path = ::leptos::wasm_split)]
fn load_pickers() -> Loaded<fn() -> AnyView> {
    Ok(|| view! { <Pickers /> }.into_any())
}

#[wasm_split(record, fallible, wasm_split_path = ::leptos::wasm_split)]
fn load_exporting() -> Loaded<fn(Export) -> AnyView> {
    Ok(|export| view! { <Exporting export /> }.into_any())
}
