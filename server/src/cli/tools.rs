//! `permesso tools`: what a caller may call, and what becomes of a call.

use api_types::{CallPermission, CallableTool, List};
use domain::{Slug, marks::escaped};
use serde::Serialize;

use super::{
    client::{Client, GatewayArgs, refused},
    output::{Output, document, note, put},
};

/// Names up to this length stand in a column.
const COLUMN: usize = 40;
/// So many characters of a description are shown.
const SHOWN: usize = 200;

/// Options of `tools`.
#[derive(Debug, clap::Args)]
pub(super) struct ToolsArgs {
    /// The org, as acme, or one of its toolkits, as acme/ledger
    #[arg(value_name = "ORG[/TOOLKIT]", value_parser = place)]
    place: Place,
    #[command(flatten)]
    gateway: GatewayArgs,
}

/// An org, or one toolkit of it.
#[derive(Clone, Debug)]
struct Place {
    org: Slug,
    toolkit: Option<Slug>,
}

/// Lists tools.
pub(super) async fn run(args: ToolsArgs, out: Output) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Listed<'a> {
        items: &'a [CallableTool],
    }

    let Place { org, toolkit } = &args.place;
    let client = Client::open(&args.gateway).await.map_err(refused)?;
    let tools = callable(&client, org, toolkit.as_ref()).await.map_err(refused)?;
    if let (Some(toolkit), true) = (&toolkit, tools.is_empty()) {
        return Err(refused(anyhow::anyhow!("there is no toolkit {org}/{toolkit} with a tool that you may call")));
    }
    if out.json {
        document(&on_one_line(&serde_json::to_string(&Listed { items: &tools })?));
        return Ok(());
    }
    let names: Vec<String> = tools.iter().map(|tool| name(tool, toolkit.is_some())).collect();
    let width = names.iter().map(|name| name.chars().count()).filter(|width| *width <= COLUMN).max().unwrap_or(0);
    for (tool, name) in tools.iter().zip(&names) {
        put(line(tool, name, width));
    }
    if tools.is_empty() {
        note(format_args!("{org} has no tool that you may call"));
    }
    Ok(())
}

/// The tools that the caller may call, page by page.
pub(super) async fn callable(client: &Client, org: &Slug, toolkit: Option<&Slug>) -> anyhow::Result<Vec<CallableTool>> {
    let path = format!("/orgs/{org}/tools?limit=200");
    let (mut tools, mut cursor) = (Vec::new(), None);
    loop {
        let page: List<CallableTool> = serde_json::from_str(&client.page(&path, cursor.as_deref()).await?)?;
        let is_asked_for = |tool: &CallableTool| toolkit.is_none_or(|toolkit| tool.toolkit == toolkit.as_str());
        tools.extend(page.items.into_iter().filter(is_asked_for));
        if page.next_cursor.is_none() || page.next_cursor == cursor {
            return Ok(tools);
        }
        cursor = page.next_cursor;
    }
}

/// A JSON text in which others may have broken lines. None stands within a string, so this is the same value.
pub(super) fn on_one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

fn place(text: &str) -> Result<Place, String> {
    let (org, toolkit) = match text.split_once('/') {
        Some((org, toolkit)) => (org, Some(toolkit)),
        None => (text, None),
    };
    let toolkit = toolkit.map(str::parse::<Slug>).transpose().map_err(|wrong| format!("a toolkit's name {wrong}"))?;
    Ok(Place { org: org.parse::<Slug>().map_err(|wrong| format!("an org's name {wrong}"))?, toolkit })
}

fn name(tool: &CallableTool, in_one_toolkit: bool) -> String {
    match in_one_toolkit {
        true => escaped(&tool.name),
        false => format!("{}/{}", escaped(&tool.toolkit), escaped(&tool.name)),
    }
}

fn line(tool: &CallableTool, name: &str, width: usize) -> String {
    let permission = match tool.permission {
        CallPermission::AlwaysAllow => "runs at once",
        CallPermission::NeedsApproval => "needs approval",
    };
    let line = format!("{name:<width$}  {permission:<14}  {}", about(tool.description.as_deref().unwrap_or_default()));
    line.trim_end().to_owned()
}

/// The first line of a description that says something.
fn about(description: &str) -> String {
    let line = description.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", escaped(&line[..end])),
        None => escaped(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_org_or_one_of_its_toolkits() {
        let said = |text| place(text).map(|place| (place.org.to_string(), place.toolkit.map(|slug| slug.to_string())));
        assert_eq!(said("acme"), Ok(("acme".to_owned(), None)));
        assert_eq!(said("acme/ledger"), Ok(("acme".to_owned(), Some("ledger".to_owned()))));
        for wrong in ["", "acme/", "/ledger", "acme/ledger/x", "Acme", "acme/led ger", "a/../b"] {
            assert!(said(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_description_is_one_short_line_in_which_nothing_hides() {
        assert_eq!(about("\n  Sends an invoice.\nTo whom it may concern."), "Sends an invoice.");
        assert_eq!(about("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(about(&"ä".repeat(SHOWN)), "ä".repeat(SHOWN));
        assert_eq!(about(&"ä".repeat(SHOWN + 1)), format!("{}…", "ä".repeat(SHOWN)));
    }

    #[test]
    fn broken_lines_are_joined() {
        assert_eq!(on_one_line("{\r\n \"a\": \"\\n\"}"), "{   \"a\": \"\\n\"}");
    }
}
