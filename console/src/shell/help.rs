//! What the page shows and which shortcuts it has, on "?".

use leptos::{html, prelude::*, wasm_split::wasm_split};
use leptos_router::hooks::use_location;

use super::{Shortcuts, places::Access};
use crate::reactive::{RwSignal, effect, varying};
use crate::{
    components::{Dialog, Late, Loaded},
    show::words::Words,
};

/// The dialog that lists the shortcuts of the page that is shown.
#[component]
pub fn Help(
    /// Whether it is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    let shortcuts = Shortcuts::here();
    shortcuts.register("?", "Show shortcuts", move || open.set(true));
    view! {
        <Dialog open title=Words::from("Shortcuts")>
            <Late part=Box::pin(async { listed().await.map(ViewFn::from) }) />
        </Dialog>
    }
}

#[wasm_split(seldom, fallible, wasm_split_path = ::leptos::wasm_split)]
fn listed() -> Loaded<fn() -> AnyView> {
    Ok(|| view! { <Listed /> }.into_any())
}

#[component]
fn Listed() -> impl IntoView {
    let shortcuts = Shortcuts::here();
    // The dialog may have opened before this was loaded.
    let first = NodeRef::<html::Input>::new();
    effect(move || {
        if let Some(first) = first.get() {
            let _ = first.focus();
        }
    });
    let known = move || {
        let mut known = shortcuts.known.get();
        // Of two holders of a key, only the newest has it.
        known.reverse();
        let mut seen = Vec::new();
        known.retain(|shortcut| {
            !seen.contains(&shortcut.key) && {
                seen.push(shortcut.key);
                true
            }
        });
        known.reverse();
        known
    };
    let address = use_location().pathname;
    let about = move || address.with(|address| Access::at(address).map(|page| view! { <p>{page.about}</p> }));
    view! {
            {about}
            <dl class="shortcuts">
                {varying(move || known()
                    .into_iter()
                    .map(|shortcut| {
                        view! {
                            <div>
                                <dt><kbd>{shortcut.key.to_ascii_uppercase()}</kbd></dt>
                                <dd>{shortcut.does}</dd>
                            </div>
                        }
                    })
                    .collect_view())}
                <div><dt><kbd>"Esc"</kbd></dt><dd>"Close a dialog or menu"</dd></div>
            </dl>
            <label class="check">
                <input node_ref=first type="checkbox" class="box" prop:checked=varying(move || shortcuts.on.get()) on:change:target=move |event| shortcuts.turn(event.target().checked()) />
                "Use single-key shortcuts"
            </label>
    }
}
