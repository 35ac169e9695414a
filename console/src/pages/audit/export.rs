//! The records that were found as a file. The file is read here, so that one sees how far it is and can give it up; it is
//! kept by the browser once it is whole.

use api_types::Problem;
use gloo_net::http::RequestBuilder;
use js_sys::{Array, Reflect, Uint8Array};
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, AbortSignal, Blob, HtmlElement, ReadableStreamDefaultReader, Url};

use super::{filters::with_query, room::focus, search::Search};
use crate::{
    api::{Failure, encoded, of_org},
    components::{Button, Failed, Icon, Kind, Shape},
    reactive::{RwSignal, memo, varying},
    shell::Org,
};

/// The name of the section in the page: it takes the focus of a button that goes away.
const SECTION: &str = "export";

/// How far an export is.
#[derive(Clone)]
pub(super) enum Stage {
    /// None is wanted.
    Closed,
    /// The format is to be chosen.
    Choosing,
    /// So many bytes are read.
    Reading(f64),
    /// All of it is saved.
    Done(f64),
    Failed(Failure),
}

/// An export. Copied freely; it ends with the page.
#[derive(Clone, Copy)]
pub(super) struct Export {
    pub stage: RwSignal<Stage>,
    running: StoredValue<Option<AbortController>, LocalStorage>,
    search: Search,
    org: Org,
}

impl Export {
    /// None, as yet.
    pub(super) fn new(search: Search) -> Self {
        let export = Self {
            stage: RwSignal::new(Stage::Closed),
            running: StoredValue::new_local(None),
            search,
            org: Org::here(),
        };
        on_cleanup(move || export.give_up());
        export
    }

    /// Opens the choice of a format, or closes it.
    pub(super) fn turn(self) {
        let open = self.stage.with_untracked(|stage| !matches!(stage, Stage::Closed));
        self.give_up();
        self.stage.set(if open { Stage::Closed } else { Stage::Choosing });
    }

    fn give_up(self) {
        if let Some(running) = self.running.try_update_value(Option::take).flatten() {
            running.abort();
        }
    }

    fn begin(self, format: &'static str) {
        let Ok(controller) = AbortController::new() else { return };
        let signal = controller.signal();
        self.running.set_value(Some(controller));
        let query = self.search.filters.with_untracked(|filters| filters.query(encoded));
        let and = if query.is_empty() { "" } else { "&" };
        let slug = self.org.slug.get_untracked();
        let path = of_org(&slug, &with_query("/audit/export", &format!("format={format}{and}{query}")));
        self.stage.set(Stage::Reading(0.0));
        focus(SECTION);
        spawn_local(async move {
            let read = read(&format!("/api/v1{path}"), &signal, |bytes| {
                if !signal.aborted() {
                    self.stage.try_set(Stage::Reading(bytes));
                }
            })
            .await;
            if signal.aborted() {
                return;
            }
            self.running.try_set_value(None);
            let saved = read.and_then(|(parts, bytes)| {
                save(&parts, &format!("{slug}-audit.{format}")).ok_or(Failure::Unreachable).map(|()| bytes)
            });
            self.stage.try_set(saved.map_or_else(Stage::Failed, Stage::Done));
        });
    }
}

/// Reads a file, and tells how much of it is there.
async fn read(url: &str, signal: &AbortSignal, tell: impl Fn(f64)) -> Result<(Array, f64), Failure> {
    let lost = |_| Failure::Unreachable;
    let response =
        RequestBuilder::new(url).abort_signal(Some(signal)).send().await.map_err(|_| Failure::Unreachable)?;
    if !response.ok() {
        let signed_out = response.status() == 401;
        let problem = Box::new(response.json::<Problem>().await.map_err(|_| Failure::Unreachable)?);
        return Err(if signed_out { Failure::SignedOut(problem) } else { Failure::Problem(problem, None) });
    }
    let (parts, mut bytes) = (Array::new(), 0.0);
    let body = response.body().ok_or(Failure::Unreachable)?;
    let reader = ReadableStreamDefaultReader::new(&body).map_err(lost)?;
    loop {
        let step = JsFuture::from(reader.read()).await.map_err(lost)?;
        let Some(part) = Reflect::get(&step, &"value".into()).map_err(lost)?.dyn_into::<Uint8Array>().ok() else {
            return Ok((parts, bytes));
        };
        bytes += f64::from(part.length());
        parts.push(&part);
        tell(bytes);
    }
}

/// Hands a file to the browser.
fn save(parts: &Array, name: &str) -> Option<()> {
    let blob = Blob::new_with_u8_array_sequence(parts).ok()?;
    let url = Url::create_object_url_with_blob(&blob).ok()?;
    let link = document().create_element("a").ok()?;
    link.set_attribute("href", &url).ok()?;
    link.set_attribute("download", name).ok()?;
    link.dyn_into::<HtmlElement>().ok()?.click();
    // The browser has taken hold of it by now.
    Url::revoke_object_url(&url).ok()
}

/// So many bytes in words.
fn size(bytes: f64) -> String {
    match bytes {
        ..1e6 => format!("{:.0} kB", bytes / 1e3),
        ..1e9 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.2} GB", bytes / 1e9),
    }
}

/// The section of an export that is wanted.
#[component]
pub(super) fn Exporting(export: Export) -> impl IntoView {
    let stage = export.stage;
    let close = Callback::new(move |()| {
        export.turn();
        focus("to-export");
    });
    let format = move |format: &'static str, words: &'static str| {
        view! { <Button on_press=Callback::new(move |()| export.begin(format))>{words}</Button> }
    };
    // The parts of the section stay while the bytes rise.
    let which = memo(move || stage.with(std::mem::discriminant));
    let bytes = move || match stage.get() {
        Stage::Reading(bytes) | Stage::Done(bytes) => size(bytes),
        _ => String::new(),
    };
    view! {
        <section class="panel" id=SECTION tabindex="-1" aria-label="Export">
            <div class="in-p line wrap">
                {varying(move || {
                    which.track();
                    match stage.get_untracked() {
                        Stage::Closed => ().into_any(),
                        Stage::Choosing => view! {
                            <span class="grow">"Export all records that match the filters"</span>
                            {format("jsonl", "JSON Lines")}
                            {format("csv", "CSV")}
                        }
                            .into_any(),
                        Stage::Reading(_) => view! {
                            <progress aria-label="Export"></progress>
                            <span class="grow">"Exporting, " {varying(bytes)}</span>
                        }
                            .into_any(),
                        Stage::Done(_) => view! {
                            <span class="grow word ok" role="status"><Icon shape=Shape::Check />"Exported " {varying(bytes)}</span>
                        }
                            .into_any(),
                        Stage::Failed(failure) => view! {
                            <div class="grow"><Failed failure advice=Some("Nothing was saved. Export again.") /></div>
                            {format("jsonl", "JSON Lines")}
                            {format("csv", "CSV")}
                        }
                            .into_any(),
                    }
                })}
                <Button kind=Kind::Quiet on_press=close>
                    {varying(move || if stage.with(|stage| matches!(stage, Stage::Reading(_))) { "Cancel" } else { "Close" })}
                </Button>
            </div>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_the_unit_that_says_something() {
        assert_eq!([0.0, 820_400.0, 8_240_000.0, 1.5e9].map(size), ["0 kB", "820 kB", "8.2 MB", "1.50 GB"]);
    }
}
