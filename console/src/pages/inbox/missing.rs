//! A request that is shown although the list does not show it as the one looked at. It cannot be decided here: in the place
//! of the buttons stand the reason and a way to decide it.

use leptos::prelude::*;
use uuid::Uuid;

use super::room::{Missing, Room};
use crate::{components::Button, pages::request::Instead, shell::Org};

use crate::reactive::{derived, memo};

/// What stands in the place of the buttons; nothing while the list shows the request.
pub(super) fn notice(room: Room, id: Uuid) -> Instead {
    let missing = memo(move || room.missing(id));
    derived(move || missing.get().map(|missing| ViewFn::from(move || view! { <Notice missing /> })))
}

#[component]
fn Notice(missing: Missing) -> impl IntoView {
    let (room, org) = (Room::here(), Org::here());
    let clear = Callback::new(move |()| room.clear_finding());
    let alone = move || room.selected().map(|id| format!("/{}/approvals/{id}", org.slug.get()));
    view! {
        <span class="acts" role="status">
            {match missing {
                // For the moment until the next card: the bar stays as high as it was.
                Missing::Left => view! { <p class="cannot"></p> }.into_any(),
                Missing::Search => view! {
                    <p class="cannot"><b>"Not in the list: "</b>"it does not match your search or filters."</p>
                    <Button on_press=clear>"Clear search and filters"</Button>
                }
                    .into_any(),
                Missing::Listed => view! {
                    <p class="cannot"><b>"Not in this list."</b></p>
                    <a class="btn" href=alone>"Open request"</a>
                }
                    .into_any(),
            }}
        </span>
    }
}
