//! A question before something ends: what will happen, and a button that says it.

use leptos::{prelude::*, task::spawn_local};

use super::{
    Button, Dialog, Kind, Moment, Refused, Seen, Since, Tone,
    consent::{Consent, is_asked, query},
    news::News,
};
use crate::{
    api::{Api, Failure},
    reactive::{RwSignal, derived, varying},
    show::words::Words,
};

/// Ends what stands at `path` once somebody said so; a refusal is shown where it was asked.
#[component]
pub fn Confirm(
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
    /// What is ended, where another person may change it meanwhile.
    #[prop(optional)]
    seen: Option<Seen>,
    /// What will happen.
    children: ChildrenFn,
) -> impl IntoView {
    let children = StoredValue::new(children);
    view! {
        <Dialog open title>
            {children.with_value(|children| children())}
            <Answer open verb path done on_done seen />
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
    seen: Option<Seen>,
) -> impl IntoView {
    let api = Api::here();
    let news = News::here();
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    let consent = Consent::new(failure);
    let act = Callback::new(move |()| {
        // A second press after what it would stop was read is the consent.
        let force = failure.with_untracked(is_asked);
        busy.set(true);
        failure.set(None);
        let (path, done) = (path.get_untracked() + query(force), done.get_untracked());
        let tag = seen.map(|seen| seen.tag.get_untracked()).unwrap_or_default();
        spawn_local(async move {
            let answer = api.delete(&path, &tag).await;
            busy.try_set(false);
            match answer {
                Ok(()) => {
                    open.try_set(false);
                    news.say(Tone::Ok, done);
                    on_done.try_run(());
                }
                Err(error) => {
                    if let Some(seen) = seen {
                        seen.refused(&error);
                    }
                    consent.refused(error);
                }
            }
        });
    });
    let gone = derived(move || seen.is_some_and(|seen| seen.gone.get()));
    let told = move || failure.get().filter(|failure| !seen.is_some_and(|seen| seen.says(failure)));
    view! {
        {seen.map(|seen| view! { <Since seen /> })}
        {varying(move || told().map(|failure| view! { <Refused failure /> }))}
        // Cancel comes first, and so has the focus.
        <div class="answers">
            <Button kind=Kind::Quiet on_press=Callback::new(move |()| open.set(false))>"Cancel"</Button>
            <Moment fresh=consent.fresh />
            <Button kind=Kind::Danger busy disabled=gone fresh=consent.fresh on_press=act>
                {verb} {varying(move || failure.with(is_asked).then_some(" anyway"))}
            </Button>
        </div>
    }
}
