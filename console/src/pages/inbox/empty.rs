//! Nothing in the list: what this page is for, and how to make something appear.

use domain::Right;
use leptos::{prelude::*, task::spawn_local, wasm_split::wasm_split};
use serde_json::Value;

use super::{
    place::{Place, Tab},
    room::Room,
};
use crate::{
    api::{Api, Failure, of_org},
    components::{CopyButton, Failed, Loaded, Loading, Marked, Sentence},
    reactive::{RwSignal, varying},
    shell::Org,
    show::{folding::Limit, marks::Form, words::Words},
};

/// In how many toolkits a tool for the example is looked for.
const TOOLKITS: usize = 5;

/// A tool that an agent may call.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Example {
    toolkit: String,
    tool: String,
    /// Whether its calls are held, at least for some roles.
    held: bool,
}

#[wasm_split(seldom, fallible, wasm_split_path = ::leptos::wasm_split)]
fn nothing() -> Loaded<fn(Tab) -> AnyView> {
    Ok(|tab| match tab {
        Tab::Waiting => view! { <NothingWaits /> }.into_any(),
        Tab::Decided => view! { <NothingDecided /> }.into_any(),
    })
}

/// What an empty tab shows, once it is loaded.
pub(super) fn empty(tab: Tab) -> Loading {
    Box::pin(async move { nothing().await.map(|build| ViewFn::from(move || build(tab))) })
}

/// The page of an empty tab.
#[component]
fn Page(title: &'static str, about: &'static str, children: Children) -> impl IntoView {
    view! {
        <div class="empty nothing">
            // The door ajar, as in the navigation.
            <svg class="mark xl" aria-hidden="true" viewBox="0 0 20 20">
                <path class="frame" d="M5.5 16.5V3.25h9V16.5M2 16.5h16" />
                <path class="leaf" d="M5.5 2.4 11.5 4.9v14.2L5.5 16.5z" />
            </svg>
            <h2 class="big">{title}</h2>
            <p>{about}</p>
            {children()}
        </div>
    }
}

/// Nothing waits.
#[component]
fn NothingWaits() -> impl IntoView {
    let (org, api) = (Org::here(), Api::here());
    let found = RwSignal::new(None::<Result<Option<Example>, Failure>>);
    let may = org.may(Right::ReadToolkits);
    if may {
        let slug = org.slug.get_untracked();
        spawn_local(async move {
            let example = example(api, &slug).await;
            found.try_set(Some(example));
        });
    }
    view! {
        <Page
            title="Nothing to review"
            about="When an agent calls a tool that needs approval, the call is held and appears here by itself, with its arguments and the time that is left."
        >
            {(!may).then(|| view! {
                <p class="dimmer">"To find out which tools agents can call here, ask someone whose role has the right " <code>{Right::ReadToolkits.as_str()}</code> "."</p>
            })}
            {varying(move || found.get().map(|found| match found {
                Ok(Some(example)) => view! { <Try example /> }.into_any(),
                Ok(None) => view! {
                    <p>"There is no tool to call yet. Connect a server, add its tools to a toolkit, and require approval for one of them."</p>
                    <a class="btn" href="/api/docs">"Open the API guide"</a>
                }
                    .into_any(),
                Err(failure) => view! { <Failed failure /> }.into_any(),
            }))}
        </Page>
    }
}

#[component]
fn Try(example: Example) -> impl IntoView {
    let org = Org::here();
    let names: [&str; 2] = [&example.tool, &example.toolkit];
    let words = if example.held {
        Words::of(
            "This calls {} in the toolkit {} as an agent would. Insert an agent’s key and the arguments that the tool needs.",
            &names,
        )
    } else {
        Words::of(
            "This calls {} in the toolkit {} as an agent would. The tool runs without approval: require approval for it first if its calls should wait here. Insert an agent’s key and the arguments that the tool needs.",
            &names,
        )
    };
    let command = command(&window().location().origin().unwrap_or_default(), &org.slug.get_untracked(), &example);
    let copied = Signal::stored(command.clone());
    view! {
        <section class="panel" aria-labelledby="try">
            <header>
                <h3 id="try" class="grow">"Try it from a terminal"</h3>
                <CopyButton text=copied what="the command" />
            </header>
            <div class="in-p stack tight">
                <p class="dimmer"><Sentence words /></p>
                <pre class="code command"><Marked text=command form=Form::Block limit=Limit::VALUE /></pre>
            </div>
        </section>
    }
}

/// Nothing was decided.
#[component]
fn NothingDecided() -> impl IntoView {
    let room = Room::here();
    let waiting = move |event: web_sys::MouseEvent| {
        event.prevent_default();
        room.go(|place| *place = Place::default(), false);
    };
    view! {
        <Page
            title="No decisions yet"
            about="Requests are listed here once someone has approved or rejected them, or when they expire or are withdrawn."
        >
            <a class="btn" href="?" on:click=waiting>"See what is waiting"</a>
        </Page>
    }
}

/// A tool of the org's first toolkits: one whose calls are held, else any that may be called.
async fn example(api: Api, org: &str) -> Result<Option<Example>, Failure> {
    let mut any = None;
    let toolkits: Value = api.get(&of_org(org, &format!("/toolkits?limit={TOOLKITS}"))).await?;
    for toolkit in items(&toolkits).iter().filter_map(|toolkit| toolkit["slug"].as_str()) {
        let tools: Value = api.get(&of_org(org, &format!("/toolkits/{toolkit}/tools?limit=200"))).await?;
        let found = best(toolkit, items(&tools));
        if found.as_ref().is_some_and(|found| found.held) {
            return Ok(found);
        }
        any = any.or(found);
    }
    Ok(any)
}

fn items(list: &Value) -> &[Value] {
    list["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The best of a toolkit's tools for an example: held for everybody, held for some roles, run at once.
fn best(toolkit: &str, tools: &[Value]) -> Option<Example> {
    let held = |permission: &Value| permission == "needs_approval";
    let rank = |tool: &Value| match tool {
        tool if tool["offered"] != true => None,
        tool if held(&tool["permission"]) => Some(0),
        tool if tool["policies"].as_object().is_some_and(|roles| roles.values().any(held)) => Some(1),
        tool if tool["permission"] == "always_allow" => Some(2),
        _ => None,
    };
    let (rank, tool) = tools.iter().filter_map(|tool| Some((rank(tool)?, tool))).min_by_key(|(rank, _)| *rank)?;
    Some(Example { toolkit: toolkit.to_owned(), tool: tool["name"].as_str()?.to_owned(), held: rank < 2 })
}

/// A call as an agent makes it, for a shell. The names of org and toolkit are of letters, digits and hyphens.
fn command(origin: &str, org: &str, example: &Example) -> String {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{}","arguments":{{}}}}}}"#,
        escaped(&example.tool)
    );
    format!(
        "curl -s {origin}/{org}/{}/mcp \\\n  -H 'Authorization: Bearer YOUR_AGENT_KEY' \\\n  -H 'Content-Type: application/json' \\\n  -H 'Accept: application/json, text/event-stream' \\\n  -d '{body}'",
        example.toolkit
    )
}

/// Inside a string of JSON inside single quotes of a shell: nothing but letters, digits and harmless signs
/// stands for itself, so that no name ends the quotes or hides in the command.
fn escaped(text: &str) -> String {
    let mut written = String::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii_alphanumeric() || b"_-./:@ ".contains(&byte) => written.push(char::from(byte)),
            _ => written.push_str(&format!("\\u{unit:04x}")),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool(name: &str, permission: &str) -> Value {
        json!({"name": name, "permission": permission, "policies": {}, "offered": true})
    }

    fn named(tools: &[Value]) -> Option<(String, bool)> {
        best("ledger", tools).map(|example| (example.tool, example.held))
    }

    #[test]
    fn the_example_is_a_tool_that_needs_approval_where_there_is_one() {
        let mut for_some = tool("c", "always_allow");
        for_some["policies"] = json!({"agent": "needs_approval"});
        let (run, held) = (tool("a", "always_allow"), tool("b", "needs_approval"));
        assert_eq!(named(&[run.clone(), for_some.clone(), held]), Some(("b".to_owned(), true)));
        assert_eq!(named(&[run.clone(), for_some]), Some(("c".to_owned(), true)));
        assert_eq!(named(&[run]), Some(("a".to_owned(), false)));
    }

    #[test]
    fn what_cannot_be_called_is_no_example() {
        let mut gone = tool("a", "needs_approval");
        gone["offered"] = json!(false);
        assert_eq!(named(&[gone, tool("b", "blocked")]), None);
    }

    #[test]
    fn a_hostile_name_stays_inside_its_quotes() {
        let tool = "a'; rm -rf ~ #\"\\$(x)`y`\u{202e}\u{1f3f4}";
        let example = Example { toolkit: "ledger".to_owned(), tool: tool.to_owned(), held: true };
        let command = command("https://gate.example", "acme", &example);
        assert!(command.is_ascii());
        assert_eq!(command.matches('\'').count(), 8, "{command}");
        let body = command.rsplit_once("-d '").and_then(|(_, body)| body.strip_suffix('\'')).unwrap_or_default();
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        assert_eq!(body["params"]["name"], tool);
    }
}
