//! A question before something ends: what will happen, and a button that says it.

use leptos::{prelude::*, task::spawn_local};

use super::{advice, consent};
use crate::{
    api::{Api, Failure},
    components::{Button, Dialog, Failed, Kind, Tone, toast::Toasts},
    show::words::Words,
};

/// Ends what stands at `path` once somebody said so; a refusal is shown where it was asked.
#[component]
pub(in crate::pages) fn Confirm(
    /// Whether it is asked.
    open: RwSignal<bool>,
    /// The question.
    #[prop(into)]
    title: Signal<Words>,
    /// The words of the button.
    verb: &'static str,
    /// What ends.
    #[prop(into)]
    path: Signal<String>,
    /// What is said when it has.
    #[prop(into)]
    done: Signal<Words>,
    /// What is done then.
    on_done: Callback<()>,
    /// What will happen.
    children: ChildrenFn,
) -> impl IntoView {
    let children = StoredValue::new(children);
    view! {
        <Dialog open title>
            {children.with_value(|children| children())}
            <Answer open verb path done on_done />
        </Dialog>
    }
}

#[component]
fn Answer(
    open: RwSignal<bool>,
    verb: &'static str,
    path: Signal<String>,
    done: Signal<Words>,
    on_done: Callback<()>,
) -> impl IntoView {
    let api = Api::here();
    let toasts = Toasts::here();
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    let act = Callback::new(move |()| {
        // A second press after what it would stop was read is the consent.
        let force = failure.with_untracked(consent::is_asked);
        busy.set(true);
        failure.set(None);
        let (path, done) = (path.get_untracked() + consent::query(force), done.get_untracked());
        spawn_local(async move {
            let answer = api.delete(&path).await;
            busy.try_set(false);
            match answer {
                Ok(()) => {
                    open.try_set(false);
                    toasts.say(Tone::Ok, done);
                    on_done.try_run(());
                }
                Err(error) => {
                    failure.try_set(Some(error));
                }
            }
        });
    });
    view! {
        {move || failure.get().map(|failure| view! { <consent::Affected failure=failure.clone() /> <Failed advice=advice(&failure) failure /> })}
        <div class="row-end">
            <Button kind=Kind::Quiet on_press=Callback::new(move |()| open.set(false))>"Cancel"</Button>
            <Button kind=Kind::Danger busy on_press=act>
                {verb} {move || failure.with(consent::is_asked).then_some(" all the same")}
            </Button>
        </div>
    }
}
