//! What became of the request: whether the call ran, and what the server answered, as its record has it.

use api_types::RunResult;
use domain::Right;
use leptos::{prelude::*, wasm_split::wasm_split};
use serde::Deserialize;

use super::{
    detail::{Detail, part},
    notes::loud,
    words,
};
use crate::{
    components::{Clock, Loaded, Loading, Marked, Said, Sentence, Time, Tone, Tree, TreeTools, Unfolding},
    reactive::{memo, varying},
    shell::Org,
    show::{folding::Limit, json, marks::Form, time::duration},
};

#[wasm_split(seldom, fallible, wasm_split_path = ::leptos::wasm_split)]
fn loaded() -> Loaded<fn(Detail) -> AnyView> {
    Ok(|detail| view! { <Outcome detail /> }.into_any())
}

/// The outcome, once it is loaded.
pub(super) fn outcome(detail: Detail) -> Loading {
    Box::pin(async move { loaded().await.map(|build| ViewFn::from(move || build(detail))) })
}

/// The outcome; nothing while the request waits.
#[component]
fn Outcome(detail: Detail) -> impl IntoView {
    let now = Clock::here();
    let state = part(detail, move |detail| {
        let became = words::became(&detail.approval, now.get_untracked())?;
        let (tone, shape, word) = words::badge(&detail.approval.status, detail.approval.answer.as_deref());
        Some((became, tone, shape, word))
    });
    let result = part(detail, |detail| (detail.result.clone(), detail.approval.answer.clone()));
    let ran = part(detail, |detail| words::ran(&detail.history));
    varying(move || {
        state.get().map(|(became, tone, shape, word)| {
        let (result, answer) = result.get();
        let title = words::result(answer.as_deref());
        let error = result.as_ref().and_then(|result| first_line(&result.response));
        let more = move || view! {
            <Sentence words=became />
            {ran.get().map(|(at, took)| view! { " Started "<Time at full=true />{took.map(|took| format!(", took {}", duration(took)))}"." })}
        }.into_any();
        let said = match word {
            _ if words::is_error(answer.as_deref()) => {
                let what = match error {
                    Some(error) => view! { <Said text=error /> }.into_any(),
                    None => words::capital(word).into_any(),
                };
                loud(true, shape, what, more())
            }
            "outcome unknown" => loud(tone == Tone::Bad, shape, "Outcome unknown".into_any(), more()),
            _ => view! { <p>{more()}</p> }.into_any(),
        };
        view! {
            <section class="stack tight">
                <h3>"Outcome"</h3>
                {said}
                {result.map(|result| view! { <Answer result title /> })}
            </section>
        }
    })
    })
}

/// What the server answered.
#[component]
fn Answer(result: RunResult, title: &'static str) -> impl IntoView {
    let org = Org::here();
    let RunResult { record_id, response, is_whole, bytes } = result;
    let is_redacted = response.contains("[redacted");
    let may = memo(move || org.may(Right::ReadAudit));
    let unfolding = (is_whole && json::is_json(&response))
        .then(|| Unfolding::of(Signal::stored(response.clone()), Signal::stored(None)));
    view! {
        <div class="line wrap">
            <h4>"Response"</h4>
            {varying(move || may.get().then(|| view! {
                <a class="dimmer" href=format!("/{}/audit/{record_id}", org.slug.get_untracked())>"Open the record"</a>
            }))}
            {unfolding.map(|unfolding| view! { <TreeTools unfolding /> })}
        </div>
        {match unfolding {
            Some(unfolding) => view! { <Tree unfolding label=title /> }.into_any(),
            None => view! { <pre class="code" tabindex="0"><bdi><Marked text=response form=Form::Block limit=Limit::VALUE /></bdi></pre> }.into_any(),
        }}
        {(is_redacted || !is_whole).then(|| view! {
            <p class="dimmer">
                {(!is_whole).then(|| format!("Only the beginning of {} kB is stored. ", bytes.div_ceil(1000)))}
                {is_redacted.then(|| view! { "Secrets were removed before recording: they read "<code>"[redacted]"</code>"." })}
            </p>
        })}
    }
}

/// An MCP result, or a JSON-RPC error.
#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    content: Vec<Block>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Block {
    text: Option<String>,
}

/// The first line of what an error says.
fn first_line(response: &str) -> Option<String> {
    let Response { content, message } = serde_json::from_str(response).ok()?;
    let text = message.or_else(|| content.into_iter().find_map(|block| block.text))?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(300).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_named_by_its_first_line() {
        let line = |response: &str| first_line(response).unwrap_or_default();
        assert_eq!(line(r#"{"content":[{"type":"image"},{"type":"text","text":"\n no funds\nmore"}]}"#), "no funds");
        assert_eq!(line(r#"{"code":-32000,"message":"rate limit"}"#), "rate limit");
        for nothing in ["", "[]", "{}", r#"{"content":[]}"#, r#"{"content":"x"}"#, r#"{"message":"\n"}"#] {
            assert_eq!(line(nothing), "", "{nothing}");
        }
    }
}
