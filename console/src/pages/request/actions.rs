//! What one can do about a request, or why one cannot: the left of the bar under it (`decide::Bar`).

use leptos::{html, prelude::*};
use uuid::Uuid;
use wasm_bindgen::JsCast;

use super::{
    amend::{MoreTime, withdraw},
    approving::Approve,
    detail::{Detail, Unopened, part},
    words,
};
use crate::{
    components::{Button, Clock, Field, Fresh, Icon, Kind, Moment, Presses, Said, Shape, Show, presses::READ},
    decide::{Decisions, Phase, Target, Verdict},
    reactive::{RwSignal, effect, effect_again, memo, varying},
    shell::{Org, Shortcuts},
};

/// What one can do.
#[derive(Clone, PartialEq)]
enum Can {
    /// It waits for who looks.
    Decide,
    /// Nobody decided in time, and one still may.
    ApproveLate,
    /// It was approved and is not used yet.
    Withdraw,
    /// It waits for others: why.
    Not(String),
    /// It waits, and nobody can decide it: the notes say why.
    Nobody,
    /// Nothing is to be decided.
    Nothing,
}

/// What one can do.
#[component]
pub(super) fn Actions(detail: Detail, on_done: Callback<()>) -> impl IntoView {
    let decisions = Decisions::here();
    let now = Clock::here();
    let id = detail.with_untracked(|detail| detail.approval.id);
    let can = memo(move || {
        detail.with(|detail| {
            let waits = detail.approval.status == "pending";
            let late = words::may_be_late(&detail.approval, now.get());
            match (waits, late, detail.approval.may_decide) {
                (true, _, true) => Can::Decide,
                (false, true, true) => Can::ApproveLate,
                (false, false, true) if detail.approval.status == "approved" => Can::Withdraw,
                (true, ..) if !detail.somebody_may_decide => Can::Nobody,
                (true, ..) => Can::Not(detail.may_not_decide_because.clone().unwrap_or_default()),
                _ => Can::Nothing,
            }
        })
    });
    let phase = memo(move || {
        decisions.of(id).map(|decision| (matches!(decision.verdict, Verdict::Reject { .. }), decision.phase))
    });
    varying(move || match (phase.get(), can.get()) {
        (Some((rejects, Phase::Held(_))), _) => view! { <UndoThis id rejects /> }.into_any(),
        (None, Can::Decide) => view! { <Decide detail late=false on_done /> }.into_any(),
        (None, Can::ApproveLate) => view! { <Decide detail late=true on_done /> }.into_any(),
        (None, Can::Withdraw) => withdraw(detail, on_done),
        (None, Can::Not(why)) => {
            view! { <p class="cannot"><b>"You cannot decide this: "</b><Said text=why />"."</p> }.into_any()
        }
        (None, Can::Nobody) => view! {
            <p class="cannot"><b>"Nobody can decide this"</b>" right now. The note above says why."</p>
        }
        .into_any(),
        (Some((_, Phase::Sending)), _) | (None, Can::Nothing) => ().into_any(),
    })
}

/// Takes the decision of the request back that is shown, where the bar's own Undo takes back another one.
#[component]
fn UndoThis(id: Uuid, rejects: bool) -> impl IntoView {
    let decisions = Decisions::here();
    let undo = Callback::new(move |()| {
        decisions.undo(id);
    });
    // It comes up where the decision was pressed.
    let fresh = Fresh::new(0.0);
    view! {
        <Show when=move || !decisions.is_newest(id)>
            <Button fresh on_press=undo>{if rejects { "Undo this rejection" } else { "Undo this approval" }}</Button>
            <Moment fresh />
        </Show>
    }
}

#[component]
fn Decide(detail: Detail, late: bool, on_done: Callback<()>) -> impl IntoView {
    let (decisions, org, presses) = (Decisions::here(), Org::here(), Presses::here());
    // Approving takes that one has seen what is approved; the question for a reason opens at once.
    let (seen, asks) = (Fresh::with_key(READ, Some("a")), Fresh::new(0.0));
    let words = detail.with_untracked(|detail| Approve::of(&detail.approval, late));
    let (asked, unopened) = (RwSignal::new(false), use_context::<Unopened>());
    let unopened = memo(move || unopened.is_some_and(|unopened| unopened.0.get()));
    renew_with(detail, seen, asked);
    let note = Note { open: RwSignal::new(false), text: RwSignal::new(String::new()) };
    let target = move || detail.with_untracked(|detail| Target::of(detail, org.slug.get_untracked()));
    let approve = move || {
        if words.asks(unopened.get_untracked(), asked.get_untracked()) {
            asked.set(true);
            // What the button does has changed: the second half of a double click must not do it.
            seen.renew();
            return true;
        }
        decisions.decide(target(), Verdict::Approve { reason: note.reason() })
    };
    let reject = move || {
        decisions.ask_to_reject(target());
        // The reason may be begun before its field has the focus.
        presses.ignored();
    };
    let shortcuts = Shortcuts::here();
    shortcuts.register_decision("a", "Approve", Some(seen), approve);
    if !late {
        shortcuts.register("r", "Reject with a reason", reject);
    }
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if seen.is_open() {
            approve();
        } else {
            seen.refuse();
        }
    };
    let unseen = memo(move || asked.get() && unopened.get());
    view! {
        <form class="acts" on:submit=submit>
            <p class="asks" role="status">
                {varying(move || unseen.get().then_some("Some arguments were never opened. Press again to approve anyway."))}
            </p>
            <Moment fresh=seen />
            <NoteField note />
            <Button kind=words.kind key="A" fresh=seen submit=true>
                {varying(move || if unseen.get() { "Approve without opening everything" } else { words.words })}
                {varying(move || (!unseen.get()).then_some(words.more))}
            </Button>
            {(!late).then(|| view! { <Button key="R" fresh=asks on_press=Callback::new(move |()| reject())>"Reject"</Button> })}
            <span class="aside">
                <AddNote note />
                {(!late).then(|| view! { <MoreTime detail on_done /> })}
            </span>
        </form>
    }
}

/// A request that changes while somebody looks must be seen anew before it is approved.
fn renew_with(detail: Detail, seen: Fresh, asked: RwSignal<bool>) {
    let hashes =
        part(detail, |detail| (detail.approval.arguments_sha256.clone(), detail.approval.definition_sha256.clone()));
    effect_again(move |again| {
        hashes.track();
        if again {
            seen.renew();
            asked.set(false);
        }
    });
}

/// A note for the record, as long as its field is open.
#[derive(Clone, Copy)]
struct Note {
    open: RwSignal<bool>,
    text: RwSignal<String>,
}

impl Note {
    /// What is recorded: nothing that cannot be seen.
    fn reason(self) -> Option<String> {
        let text = self.open.get_untracked().then(|| self.text.get_untracked());
        text.filter(|text| !text.trim().is_empty())
    }
}

#[component]
fn NoteField(note: Note) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    effect(move || {
        if let Some(input) = input.get() {
            let _ = input.focus();
        }
    });
    let keys = move |event: leptos::ev::KeyboardEvent| {
        // Enter sends the form: a key that is still held must not answer what has just been asked.
        if event.key() == "Enter" && event.repeat() {
            event.prevent_default();
        }
        if event.key() == "Escape" && !event.is_composing() {
            event.prevent_default();
            note.open.set(false);
        }
    };
    view! {
        <Show when=move || note.open.get()>
            <div class="noting" on:keydown=keys>
                <Field
                    label="Note for the record"
                    value=note.text
                    hint="Shown in the history. The agent does not see it."
                    node=input
                />
            </div>
        </Show>
    }
}

/// Opens the field; once that is closed again, the focus comes back here.
#[component]
fn AddNote(note: Note) -> impl IntoView {
    let button = NodeRef::<html::Span>::new();
    let was_open = StoredValue::new(false);
    effect(move || {
        let Some(button) = button.get() else { return };
        if was_open.get_value() && !note.open.get_untracked() {
            focus_within(&button);
        }
        was_open.set_value(false);
    });
    view! {
        <Show when=move || !note.open.get()>
            <span node_ref=button>
                <Button
                    kind=Kind::Quiet
                    label="Add a note"
                    on_press=Callback::new(move |()| {
                        was_open.set_value(true);
                        note.open.set(true);
                    })
                >
                    <Icon shape=Shape::Edit />
                    <span class="wide">"Add a note"</span>
                </Button>
            </span>
        </Show>
    }
}

fn focus_within(element: &web_sys::Element) {
    let button = element.query_selector("button").ok().flatten();
    if let Some(button) = button.and_then(|button| button.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = button.focus();
    }
}
