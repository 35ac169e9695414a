//! What changed in a text or in a tool's definition, line by line.

use leptos::prelude::*;

use super::{For, Marked, Printing, marked::fold_class};
use crate::{
    reactive::{RwSignal, memo, varying},
    show::{
        compare::{Line, Part, definitions, differing, lines},
        folding::{Limit, ROWS, number, plural},
        json::parse,
        marks::{self, Form},
    },
};

/// A line of a difference, and the bytes of it that differ from its counterpart.
type Told = (Line, std::ops::Range<usize>);

/// The difference of two definitions. Signs say what was taken away and what came; unchanged parts are folded.
#[component]
pub fn Difference(
    /// The definition that was reviewed, as JSON text.
    #[prop(into)]
    old: Signal<String>,
    /// The definition of now, as JSON text.
    #[prop(into)]
    new: Signal<String>,
) -> impl IntoView {
    let parts = memo(move || definitions(&parse(&old.get()), &parse(&new.get())));
    varying(move || parts.with(|parts| difference(parts, "Changes in the definition")))
}

/// The difference of two texts of several lines.
pub fn text_difference(old: &str, new: &str) -> AnyView {
    difference(&lines(old, new), "Changed lines")
}

fn difference(parts: &[Part], label: &'static str) -> AnyView {
    let same = parts.iter().all(|part| matches!(part, Part::Between(_)));
    view! {
        <div class="diff" role="group" aria-label=label>
            {same.then(|| view! { <span class="gap">"Nothing changed but the order or the spacing."</span> })}
            {parts.iter().cloned().map(part).collect_view()}
        </div>
    }
    .into_any()
}

fn part(part: Part) -> AnyView {
    let marked = marked_in(&part);
    match part {
        Part::Hunk(lines) => {
            let bold = differing(&lines);
            paged(lines.into_iter().zip(bold).collect())
        }
        Part::Between(lines) => {
            let count = lines.len();
            let lines: Vec<Told> = lines.into_iter().map(|line| (Line::Same(line), 0..0)).collect();
            let lines = StoredValue::new(lines);
            let (open, printing) = (RwSignal::new(false), Printing::here());
            let shown = memo(move || open.get() || printing.get());
            let marked_words = if marked == 0 { String::new() } else { format!(", {} marked in them", number(marked)) };
            view! {
                <button type="button" class=format!("gap {}", fold_class(marked)) aria-expanded=varying(move || open.get().to_string()) on:click=move |_| open.update(|open| *open = !*open)>
                    {varying(move || format!(
                        "{} {} unchanged {}{marked_words}",
                        if open.get() { "Hide" } else { "Show" }, number(count), plural(count, "line", "lines"),
                    ))}
                </button>
                {varying(move || shown.get().then(|| paged(lines.get_value())))}
            }
            .into_any()
        }
    }
}

fn paged(lines: Vec<Told>) -> AnyView {
    let total = lines.len();
    let lines = StoredValue::new(lines);
    let (pages, printing) = (RwSignal::new(1_usize), Printing::here());
    let page = move |page: usize| {
        lines.with_value(|lines| lines.iter().skip(page * ROWS).take(ROWS).cloned().map(line).collect_view())
    };
    view! {
        <For each=move || 0..pages.get() key=|page| *page children=page />
        {varying(move || {
            let from = pages.get() * ROWS;
            (from < total).then(|| {
                let (changed, marked) = lines.with_value(|lines| told(lines[from..].iter().map(|(line, _)| line)));
                let changed = if changed == 0 { String::new() } else { format!(", {} changed", number(changed)) };
                let words = if marked == 0 { String::new() } else { format!(", {} marked in them", number(marked)) };
                let press = move |_| pages.update(|pages| *pages += 1);
                let left = number(total - from);
                if printing.get() {
                    return view! { <span class="gap">{format!("{left} more {}{changed}{words}, not printed", plural(total - from, "line", "lines"))}</span> }.into_any();
                }
                view! {
                    <button type="button" class=format!("gap {}", fold_class(marked)) on:click=press>
                        {format!("Show more lines: {left} left{changed}{words}")}
                    </button>
                }
                .into_any()
            })
        })}
    }
    .into_any()
}

/// How many characters are marked in a part.
fn marked_in(part: &Part) -> usize {
    match part {
        Part::Hunk(lines) => told(lines.iter()).1,
        Part::Between(lines) => lines.iter().map(|line| marked_in_line(line)).sum(),
    }
}

/// How many lines are changed, and how many characters in them are marked.
fn told<'a>(lines: impl Iterator<Item = &'a Line>) -> (usize, usize) {
    lines.fold((0, 0), |(changed, marked), line| {
        let (is_changed, text) = match line {
            Line::Same(text) => (0, text),
            Line::Removed(text) | Line::Added(text) => (1, text),
        };
        (changed + is_changed, marked + marked_in_line(text))
    })
}

/// The indentation is the layout's, and not a space at the edge.
fn marked_in_line(line: &str) -> usize {
    marks::count(line.trim_start_matches(' '), Form::Line)
}

fn line((line, bold): Told) -> AnyView {
    let (class, said, text) = match line {
        Line::Same(text) => ("", "", text),
        Line::Removed(text) => ("del", "was: ", text),
        Line::Added(text) => ("add", "added: ", text),
    };
    // The indentation is ours, and not a space at the edge.
    let indent = text.len() - text.trim_start_matches(' ').len();
    let bold = bold.start.saturating_sub(indent)..bold.end.saturating_sub(indent);
    let (indent, text) = (text[..indent].to_owned(), text[indent..].to_owned());
    view! {
        <span class=class>
            <span class="sr">{said}</span>
            {indent}
            <bdi><Marked text=text form=Form::Line limit=Limit::VALUE bold /></bdi>
        </span>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_indentation_of_a_folded_definition_is_not_counted_as_hidden_characters() {
        let definition = parse("{\"a\":{\"b\":\"one\\ntwo\u{200b}\"}}");
        let parts = definitions(&definition, &definition);
        let counts: Vec<usize> = parts.iter().map(marked_in).collect();
        assert_eq!(counts, [1], "the zero width space, and none of the spaces in front");
    }
}
