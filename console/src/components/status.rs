//! How news are shown (`news`): the line, what stands above it, and the foot of pages without a request.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::{
    Button, Clock, CopyButton, For, Fresh, Icon, Kind, Moment, Sentence, Shape, Show, Tone,
    news::{Kept, News, Offer, ring, unfolded},
    presses::READ,
};
use crate::reactive::{RwSignal, effect, effect_again, memo, varying};

/// News at the foot of pages without a request: once, at the end of the application.
#[component]
pub fn Status() -> impl IntoView {
    let news = News::here();
    let here = memo(move || news.bar.with(Option::is_none));
    keeps_clear(news);
    view! {
        <div class="status news">
            <Show when=move || here.get()>
                <Loud />
                <NewsLine />
            </Show>
        </div>
    }
}

/// Says to the style sheets that news stand at the foot, so that what scrolls there ends above them.
fn keeps_clear(news: News) {
    let any = memo(move || {
        let line = news.said.with(Option::is_some) || news.under_way.with(Option::is_some);
        news.bar.with(Option::is_none) && (line || news.kept.with(|kept| !kept.is_empty()))
    });
    effect(move || {
        if let Some(root) = document().document_element() {
            // It fails for names that are none.
            let _ = root.toggle_attribute_with_force("data-news", any.get());
        }
    });
}

/// The line: what was said last, what is under way, and what takes it back.
#[component]
pub fn NewsLine() -> impl IntoView {
    let news = News::here();
    let doing = memo(move || news.under_way.with(|doing| doing.as_ref().map(|doing| doing.words.clone())));
    let undoes = memo(move || news.under_way.with(|doing| doing.as_ref().is_some_and(|doing| doing.undo.is_some())));
    view! {
        <span class="sent" role="status">
            {varying(move || news.said.get().map(|said| view! {
                {(said.tone == Tone::Ok).then(|| view! { <Icon shape=Shape::Check /> })}
                <span class="one"><Sentence words=said.words /></span>
            }.into_any()))}
            <Show when=move || undoes.get()><Ring /></Show>
            {varying(move || doing.get().map(|words| view! { <span class="one"><Sentence words /></span> }.into_any()))}
            <Show when=move || undoes.get()><UndoIt /></Show>
        </span>
    }
}

/// The seconds in which one can undo, for eyes: read out, they would drown everything else.
#[component]
fn Ring() -> impl IntoView {
    let (news, now) = (News::here(), Clock::here());
    let left = memo(move || {
        news.under_way.with(|doing| {
            let undo = doing.as_ref()?.undo.as_ref()?;
            Some(ring(undo.since, undo.until, now.get()))
        })
    });
    view! {
        <svg class="ring" aria-hidden="true" viewBox="0 0 16 16">
            <circle cx="8" cy="8" r="6" />
            <circle class="go" cx="8" cy="8" r="6" transform="rotate(-90 8 8)" stroke-dasharray=varying(move || left.get()) />
        </svg>
    }
}

#[component]
fn UndoIt() -> impl IntoView {
    let news = News::here();
    let fresh = Fresh::new(0.0);
    let undo = Callback::new(move |()| {
        let act = news.under_way.with_untracked(|doing| Some(doing.as_ref()?.undo.as_ref()?.act.clone()));
        // It stays where more can be undone: the second half of a double click must not undo that.
        fresh.renew();
        if let Some(act) = act {
            act();
        }
    });
    // It also goes when the seconds are over; the focus must not go with it.
    on_cleanup(|| {
        let active = document().active_element();
        if active.is_some_and(|active| matches!(active.closest(".sent"), Ok(Some(_)))) {
            leave();
        }
    });
    view! {
        <span class="wide-only" aria-hidden="true">"·"</span>
        <Button kind=Kind::Quiet key="Z" fresh on_press=undo>"Undo"</Button>
        <Moment fresh />
    }
}

/// What must not be missed, the newest first: each stays until it is dismissed, and many fold.
#[component]
pub fn Loud() -> impl IntoView {
    let news = News::here();
    let open = RwSignal::new(false);
    let shown = move || {
        let all = news.kept.get();
        let many = if open.get() { all.len() } else { unfolded(all.len()) };
        all.into_iter().take(many).collect::<Vec<_>>()
    };
    let hidden = memo(move || {
        let all = news.kept.with(Vec::len);
        if open.get() { 0 } else { all - unfolded(all) }
    });
    // Once few are left, the next many fold again.
    effect(move || {
        let few = news.kept.with(|kept| unfolded(kept.len()) == kept.len());
        if few && open.get_untracked() {
            open.set(false);
        }
    });
    view! {
        <div class="louds" role="status">
            <For each=shown key=|kept| kept.id let:kept>
                <One kept />
            </For>
            <Show when=move || hidden.get() != 0>
                <Button kind=Kind::Quiet on_press=Callback::new(move |()| open.set(true))>
                    "and " {varying(move || hidden.get())} " more"
                </Button>
            </Show>
        </div>
    }
}

#[component]
fn One(kept: Kept) -> impl IntoView {
    let Kept { id, tone, words, offers } = kept;
    let bad = tone == Tone::Bad;
    view! {
        <div class=if bad { "loud bad" } else { "loud" }>
            <Icon shape=if bad { Shape::Warning } else { Shape::Clock } />
            <span><Sentence words=words /></span>
            <Offers id offers />
        </div>
    }
}

/// What can be done now. It may have come up where something else was pressed, and must not be pressed in its place.
#[component]
fn Offers(id: u64, offers: Vec<Offer>) -> impl IntoView {
    let news = News::here();
    let fresh = Fresh::new(READ);
    // Lines that come and go move the others.
    effect_again(move |again| {
        news.kept.track();
        if again {
            fresh.renew();
        }
    });
    let dismiss = Callback::new(move |()| {
        news.take_back(id);
        leave();
    });
    let offers = offers.into_iter().map(move |offer| match offer {
        Offer::Do(words, act) => {
            let act = Callback::new(move |()| {
                news.take_back(id);
                leave();
                act();
            });
            view! { <Button kind=Kind::Quiet fresh on_press=act>{words}</Button> }.into_any()
        }
        Offer::Copy(what, text) => view! { <CopyButton text what /> }.into_any(),
        Offer::Go(words, href) => {
            view! { <a class="btn plain" href=href on:click=move |_| news.take_back(id)>{words}</a> }.into_any()
        }
    });
    view! {
        {offers.collect_view()}
        <Button kind=Kind::Quiet label="Dismiss" fresh on_press=dismiss>
            <Icon shape=Shape::Cross />
        </Button>
        <Moment fresh />
    }
}

/// The button that has the focus goes: reading goes on at the page.
fn leave() {
    let content = document().get_element_by_id("content").and_then(|content| content.dyn_into::<HtmlElement>().ok());
    if let Some(content) = content {
        // An element that cannot take it leaves it where it is.
        let _ = content.focus();
    }
}
