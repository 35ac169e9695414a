//! What stands beside a key: a value, what it was before, what opens it.

use leptos::{prelude::*, task::spawn_local, wasm_split::wasm_split};

use super::{
    super::{Loaded, Marked, Show, difference::text_difference, marked::fold_class},
    Open,
};
use crate::{
    reactive::{RwSignal, memo, varying},
    show::{
        compare::State,
        folding::{Limit, number, plural},
        json::Node,
        marks::Form,
        outline::{DEEP, EARLIER, Item, Row, VALUE},
        values::{differs_by_hidden, is_ambiguous, is_text_difference},
    },
};

/// The value of a row, with what became of it.
pub(super) fn of(open: &Open, row: Row, item: &Item) -> AnyView {
    let id = row.id;
    let value = || if item.count > 0 { nested(open, row, item) } else { scalar(open, id, VALUE, &item.value) };
    // What is in a new object is new with it.
    let around = (id > 0).then(|| open.outline.item(item.parent)).flatten();
    let again = around.is_some_and(|around| around.state == item.state);
    match &item.state {
        State::Same => value(),
        State::Changed(old) if is_text_difference(&item.value, old) => {
            changed_text(open, id, &item.value, old, item.long)
        }
        State::Changed(old) => {
            let was = if differs_by_hidden(&item.value, old) {
                if item.hidden == 1 { "was without it" } else { "was without them" }.into_any()
            } else {
                view! { "was "{scalar(open, id, EARLIER, old)} }.into_any()
            };
            view! { {marked(value(), item.count > 0)}" "<span class="was">{was}</span> }.into_any()
        }
        State::Added => {
            let words = if row.depth == 0 { "new argument" } else { "new" };
            view! { {marked(value(), item.count > 0)}{(!again).then(|| view! { " "<span class="was">{words}</span> })} }
                .into_any()
        }
        State::Removed => {
            let value = if item.count > 0 { value() } else { view! { <del>{value()}</del> }.into_any() };
            view! { {value}{(!again).then(|| view! { " "<span class="was">"removed"</span> })} }.into_any()
        }
        State::NotComparable => view! {
            {value()}" "<span class="was">"the earlier value was redacted, so it cannot be compared"</span>
        }
        .into_any(),
    }
}

/// The marker pen, over values only.
fn marked(value: AnyView, nested: bool) -> AnyView {
    if nested { value } else { view! { <mark>{value}</mark> }.into_any() }
}

/// What is told once a text of a row is whole; nothing where it is short.
pub(super) fn on_whole(open: &Open, id: usize, text: u8) -> Option<Callback<()>> {
    let long = open.outline.item(id).is_some_and(|item| item.long & text != 0);
    let unfolding = open.unfolding;
    long.then(|| Callback::new(move |()| unfolding.saw(id, text)))
}

/// An object or array with something in it: opens below its row, or in full width where that lies deep.
fn nested(open: &Open, row: Row, item: &Item) -> AnyView {
    let (id, folds, all) = (row.id, open.unfolding.folds, open.unfolding.all);
    let is_deep = row.depth >= DEEP;
    let deep = move || is_deep && !all.get();
    let shown = memo(move || folds.with(|folds| folds.shown(id) > 0));
    let inside = open.outline.inside(id, 0);
    let kind = if matches!(item.value, Node::List(_)) {
        plural(item.count, "item", "items")
    } else {
        plural(item.count, "field", "fields")
    };
    let level = if is_deep { format!(", level {}", item.depth) } else { String::new() };
    let (count, within) = (number(item.count), inside.words(item.count));
    let words = move || {
        let (deep, shown) = (deep(), shown.get());
        let verb = if deep {
            "Open "
        } else if shown {
            ""
        } else {
            "Show "
        };
        let within = if shown && !deep { "" } else { within.as_str() };
        format!("{verb}{count} {kind}{within}{level}")
    };
    let open = open.clone();
    let press = move |_| {
        if is_deep && !all.get_untracked() {
            open.look_at(id);
        } else {
            open.change(|outline, folds| outline.toggle(folds, id));
        }
    };
    view! {
        <button
            type="button"
            class=fold_class(inside.marks)
            aria-expanded=varying(move || (!deep()).then(|| shown.get().to_string()))
            on:click=press
        >
            {varying(words)}
        </button>
    }
    .into_any()
}

/// A value on its own: without quotes, and without its type, where neither is needed. An earlier object or array is shown
/// as the JSON that it was.
fn scalar(open: &Open, id: usize, which: u8, value: &Node) -> AnyView {
    let text = |text: String| {
        let (unfolded, on_whole) = (open.unfolding.all, on_whole(open, id, which));
        view! { <bdi class="v"><Marked text form=Form::Block limit=Limit::VALUE unfolded on_whole /></bdi> }.into_any()
    };
    let typed = |value: AnyView, kind: &'static str| view! { {value}<span class="type">{kind}</span> }.into_any();
    let ours = |words: &'static str| view! { <span class="v">{words}</span> }.into_any();
    match value {
        Node::Null => ours("null"),
        Node::Bool(value) => ours(if *value { "true" } else { "false" }),
        Node::Number(number) => text(number.clone()),
        Node::Text(string) if string.is_empty() => typed(ours("\"\""), "empty text"),
        Node::Text(string) if is_ambiguous(string) => {
            let quoted = view! { {ours("\"")}{text(string.clone())}{ours("\"")} }.into_any();
            typed(quoted, "text")
        }
        Node::Text(string) => text(string.clone()),
        Node::List(values) if values.is_empty() => typed(ours("[]"), "empty list"),
        Node::Map(entries) if entries.is_empty() => typed(ours("{}"), "empty object"),
        Node::Raw { text: raw, why } => view! { {text(raw.clone())}<span class="type">{why.words()}</span> }.into_any(),
        nested => typed(text(nested.compact()), "JSON"),
    }
}

#[wasm_split(seldom, fallible, wasm_split_path = ::leptos::wasm_split)]
fn by_lines() -> Loaded<fn(&str, &str) -> AnyView> {
    Ok(text_difference)
}

/// A text of several lines that has changed: its changed lines, and the whole of it where that is long. Until what compares
/// the lines is loaded, and where it cannot be loaded, both texts stand there.
fn changed_text(open: &Open, id: usize, now: &Node, before: &Node, long: u8) -> AnyView {
    let (Node::Text(now), Node::Text(before)) = (now.clone(), before.clone()) else { return ().into_any() };
    let compare = RwSignal::new(None::<fn(&str, &str) -> AnyView>);
    spawn_local(async move {
        let loaded = by_lines().await.ok();
        compare.try_set(loaded);
    });
    let (all, is_open) = (open.unfolding.all, RwSignal::new(false));
    let whole = memo(move || is_open.get() || all.get());
    let (open, whole_text) = (open.clone(), Node::Text(now.clone()));
    let both = open.clone();
    view! {
        {varying(move || match compare.get() {
            Some(compare) => compare(&before, &now),
            None => {
                let scalar = |which, text: &String| scalar(&both, id, which, &Node::Text(text.clone()));
                view! { <mark>{scalar(VALUE, &now)}</mark>" "<span class="was">"was "{scalar(EARLIER, &before)}</span> }.into_any()
            }
        })}
        {(long & VALUE != 0).then(|| view! {
            <Show when=move || !all.get()>
                <button type="button" class="more" aria-expanded=varying(move || is_open.get().to_string()) on:click=move |_| is_open.update(|open| *open = !*open)>
                    {varying(move || if is_open.get() { "Hide the whole text" } else { "Show the whole text" })}
                </button>
            </Show>
            {varying(move || whole.get().then(|| view! { <div>{scalar(&open, id, VALUE, &whole_text)}</div> }.into_any()))}
        })}
    }
    .into_any()
}
