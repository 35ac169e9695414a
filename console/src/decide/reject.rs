//! The dialog that asks why a call is refused. What is being written is kept by request, here and not in
//! the page, so that no event, no ended session and no other decision can take it away.

use std::collections::HashMap;

use leptos::{ev::KeyboardEvent, html, prelude::*};
use uuid::Uuid;

use super::{Decisions, Target, Verdict};
use crate::{
    components::{Area, Button, CopyButton, Dialog, Fresh, Icon, Kind, Moment, Said, Shape},
    reactive::{RwSignal, derived, effect, varying},
    show::words::Words,
};

/// As many characters as the server takes.
const LONGEST: usize = 2_000;

/// Reasons that are given again and again: a short name, and what the agent reads.
const PRESETS: [(&str, &str); 4] = [
    ("Not now", "Not now. Continue with other work; you can ask again later."),
    ("Wrong arguments", "The arguments are wrong. Check them with the user before asking again."),
    ("Use another tool", "Use another tool that does less than this one."),
    ("Ask me first", "Ask me in the conversation before you do this."),
];

/// The requests whose rejection is being written, and every reason that was begun and not sent.
#[derive(Clone, Copy)]
pub(super) struct Rejecting {
    open: RwSignal<bool>,
    targets: RwSignal<Vec<Target>>,
    text: RwSignal<String>,
    /// Why it cannot be rejected any more.
    late: RwSignal<Option<String>>,
    /// By request; of several together by no id.
    begun: StoredValue<HashMap<Uuid, String>>,
}

impl Rejecting {
    pub(super) fn new() -> Self {
        Self {
            open: RwSignal::new(false),
            targets: RwSignal::new(Vec::new()),
            text: RwSignal::new(String::new()),
            late: RwSignal::new(None),
            begun: StoredValue::new(HashMap::new()),
        }
    }

    pub(super) fn ask(self, targets: Vec<Target>) {
        let begun = self.begun.with_value(|begun| begun.get(&key(&targets)).cloned());
        self.text.set(begun.unwrap_or_default());
        self.late.set(None);
        self.targets.set(targets);
        self.open.set(true);
    }

    pub(super) fn saw(self, id: Uuid, late: Option<String>) {
        // Of several the server refuses the one, and the others are rejected all the same.
        let asked = self.targets.with_untracked(|targets| matches!(&targets[..], [target] if target.id == id));
        if asked && self.late.with_untracked(|now| *now != late) {
            self.late.set(late);
        }
    }

    /// Words that were written before, on a page that is gone: they stand there when the question is asked.
    pub(super) fn begin(self, id: Uuid, text: String) {
        self.begun.update_value(|begun| {
            begun.entry(id).or_insert(text);
        });
    }

    pub(super) fn forget(self, id: Uuid) {
        self.begun.update_value(|begun| {
            begun.remove(&id);
        });
    }

    fn keep(self) {
        let text = self.text.get();
        let id = self.targets.with_untracked(|targets| key(targets));
        self.begun.update_value(|begun| {
            begun.insert(id, text);
        });
    }
}

/// By what a reason is kept that was begun.
fn key(targets: &[Target]) -> Uuid {
    match targets {
        [target] => target.id,
        _ => Uuid::nil(),
    }
}

/// What is asked.
fn question(targets: &[Target]) -> Words {
    match targets {
        [target] => Words::of("Reject {}?", &[&target.tool]),
        _ => Words::of("Reject {} requests?", &[&targets.len().to_string()]),
    }
}

/// The dialog: once, beside the pages.
#[component]
pub fn RejectDialog() -> impl IntoView {
    let decisions = Decisions::here();
    let rejecting = decisions.rejecting;
    effect(move || rejecting.keep());
    let title = derived(move || rejecting.targets.with(|targets| question(targets)));
    view! {
        <Dialog open=rejecting.open title>
            <Form />
        </Dialog>
    }
}

#[component]
fn Form() -> impl IntoView {
    let decisions = Decisions::here();
    let rejecting = decisions.rejecting;
    let tried = RwSignal::new(false);
    // The question comes up where it was asked for: a second press there must not answer it.
    let fresh = Fresh::new(0.0);
    let area = NodeRef::<html::Textarea>::new();
    effect(move || {
        if let Some(area) = area.get() {
            let _ = area.focus();
        }
    });
    let wrong = derived(move || {
        let problem = rejecting.text.with(|text| problem(text));
        problem.filter(|_| tried.get())
    });
    let send = move || {
        tried.set(true);
        let text = rejecting.text.get_untracked();
        if problem(&text).is_some() || rejecting.late.with_untracked(Option::is_some) {
            if let Some(area) = area.get_untracked() {
                let _ = area.focus();
            }
            return;
        }
        rejecting.open.set(false);
        let reject = |target| (target, Verdict::Reject { reason: text.clone() });
        decisions.decide_all(rejecting.targets.get_untracked().into_iter().map(reject).collect());
        rejecting.forget(Uuid::nil());
    };
    let keys = move |event: KeyboardEvent| {
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            if !event.repeat() {
                send();
            }
        }
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        send();
    };
    let close = Callback::new(move |()| rejecting.open.set(false));
    view! {
        <form class="stack" on:submit=submit on:keydown=keys>
            <Presets text=rejecting.text area fresh />
            <Area label="Your reason" value=rejecting.text hint="The agent sees this word for word." wrong node=area />
            <Late late=rejecting.late text=rejecting.text />
            <div class="line wrap ends">
                <Moment fresh />
                <span class="dimmer keys-only"><kbd>"Ctrl"</kbd>" "<kbd>"Enter"</kbd>" to send"</span>
                <Button fresh on_press=close>"Cancel"</Button>
                <Button kind=Kind::Danger submit=true fresh disabled=derived(move || rejecting.late.with(Option::is_some))>
                    "Reject" {varying(move || Some(rejecting.targets.with(Vec::len)).filter(|many| *many > 1).map(|many| format!(" {many} requests")))}
                </Button>
            </div>
        </form>
    }
}

#[component]
fn Presets(text: RwSignal<String>, area: NodeRef<html::Textarea>, fresh: Fresh) -> impl IntoView {
    let put = move |preset: &'static str| {
        if !fresh.is_open() {
            return fresh.refuse();
        }
        text.update(|text| *text = with_preset(text, preset));
        if let Some(area) = area.get_untracked() {
            let _ = area.focus();
        }
    };
    view! {
        <div class="chips" role="group" aria-label="Common reasons">
            {PRESETS
                .into_iter()
                .map(|(name, preset)| view! { <button type="button" class="chip" on:click=move |_| put(preset)>{name}</button> })
                .collect_view()}
        </div>
    }
}

#[component]
fn Late(late: RwSignal<Option<String>>, text: RwSignal<String>) -> impl IntoView {
    view! {
        <div role="status">
            {varying(move || late.get().map(|why| view! {
                <div class="loud">
                    <Icon shape=Shape::Clock />
                    <span>"This can no longer be rejected: " <Said text=why /> ". Nothing was sent, and your text is still here."</span>
                    <CopyButton text what="your reason" />
                </div>
            }.into_any()))}
        </div>
    }
}

/// A preset takes the place of nothing and of another preset, never of what somebody wrote.
fn with_preset(text: &str, preset: &str) -> String {
    let is_preset = PRESETS.iter().any(|(_, words)| *words == text.trim());
    if text.trim().is_empty() || is_preset { preset.to_owned() } else { format!("{}\n{preset}", text.trim_end()) }
}

fn problem(text: &str) -> Option<String> {
    match text.chars().count() {
        _ if text.trim().is_empty() => Some("Give a reason: the agent has nothing else to go by.".to_owned()),
        long if long > LONGEST => Some(format!("{} characters too many.", long - LONGEST)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_never_overwrites_what_somebody_wrote() {
        let [(_, first), (_, second), ..] = PRESETS;
        assert_eq!(with_preset("  ", first), first);
        assert_eq!(with_preset(first, second), second);
        assert_eq!(with_preset("Mine.\n", second), format!("Mine.\n{second}"));
    }

    #[test]
    fn one_request_is_named_and_several_are_counted_and_keep_a_reason_of_their_own() {
        let target = |n| Target {
            org: "acme".to_owned(),
            id: Uuid::from_u128(n),
            tool: "send_invoice".to_owned(),
            arguments_sha256: String::new(),
            definition_sha256: String::new(),
        };
        assert_eq!(question(&[target(1)]).plain(), "Reject send_invoice?");
        assert_eq!(question(&[target(1), target(2)]).plain(), "Reject 2 requests?");
        assert_eq!(key(&[target(1)]), Uuid::from_u128(1));
        assert_eq!(key(&[target(1), target(2)]), Uuid::nil());
    }

    #[test]
    fn a_reason_is_needed_and_must_fit() {
        assert!(problem(" \n").is_some());
        assert_eq!(problem("no"), None);
        assert_eq!(problem(&"ß".repeat(LONGEST)), None);
        assert_eq!(problem(&"ß".repeat(LONGEST + 3)).as_deref(), Some("3 characters too many."));
    }
}
