//! Nothing in the list: what this place is, and how to make something arrive.

use leptos::prelude::*;

use super::room::Room;
use crate::{
    components::{CopyButton, EmptyState},
    shell::Org,
};

/// Nothing waits.
#[component]
pub(super) fn NothingWaits() -> impl IntoView {
    let org = Org::here();
    let command = Signal::derive(move || command(&window().location().origin().unwrap_or_default(), &org.slug.get()));
    view! {
        <EmptyState title="Nothing waits for a decision">
            <p>"When an agent calls a tool that needs approval, the call is held and appears here by itself."</p>
            <details>
                <summary>"Try it from a terminal"</summary>
                <p>"This calls a tool as an agent does. Put in the key of an agent, and a toolkit and a tool of yours."</p>
                <pre class="command">{command}</pre>
                <CopyButton text=command what="the command" />
            </details>
        </EmptyState>
    }
}

/// Nothing was decided.
#[component]
pub(super) fn NothingDecided() -> impl IntoView {
    let room = Room::here();
    view! {
        <EmptyState title="Nothing was decided yet">
            <p>"Requests stand here once somebody has approved or rejected them, or they ended by themselves."</p>
            <p><a href="?" on:click=move |event| {
                event.prevent_default();
                room.go(|place| *place = super::place::Place::default(), false);
            }>"See what waits"</a></p>
        </EmptyState>
    }
}

/// A call as an agent makes it, for a shell; the toolkit and tool are those of the sample org.
fn command(origin: &str, org: &str) -> String {
    format!(
        "curl -s {origin}/{org}/ledger/mcp \\\n  -H 'Authorization: Bearer YOUR_AGENT_KEY' \\\n  -H 'Content-Type: application/json' \\\n  -H 'Accept: application/json, text/event-stream' \\\n  -d '{}'",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"send_invoice","arguments":{"customer":"Ada","amount_cents":1250,"currency":"EUR"}}}"#
    )
}
