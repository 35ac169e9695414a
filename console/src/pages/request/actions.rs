//! The bar under a request: what one can do about it, or why one cannot.

use leptos::{html, prelude::*};

use wasm_bindgen::JsCast;

use super::{
    amend::{MoreTime, TakeBack},
    detail::{Detail, part},
    words,
};
use crate::{
    components::{Button, Clock, Field, Fresh, Kind, Moment, Presses, Said, Show, presses::READ},
    decide::{Decisions, Phase, Target, Verdict},
    reactive::{effect, effect_again, memo, varying},
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
    TakeBack,
    /// It waits for others: why.
    Not(String),
    /// It waits, and nobody can decide it: the notes say why.
    Nobody,
    /// Nothing is to be decided.
    Nothing,
}

/// The bar.
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
                (false, false, true) if detail.approval.status == "approved" => Can::TakeBack,
                (true, ..) if !detail.somebody_may_decide => Can::Nobody,
                (true, ..) => Can::Not(detail.may_not_decide_because.clone().unwrap_or_default()),
                _ => Can::Nothing,
            }
        })
    });
    let phase = memo(move || decisions.of(id).map(|decision| (decision.verdict.doing(), decision.phase)));
    varying(move || {
        match (phase.get(), can.get()) {
        (Some((doing, phase)), _) => view! { <OnItsWay detail doing phase /> }.into_any(),
        (None, Can::Decide) => view! { <Decide detail late=false on_done /> }.into_any(),
        (None, Can::ApproveLate) => view! { <Decide detail late=true on_done /> }.into_any(),
        (None, Can::TakeBack) => view! { <TakeBack detail on_done /> }.into_any(),
        (None, Can::Not(why)) => view! {
            <div class="acts"><p class="cannot"><b>"You cannot decide this: "</b><span><Said text=why />"."</span></p></div>
        }
        .into_any(),
        (None, Can::Nobody) => view! {
            <div class="acts"><p class="cannot"><b>"Nobody can decide this"</b>" as things are: the note above says why."</p></div>
        }
        .into_any(),
        (None, Can::Nothing) => ().into_any(),
    }
    })
}

#[component]
fn OnItsWay(detail: Detail, doing: &'static str, phase: Phase) -> impl IntoView {
    let decisions = Decisions::here();
    let id = detail.with_untracked(|detail| detail.approval.id);
    let tool = detail.with_untracked(|detail| detail.approval.tool.clone());
    let undo = Callback::new(move |()| {
        decisions.undo(id);
    });
    // It comes up where the decision was pressed.
    let fresh = Fresh::new(0.0);
    view! {
        <div class="acts">
            <Moment fresh />
            {match phase {
                Phase::Held(_) => view! {
                    <Button key="Z" fresh on_press=undo>"Undo"</Button>
                    <p class="cannot">{doing}" "<Said text=tool />" in a moment; nothing was sent yet."</p>
                }
                    .into_any(),
                Phase::Sending => view! { <p class="cannot">"Sending …"</p> }.into_any(),
            }}
        </div>
    }
}

#[component]
fn Decide(detail: Detail, late: bool, on_done: Callback<()>) -> impl IntoView {
    let (decisions, org, presses) = (Decisions::here(), Org::here(), Presses::here());
    // Approving takes that one has seen what is approved; the question for a reason opens at once.
    let (seen, asks) = (Fresh::with_key(READ, Some("a")), Fresh::new(0.0));
    renew_with(detail, seen);
    let note = Note { open: RwSignal::new(false), text: RwSignal::new(String::new()) };
    let target = move || detail.with_untracked(|detail| Target::of(detail, org.slug.get_untracked()));
    let approve = move || decisions.decide(target(), Verdict::Approve { reason: note.reason() });
    let reject = move || {
        decisions.ask_to_reject(target());
        // The reason may be begun before its field has the focus.
        presses.ignored();
    };
    let shortcuts = Shortcuts::here();
    shortcuts.register_decision("a", "Approve", Some(seen), approve);
    if !late {
        shortcuts.register("r", "Reject, with a reason", reject);
    }
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if seen.is_open() {
            approve();
        } else {
            seen.refuse();
        }
    };
    let words = if late { "Approve after all" } else { "Approve" };
    view! {
        <form class="acts" on:submit=submit>
            <Moment fresh=seen />
            <NoteField note />
            <Button kind=Kind::Primary key="A" fresh=seen submit=true>{words}</Button>
            {(!late).then(|| view! { <Button key="R" fresh=asks on_press=Callback::new(move |()| reject())>"Reject"</Button> })}
            <AddNote note />
            {(!late).then(|| view! { <MoreTime detail on_done /> })}
            <span class="hint" aria-hidden="true"><kbd>"J"</kbd>" "<kbd>"K"</kbd>" next, previous"</span>
        </form>
    }
}

/// A request that changes while somebody looks must be seen anew before it is approved.
fn renew_with(detail: Detail, seen: Fresh) {
    let hashes =
        part(detail, |detail| (detail.approval.arguments_sha256.clone(), detail.approval.definition_sha256.clone()));
    effect_again(move |again| {
        hashes.track();
        if again {
            seen.renew();
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
        if event.key() == "Escape" && !event.is_composing() {
            event.prevent_default();
            note.open.set(false);
        }
    };
    view! {
        <Show when=move || note.open.get()>
            <div class="noting" on:keydown=keys>
                <Field
                    label="A note for the record"
                    value=note.text
                    hint="People read it in the history; the agent does not."
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
                    on_press=Callback::new(move |()| {
                        was_open.set_value(true);
                        note.open.set(true);
                    })
                >
                    "Add a note"
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
