//! JSON of somebody else's as rows of key and value, compared with an earlier one where there is one.
//!
//! Which rows stand there, and what is said about the rest, is decided in `show::outline`; `unfolding` has what is open,
//! `value` draws one value.

mod unfolding;
mod value;

use std::sync::Arc;

use leptos::{html, prelude::*};
use wasm_bindgen::JsCast;

pub use self::unfolding::{TreeTools, Unfolding};
use super::{CopyButton, For, Marked, Printing, Said, marked::fold_class};
use crate::{
    reactive::{memo, varying},
    show::{
        compare::{Name, indented},
        folding::{Limit, ROWS, number, plural},
        json::{Node, parse},
        marks::Form,
        outline::{DEEP, Folds, KEY, Outline, Row},
        values,
    },
};

/// A tree of JSON. Keys never disappear, and hidden characters in them are marked as in values.
#[component]
pub fn Tree(
    /// The JSON text, exactly as it came. What is not JSON is shown as it is.
    #[prop(optional, into)]
    json: Signal<String>,
    /// What to compare it with: the arguments of the last approved call.
    #[prop(optional, into)]
    before: Signal<Option<String>>,
    /// Instead of both, what [`TreeTools`] open and fold, too.
    #[prop(optional)]
    unfolding: Option<Unfolding>,
    /// What it is, for those who do not see where it stands.
    label: &'static str,
) -> impl IntoView {
    let unfolding = unfolding.unwrap_or_else(|| Unfolding::of(json, before));
    let group = NodeRef::<html::Div>::new();
    view! {
        <div class="tree" role="group" aria-label=label tabindex="-1" node_ref=group>
            {varying(move || {
                if unfolding.as_json.get() {
                    return view! { <AsJson unfolding /> }.into_any();
                }
                let open = Open { unfolding, outline: unfolding.outline.get(), list: NodeRef::new(), crumb: NodeRef::new(), group };
                rows(&open, label)
            })}
        </div>
    }
}

/// The whole as JSON, to be read and copied.
#[component]
fn AsJson(unfolding: Unfolding) -> impl IntoView {
    let Unfolding { json, outline, folds, .. } = unfolding;
    let text = json.with_untracked(|json| match parse(json) {
        Node::Raw { text, .. } => text,
        node => indented(&node),
    });
    let on_whole = Callback::new(move |()| {
        let outline = outline.get_untracked();
        folds.update(|folds| outline.saw_all(folds));
    });
    view! {
        <div class="copied">
            <pre class="code" tabindex="0"><Marked text form=Form::Block limit=Limit::STEP on_whole=Some(on_whole) /></pre>
            <CopyButton text=json what="the JSON" />
        </div>
    }
}

/// A tree on the page.
#[derive(Clone)]
struct Open {
    unfolding: Unfolding,
    outline: Arc<Outline>,
    list: NodeRef<html::Dl>,
    crumb: NodeRef<html::B>,
    group: NodeRef<html::Div>,
}

impl Open {
    fn change(&self, change: impl FnOnce(&Outline, &mut Folds)) {
        self.unfolding.folds.update(|folds| change(&self.outline, folds));
    }

    /// Lets a value fill the tree. The focus goes to its name; on the way back to the row that was opened.
    fn look_at(&self, id: usize) {
        let before = self.unfolding.folds.with_untracked(|folds| folds.at);
        self.change(|outline, folds| outline.look_at(folds, id));
        let path = self.outline.path(before);
        match path.iter().position(|at| *at == id).and_then(|at| path.get(at + 1)) {
            Some(opened) => self.focus_row(*opened, true),
            None => {
                let crumb = self.crumb;
                request_animation_frame(move || {
                    if let Some(crumb) = crumb.try_get_untracked().flatten() {
                        let _ = crumb.focus();
                    }
                });
            }
        }
    }

    /// Focuses what opens a value, or its key.
    fn focus_row(&self, id: usize, button: bool) {
        let rows = self.unfolding.folds.with_untracked(|folds| self.outline.rows(folds));
        let at = rows.iter().position(|row| row.id == id && !row.rest);
        let (list, group) = (self.list, self.group);
        request_animation_frame(move || {
            let rows = list.try_get_untracked().flatten().map(|list| list.children());
            let row = rows.zip(at.and_then(|at| u32::try_from(at).ok())).and_then(|(rows, at)| rows.item(at));
            let inside = |of: &'static str| row.as_ref().and_then(|row| row.query_selector(of).ok().flatten());
            let target = if button { inside("dd > .more") } else { None }.or_else(|| inside("dt"));
            let target = target.and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok());
            match target {
                Some(target) => {
                    if !button {
                        target.set_tab_index(-1);
                    }
                    let _ = target.focus();
                }
                None => {
                    if let Some(group) = group.try_get_untracked().flatten() {
                        let _ = group.focus();
                    }
                }
            }
        });
    }
}

fn rows(open: &Open, label: &'static str) -> AnyView {
    let (printing, folds) = (Printing::here(), open.unfolding.folds);
    let outline = open.outline.clone();
    let rows = memo(move || {
        let printing = printing.get();
        folds.with(|folds| if printing { outline.printed(folds) } else { outline.rows(folds) })
    });
    let at = memo(move || folds.with(|folds| folds.at));
    let (above, each, list) = (open.clone(), open.clone(), open.list);
    view! {
        {varying(move || Some(at.get()).filter(|at| *at != 0 && !printing.get()).map(|at| crumbs(&above, at, label)))}
        <dl class="args" node_ref=list>
            <For each=move || rows.get() key=|row| row.key() children=move |row| row_of(&each, row) />
        </dl>
    }
    .into_any()
}

/// Where the value lies that fills the tree, and the way back.
fn crumbs(open: &Open, at: usize, label: &'static str) -> AnyView {
    let path = open.outline.path(at);
    let step = |id: usize| {
        let name = open.outline.item(id).map(|item| plain_name(&item.name)).unwrap_or_default();
        if id == at {
            return view! { <b tabindex="-1" aria-current="location" node_ref=open.crumb><Said text=name /></b> }
                .into_any();
        }
        let to = open.clone();
        let words = if id == 0 { label.into_any() } else { view! { <Said text=name /> }.into_any() };
        view! {
            <button type="button" class="more" on:click=move |_| to.look_at(id)>{words}</button>
            <span aria-hidden="true">"›"</span>
        }
        .into_any()
    };
    view! { <div class="crumbs" role="group" aria-label="Path">{path.into_iter().map(step).collect_view()}</div> }
        .into_any()
}

fn row_of(open: &Open, row: Row) -> AnyView {
    let Some(item) = open.outline.item(row.id) else { return ().into_any() };
    let depth = ["", "d1", "d2", "d3", "d4"].get(row.depth.min(DEEP)).copied().unwrap_or_default();
    if row.rest {
        return rest(open, row.id, depth);
    }
    let class = format!("{depth}{}", if values::is_wide(&item.value) { " long" } else { "" });
    let around =
        (row.depth > 0).then(|| open.outline.item(item.parent)).flatten().map(|around| plain_name(&around.name));
    view! {
        <div class=class>
            <dt>{key(open, row.id, &item.name)}{around.map(|around| view! { <span class="sr">" in "<Said text=around /></span> })}</dt>
            <dd>{value::of(open, row, item)}</dd>
        </div>
    }
    .into_any()
}

/// The values that are not shown yet.
fn rest(open: &Open, id: usize, depth: &'static str) -> AnyView {
    let folds = open.unfolding.folds;
    let count = open.outline.item(id).map_or(0, |item| item.count);
    let printing = Printing::here();
    let each = open.clone();
    let shown = memo(move || folds.with(|folds| folds.shown(id)));
    let press = move |_| {
        let mut first = None;
        each.change(|outline, folds| first = outline.more(folds, id));
        // The button goes once nothing is left.
        if shown.get_untracked() >= count
            && let Some(first) = first
        {
            each.focus_row(first, false);
        }
    };
    let outline = open.outline.clone();
    view! {
        <div class=depth>
            <dt><span aria-hidden="true">"…"</span><span class="sr">"and more"</span></dt>
            <dd>
                {varying(move || {
                    let (left, inside) = (count.saturating_sub(shown.get()), outline.inside(id, shown.get()));
                    let words = format!("{} of {} not shown{}", number(left), number(count), inside.words(left));
                    if printing.get() {
                        return view! { <span class="type">{words}</span> }.into_any();
                    }
                    let next = left.min(ROWS);
                    let press = press.clone();
                    view! {
                        <button type="button" class=format!("{} rest", fold_class(inside.marks)) on:click=press>
                            {format!("Show {} more {} ({words})", number(next), plural(next, "row", "rows"))}
                        </button>
                    }
                    .into_any()
                })}
            </dd>
        </div>
    }
    .into_any()
}

/// A name on one line, for a path.
fn plain_name(name: &Name) -> String {
    match name {
        Name::Root => "everything".to_owned(),
        Name::Index(index) => (index + 1).to_string(),
        Name::Key { key, .. } if key.is_empty() => "empty key".to_owned(),
        Name::Key { key, .. } => key.clone(),
    }
}

fn key(open: &Open, id: usize, name: &Name) -> AnyView {
    match name {
        Name::Root => "value".into_any(),
        Name::Index(_) => plain_name(name).into_any(),
        Name::Key { key, readable, repeats } => {
            let (unfolding, repeats) = (open.unfolding, *repeats);
            let on_whole = value::on_whole(open, id, KEY);
            view! {
                {if key.is_empty() {
                    view! { <i>"empty key"</i> }.into_any()
                } else {
                    view! { <Marked text=key.clone() form=Form::Line limit=Limit::KEY unfolded=unfolding.all on_whole /> }.into_any()
                }}
                {(!readable).then(|| view! { <span class="type">"as written"</span> })}
                {(repeats > 0).then(|| view! { <span class="type bad">{format!("duplicate key, no. {}", repeats + 1)}</span> })}
            }
            .into_any()
        }
    }
}
