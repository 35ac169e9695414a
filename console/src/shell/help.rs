//! What the page shows and which shortcuts it has, on "?".

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{Shortcuts, places::Access};
use crate::reactive::{RwSignal, varying};
use crate::{components::Dialog, show::words::Words};

/// The dialog that lists the shortcuts of the page that is shown.
#[component]
pub fn Help(
    /// Whether it is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    let shortcuts = Shortcuts::here();
    shortcuts.register("?", "Show shortcuts", move || open.set(true));
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
        <Dialog open title=Words::from("Shortcuts")>
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
                <input type="checkbox" class="box" prop:checked=varying(move || shortcuts.on.get()) on:change:target=move |event| shortcuts.turn(event.target().checked()) />
                "Use single-key shortcuts"
            </label>
        </Dialog>
    }
}
