//! JSON of somebody else's as rows of key and value, compared with an earlier one where there is one.
//!
//! What is open at first and what is said about the rest is decided in `show::folding`.

use leptos::prelude::*;

use super::{Marked, Printing, marked::fold_class};
use crate::{
    reactive::{memo, varying},
    show::{
        compare::{Branch, Name, State, compare},
        folding::{Inside, Limit, ROWS, number, open, plural},
        json::{INDENTED, Node, parse},
        marks::Form,
    },
};

/// A tree of JSON. Keys never disappear, and hidden characters in them are marked as in values.
#[component]
pub fn Tree(
    /// The JSON text, exactly as it came. What is not JSON is shown as it is.
    #[prop(into)]
    json: Signal<String>,
    /// What to compare it with: the arguments of the last approved call.
    #[prop(optional, into)]
    before: Signal<Option<String>>,
    /// What it is, for those who do not see where it stands.
    label: &'static str,
) -> impl IntoView {
    let root = memo(move || compare(parse(&json.get()), before.get().map(|before| parse(&before))));
    view! {
        <div class="tree" role="group" aria-label=label>
            {varying(move || root.with(|root| {
                let whole = matches!(root.value, Node::Map(_) | Node::List(_)) && root.state == State::Same;
                if whole && !root.children.is_empty() {
                    level(root.children.clone(), 0)
                } else {
                    view! { <dl class="args">{row(root.clone(), 0, true)}</dl> }.into_any()
                }
            }))}
        </div>
    }
}

/// The rows of one object or array: so many at first, as many again with each press.
fn level(branches: Vec<Branch>, depth: usize) -> AnyView {
    let total = branches.len();
    let opened = open(&branches[..total.min(ROWS)], depth);
    let branches = StoredValue::new(branches);
    let (pages, printing) = (RwSignal::new(1_usize), Printing::here());
    let page = move |page: usize| {
        branches.with_value(|branches| {
            let rows = branches.iter().enumerate().skip(page * ROWS).take(ROWS);
            rows.map(|(at, branch)| row(branch.clone(), depth, opened.get(at).copied().unwrap_or(false))).collect_view()
        })
    };
    let rest = move || {
        let from = (pages.get() * ROWS).min(total);
        branches.with_value(|branches| (from < total).then(|| (total - from, Inside::of(&branches[from..]))))
    };
    view! {
        <dl class="args">
            <For each=move || 0..pages.get() key=|page| *page children=page />
        </dl>
        {varying(move || rest().map(|(left, inside)| {
            let next = left.min(ROWS);
            if printing.get() {
                return view! { <p class="note">{format!("{} more {}, not printed", number(left), plural(left, "row", "rows"))}</p> }.into_any();
            }
            view! {
                <button type="button" class=format!("fold-rows {}", fold_class(inside.marks)) on:click=move |_| pages.update(|pages| *pages += 1)>
                    {format!("show {} more {} ({} hidden)", number(next), plural(next, "row", "rows"), inside.words())}
                </button>
            }
            .into_any()
        }))}
    }
    .into_any()
}

fn row(branch: Branch, depth: usize, open: bool) -> AnyView {
    let (class, word) = match &branch.state {
        State::Same => ("", None),
        State::Changed(_) => ("changed", Some("changed")),
        State::Added => ("changed added", Some("new")),
        State::Removed => ("changed removed", Some("removed")),
        State::NotComparable => ("changed unknown", Some("not comparable")),
    };
    let nested = !branch.children.is_empty();
    // What lies deeper than so many levels stands no further to the right: its level says where it is.
    let flat = nested && depth >= INDENTED;
    let class = format!("{class}{}{}", if nested { " nested" } else { "" }, if flat { " flat" } else { "" });
    let Branch { name, value, state, children } = branch;
    view! {
        <div class=class>
            <dt>{key(name)}{word.map(|word| view! { " " <span class="state">{word}</span> })}</dt>
            <dd>
                {match state {
                    State::Changed(old) => view! {
                        <div class="now">
                            {if nested { inside(value, children, depth, open) } else { view! { <ins>{scalar(value)}</ins> }.into_any() }}
                        </div>
                        <div class="was">"was "<del>{scalar(old)}</del></div>
                    }.into_any(),
                    State::NotComparable => view! {
                        {if nested { inside(value, children, depth, open) } else { scalar(value) }}
                        <div class="note">"The earlier value is redacted, so nobody can say whether this one is the same."</div>
                    }.into_any(),
                    _ if nested => inside(value, children, depth, open),
                    State::Added => view! { <ins>{scalar(value)}</ins> }.into_any(),
                    State::Removed => view! { <del>{scalar(value)}</del> }.into_any(),
                    State::Same => scalar(value),
                }}
            </dd>
        </div>
    }
    .into_any()
}

fn key(name: Name) -> AnyView {
    match name {
        Name::Root => view! { <span class="words">"the whole"</span> }.into_any(),
        Name::Index(index) => view! { <span class="index">{format!("[{index}]")}</span> }.into_any(),
        Name::Key { key, readable, repeats } => view! {
            {if key.is_empty() {
                view! { <span class="words">"empty key"</span> }.into_any()
            } else {
                view! { <Marked text=key form=Form::Line limit=Limit::KEY /> }.into_any()
            }}
            {(!readable).then(|| view! { " " <span class="state">"as written"</span> })}
            {(repeats > 0).then(|| view! { " " <span class="state bad">{format!("repeated key, no. {}", repeats + 1)}</span> })}
        }
        .into_any(),
    }
}

/// An object or array with something in it.
fn inside(value: Node, children: Vec<Branch>, depth: usize, open: bool) -> AnyView {
    let kind = if matches!(value, Node::List(_)) { "array" } else { "object" };
    let inside = Inside::of(&children);
    let children = StoredValue::new(children);
    let (open, printing) = (RwSignal::new(open), Printing::here());
    let shown = memo(move || open.get() || printing.get());
    let at = if depth >= INDENTED { format!(" on level {}", depth + 2) } else { String::new() };
    view! {
        <button type="button" class=fold_class(inside.marks) aria-expanded=varying(move || open.get().to_string()) on:click=move |_| open.update(|open| *open = !*open)>
            {varying(move || format!("{} {kind}{at}: {}", if open.get() { "hide" } else { "show" }, inside.words()))}
        </button>
        {varying(move || shown.get().then(|| level(children.get_value(), depth + 1)))}
    }
    .into_any()
}

/// A value on its own. An old object or array is shown as the JSON it was.
fn scalar(value: Node) -> AnyView {
    let typed = |text: String, kind: &'static str| {
        view! { <span class="typed"><Marked text=text form=Form::Block limit=Limit::VALUE /></span> " " <span class="kind">{kind}</span> }
            .into_any()
    };
    let words = |words: &'static str| view! { <span class="words">{words}</span> }.into_any();
    match value {
        Node::Null => typed("null".into(), "nothing"),
        Node::Bool(value) => typed(value.to_string(), "yes or no"),
        Node::Number(number) => typed(number, "number"),
        Node::Text(text) if text.is_empty() => words("empty string"),
        Node::Text(text) => {
            // What reads like another kind of value says that it is text.
            let ambiguous = !matches!(parse(&text), Node::Raw { .. } | Node::Map(_) | Node::List(_));
            view! {
                <span class="text"><Marked text=text form=Form::Block limit=Limit::VALUE /></span>
                {ambiguous.then(|| view! { " " <span class="kind">"text"</span> })}
            }
            .into_any()
        }
        Node::List(values) if values.is_empty() => words("empty array"),
        Node::Map(entries) if entries.is_empty() => words("empty object"),
        Node::Raw { text, why } => view! {
            <div class="note">{why.words()}</div>
            <span class="text"><Marked text=text form=Form::Block limit=Limit::VALUE /></span>
        }
        .into_any(),
        nested => typed(nested.compact(), "JSON"),
    }
}
