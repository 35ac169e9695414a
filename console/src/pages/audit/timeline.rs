//! When the records began: bars above the threshold for what went through, below it for what failed or was refused. A bar,
//! or several, become the range of time that is shown.

use std::sync::Arc;

use api_types::AuditHistogram;
use chrono::{DateTime, TimeDelta, Utc};
use leptos::{ev::KeyboardEvent, html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::{
    filters::{Filters, Name, point},
    local,
    plan::{Bar, Plan, bar_of, heights, labelled},
    results,
    room::Room,
};
use crate::{
    api::{encoded, read::Read},
    components::{Button, Clock, For, Icon, Kind, Shape, Show},
    reactive::{Memo, RwSignal, effect, effect_again, memo, varying},
    shell::Org,
    show::folding::number,
};

/// How often the bars are read again at most while calls finish, in seconds.
const PAUSE: i64 = 15;
/// What is shown where no range is asked for, in hours.
const USUAL: i64 = 24;
/// The width of a bar and its place in the drawing, and how high it is at most, above and below the threshold.
const PLACE: usize = 10;
const ABOVE: f64 = 48.0;
const BELOW: f64 = 30.0;

/// The bars, and what one does with them.
#[derive(Clone, Copy)]
struct Chart {
    room: Room,
    bars: RwSignal<Vec<Bar>>,
    /// From which bar to which one chooses just now.
    chosen: RwSignal<Option<(usize, usize)>>,
    /// The bar that Tab comes to.
    at: RwSignal<usize>,
    place: NodeRef<html::Div>,
    now: RwSignal<DateTime<Utc>>,
}

/// The timeline. That it cannot be read takes nothing else away.
#[component]
pub(super) fn Timeline(room: Room) -> impl IntoView {
    let now = Clock::here();
    let chart = Chart {
        room,
        bars: RwSignal::new(Vec::new()),
        chosen: RwSignal::new(None),
        at: RwSignal::new(0),
        place: NodeRef::new(),
        now,
    };
    let read = reading(chart);
    let retry = Callback::new(move |()| read.again());
    let count = memo(move || chart.bars.with(Vec::len));
    let failed = move || read.failure.with(Option::is_some);
    view! {
        <div class="timeline" aria-busy=varying(move || read.reading.get().to_string())>
            <Show when=failed>
                <p class="quiet" role="status">
                    <Icon shape=Shape::Warning />
                    "The timeline could not be loaded."
                    <Button kind=Kind::Quiet on_press=retry>"Try again"</Button>
                </p>
            </Show>
            <div class=varying(move || if count.get() == 0 { "plot bone" } else { "plot" })
                hidden=varying(move || failed() && count.get() == 0) on:pointerleave=move |_| chart.chosen.set(None)>
                <Drawing chart count />
                <div class="bars" role="group" aria-label="Choose a time range" node_ref=chart.place on:keydown=move |event| chart.press(&event)>
                    <For each=move || 0..count.get() key=|number| *number let:number>
                        <OneBar chart number />
                    </For>
                </div>
            </div>
            <div class="axis" aria-hidden="true">{varying(move || axis(chart))}</div>
        </div>
    }
}

/// Reads the buckets of the range, once the list is there: it comes first.
fn reading(chart: Chart) -> Read<AuditHistogram> {
    let Chart { room, bars, now, .. } = chart;
    let org = Org::here();
    let listed = memo(move || room.results.roll.with(Option::is_some));
    let plan = memo(move || {
        let (from, to) = room.search.filters.with(Filters::range);
        // The range ends a little later than now, so that it need not be read anew each second.
        let step = if from.is_none() { 3_600 } else { 300 };
        let to = to.unwrap_or_else(|| later(now.get(), step));
        let usual = || to.checked_sub_signed(TimeDelta::hours(USUAL)).unwrap_or(to);
        Plan::new(from.unwrap_or_else(usual), to, local::offset(to))
    });
    let others = memo(move || {
        let all = room.search.filters.with(|filters| filters.with(Name::From, "").with(Name::To, ""));
        all.query(encoded)
    });
    let read = Read::<AuditHistogram>::new(move || {
        let of = plan.with(|plan| {
            let (from, to) = plan.range();
            format!("from={}&to={}&bucket={}", point(from), point(to), plan.bucket)
        });
        listed.get().then(|| results::path(org, "audit/histogram", &of, &others.get()))
    });
    effect(move || match read.value.get() {
        Some(histogram) => chart.show(&plan.get_untracked(), &histogram),
        None if read.failure.with(Option::is_some) => bars.set(Vec::new()),
        // Another range: the old one stays until that is there.
        None => {}
    });
    let last = StoredValue::new(now.get_untracked());
    effect_again(move |again| {
        room.results.newest.value.track();
        let time = now.get_untracked();
        if again && (time - last.get_value()).num_seconds() >= PAUSE && !read.reading.get_untracked() {
            last.set_value(time);
            read.again();
        }
    });
    read
}

/// The end of the step in which a point in time lies.
fn later(at: DateTime<Utc>, step: i64) -> DateTime<Utc> {
    DateTime::from_timestamp((at.timestamp().div_euclid(step) + 1) * step, 0).unwrap_or(at)
}

impl Chart {
    fn show(self, plan: &Plan, histogram: &Arc<AuditHistogram>) {
        let focused = document().active_element();
        let inside =
            self.place.get_untracked().is_some_and(|place| focused.is_some_and(|focus| place.contains(Some(&focus))));
        let bars = plan.fill(&histogram.items);
        let last = bars.len().saturating_sub(1);
        self.chosen.set(None);
        self.at.update(|at| *at = (*at).min(last));
        self.bars.set(bars);
        if inside {
            request_animation_frame(move || self.focus());
        }
    }

    fn focus(self) {
        let at = u32::try_from(self.at.get_untracked()).unwrap_or_default();
        let bar = self.place.get_untracked().and_then(|place| place.children().item(at));
        if let Some(bar) = bar.and_then(|bar| bar.dyn_into::<HtmlElement>().ok()) {
            let _ = bar.focus();
        }
    }

    /// Shows the range of these bars.
    fn zoom(self, one: usize, other: usize) {
        self.chosen.set(None);
        let range = self.bars.with_untracked(|bars| {
            let (first, last) = (bars.get(one.min(other))?, bars.get(one.max(other))?);
            Some((first.from, last.to))
        });
        if let Some((from, to)) = range {
            let search = self.room.search;
            search.ask(&search.filters.with_untracked(|filters| filters.within(from, to)), false);
        }
    }

    /// Arrow keys go from bar to bar; with Shift they choose several, which Enter takes.
    fn press(self, event: &KeyboardEvent) {
        let (at, last) = (self.at.get_untracked(), self.bars.with_untracked(Vec::len).saturating_sub(1));
        let to = match event.key().as_str() {
            "ArrowRight" => (at + 1).min(last),
            "ArrowLeft" => at.saturating_sub(1),
            "Home" => 0,
            "End" => last,
            "Escape" => return self.chosen.set(None),
            _ => return,
        };
        event.prevent_default();
        self.chosen.update(|chosen| *chosen = event.shift_key().then(|| (chosen.map_or(at, |(from, _)| from), to)));
        self.at.set(to);
        self.focus();
    }

    fn span(self, bar: &Bar) -> String {
        local::span(bar.from, bar.to, self.now.get_untracked())
    }
}

/// A bar to press. It is drawn apart, since a button cannot be drawn in.
#[component]
fn OneBar(chart: Chart, number: usize) -> impl IntoView {
    let Chart { bars, chosen, at, .. } = chart;
    let label = memo(move || {
        bars.with(|bars| {
            let bar = bars.get(number)?;
            Some(format!("{}: {}", chart.span(bar), counted(bar.ok, bar.failed)))
        })
    });
    let label = varying(move || label.get());
    let name = label.clone();
    let begin = move |event: web_sys::PointerEvent| {
        // A finger scrolls.
        if event.pointer_type() == "mouse" && event.button() == 0 {
            chosen.set(Some((number, number)));
        }
    };
    let over = move |event: web_sys::PointerEvent| {
        if event.buttons() == 1 && chosen.with_untracked(Option::is_some) {
            chosen.update(|chosen| *chosen = chosen.map(|(from, _)| (from, number)));
        }
    };
    let end = move |_| {
        if let Some((from, to)) = chosen.get_untracked().filter(|(from, to)| from != to && *to == number) {
            chart.zoom(from, to);
        }
    };
    view! {
        <button
            type="button"
            aria-label=label
            title=name
            tabindex=varying(move || if at.get() == number { "0" } else { "-1" })
            on:focus=move |_| at.set(number)
            on:pointerdown=begin
            on:pointerenter=over
            on:pointerup=end
            on:click=move |_| chart.zoom(chosen.get_untracked().map_or(number, |(from, _)| from), number)
        ></button>
    }
}

/// What went through and what did not, in words.
fn counted(ok: u64, failed: u64) -> String {
    let words = |count: u64| number(usize::try_from(count).unwrap_or(usize::MAX));
    match (ok, failed) {
        (0, 0) => "nothing".to_owned(),
        (ok, 0) => format!("{} went through", words(ok)),
        (ok, failed) => format!("{} went through, {} failed or refused", words(ok), words(failed)),
    }
}

/// What the whole says to whoever does not see it.
fn summary(bars: &[Bar], now: DateTime<Utc>) -> String {
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else { return "Timeline, loading".to_owned() };
    let sum = |of: fn(&Bar) -> u64| bars.iter().map(of).sum();
    format!("Records {}: {}", local::span(first.from, last.to, now), counted(sum(|bar| bar.ok), sum(|bar| bar.failed)))
}

#[component]
fn Drawing(chart: Chart, count: Memo<usize>) -> impl IntoView {
    let Chart { room, bars, chosen, now, .. } = chart;
    let high = memo(move || bars.with(|bars| heights(bars, ABOVE, BELOW)));
    let words = memo(move || bars.with(|bars| summary(bars, now.get_untracked())));
    let words = varying(move || words.get());
    let drawn = move |below: bool| high.with(|high| path(high, below));
    // The bars that one chooses, or that of the record at the side.
    let marked = memo(move || {
        let selected = move || {
            let id = room.search.selected.get()?;
            let at = room.results.roll.with(|roll| roll.as_ref()?.find(id).map(|entry| entry.at))?;
            bars.with(|bars| bar_of(bars, at)).map(|bar| (bar, bar))
        };
        chosen.get().or_else(selected).map(|(one, other)| (one.min(other) * PLACE, (one.abs_diff(other) + 1) * PLACE))
    });
    view! {
        <svg
            class="chart low"
            role="img"
            preserveAspectRatio="none"
            aria-label=words
            viewBox=varying(move || format!("0 0 {} 84", count.get().max(1) * PLACE))
        >
            {varying(move || marked.get().map(|(x, width)| view! { <rect class="pickd" x=x y="0" width=width height="84" /> }))}
            <path class="up" d=varying(move || drawn(false)) />
            <path class="no" d=varying(move || drawn(true)) />
            <path class="sill" d=varying(move || format!("M0 52h{}", count.get().max(1) * PLACE)) />
        </svg>
    }
}

/// The bars above or below the threshold as a path.
fn path(high: &[(f64, f64)], below: bool) -> String {
    let mut path = String::new();
    for (number, (up, down)) in high.iter().enumerate() {
        let (from, by) = if below { (54.0, *down) } else { (50.0, -up) };
        if by != 0.0 {
            path.push_str(&format!("M{} {from}h8v{by}h-8z", number * PLACE + 1));
        }
    }
    path
}

/// A few points in time under the bars, and the end.
fn axis(chart: Chart) -> Vec<AnyView> {
    chart.bars.with(|bars| {
        let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
            return vec![view! { <span>" "</span> }.into_any()];
        };
        let is_short = (last.to - first.from).num_hours() <= 26;
        let words = |at| {
            let local = local::Local::of(at);
            if is_short { local.time } else { local.day }
        };
        let points = labelled(bars.len()).into_iter().filter_map(|number| bars.get(number)).map(|bar| bar.from);
        points.chain([last.to]).map(|at| view! { <span>{words(at)}</span> }.into_any()).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_what_it_counts() {
        assert_eq!(counted(0, 0), "nothing");
        assert_eq!(counted(1_213, 0), "1,213 went through");
        assert_eq!(counted(213, 4), "213 went through, 4 failed or refused");
    }

    #[test]
    fn the_end_of_the_range_stands_still_for_a_while() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).expect("a time");
        assert_eq!([later(at(0), 300), later(at(299), 300), later(at(300), 300)], [at(300), at(300), at(600)]);
    }

    #[test]
    fn bars_are_drawn_away_from_the_threshold() {
        let high = [(48.0, 0.0), (0.0, 30.0), (3.0, 3.0)];
        assert_eq!(path(&high, false), "M1 50h8v-48h-8zM21 50h8v-3h-8z");
        assert_eq!(path(&high, true), "M11 54h8v30h-8zM21 54h8v3h-8z");
    }
}
