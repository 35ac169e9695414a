//! The page that a browser gets at a toolkit's endpoint. It is built from the address alone: nothing is looked up, so
//! that it is the same for a toolkit that is public, private or missing.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use connect::{Client, KEY_VARIABLE, Server, Step, lines};
use domain::Slug;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use url::Url;

const STYLE: &str = concat!(
    include_str!("../../../console/styles/tokens.css"),
    include_str!("../page.css"),
    include_str!("connect/style.css")
);

/// The page may use only its own style, and may not be framed.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// The page for a browser that asks for `/{org}/{toolkit}/mcp`. A program, or an address where no toolkit can be, gets
/// the endpoint's ordinary answer. Only GET and HEAD may lead here.
pub(super) fn connect_page(public_url: &Url, org: &str, toolkit: &str, headers: &HeaderMap) -> Option<Response> {
    if !wants_page(headers) {
        return None;
    }
    let org = org.parse::<Slug>().ok().filter(|org| !org.is_reserved())?;
    let toolkit = toolkit.parse::<Slug>().ok()?;
    let base = public_url.as_str().trim_end_matches('/');
    let server = Server::of(base, &org, &toolkit, &Server::usual_name(&toolkit))?;
    let mut response = Html(render(base, &org, &toolkit, &server).into_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_str(&POLICY).ok()?);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::VARY, HeaderValue::from_static("accept, authorization, mcp-session-id"));
    Some(response)
}

/// Whether a browser asks: it accepts HTML, and nothing that an MCP client would accept.
fn wants_page(headers: &HeaderMap) -> bool {
    let is_agent = headers.contains_key(header::AUTHORIZATION) || headers.contains_key("mcp-session-id");
    let accepted = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let mut types = accepted.flat_map(|value| value.split(',')).filter_map(|item| item.split(';').next());
    !is_agent && types.any(|named| named.trim().eq_ignore_ascii_case("text/html"))
}

fn render(base: &str, org: &Slug, toolkit: &Slug, server: &Server) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { "Connect an agent to " (org) "/" (toolkit) " · Permesso" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "To the content" }
                header {
                    p.brand { strong { "Permesso" } }
                    a href="/" { "Console" }
                }
                main id="content" {
                    (introduction(base, org, server))
                    nav aria-label="Clients" {
                        ul {
                            @for client in Client::ALL { li { a href={ "#" (client.word()) } { (client.title()) } } }
                            li { a href="#other" { "Another client" } }
                        }
                    }
                    @for client in Client::ALL { (section(client, &client.steps(server))) }
                    (another(server))
                    section aria-labelledby="command-title" {
                        h2 id="command-title" { "Or let a command do it" }
                        p {
                            code { "permesso connect" } " prints the same, and tries the key in " code { (KEY_VARIABLE) }
                            "; with " code { "--write" } " it also puts it into the client's file:"
                        }
                        (block(&lines::write_file(Client::ClaudeCode, base, org, toolkit)))
                    }
                }
            }
        }
    }
}

fn introduction(base: &str, org: &Slug, server: &Server) -> Markup {
    html! {
        h1 { "This address is for AI agents" }
        p.address { code { (server.url()) } }
        p {
            "Agents call an organization's tools here, over the Model Context Protocol (MCP). Some calls wait until a "
            "person has decided them, in the " a href="/" { "console" } "."
        }
        h2 { "First, a key" }
        p {
            "An agent needs an API key of the organization " code { (org) } ". It begins with " code { "mmcp_" }
            "; who administers the organization makes one, for example with this command, which asks for their "
            "password and shows the key once:"
        }
        (block(&lines::make_key(base, org)))
        p {
            "A key's owner answers for its agent: that is who makes the key, unless " code { "--owner" }
            " names another member. Neither the owner nor who made or rotated the key can decide on its requests: \
             somebody else has to."
        }
        p {
            "What is here, and whether there is anything, only a key tells. Put it where the clients below look for it, in "
            "the terminal that starts them: paste it and press Enter. It is not shown, and stays out of the shell's history."
        }
        (block(&lines::read_key()))
        h2 { "Then, your client" }
        p { "A click on a block selects the whole of it, to copy." }
    }
}

fn section(client: Client, steps: &[Step]) -> Markup {
    let title = format!("{}-title", client.word());
    html! {
        section id=(client.word()) aria-labelledby=(title) {
            h2 id=(title) { (client.title()) }
            @for step in steps {
                p { (step.says) }
                (block(&step.text))
            }
        }
    }
}

fn another(server: &Server) -> Markup {
    html! {
        section id="other" aria-labelledby="other-title" {
            h2 id="other-title" { "Another client" }
            p { "Any client that speaks MCP over Streamable HTTP: give it the address above and this header:" }
            (block(&lines::header()))
            p { "What the key finds here, without a client:" }
            (block(&lines::list_tools(server)))
        }
    }
}

/// Text to copy. Long lines wrap on the page but not in a copy, and never within a word: at the end of a line the `--`
/// of an option would look like a word of its own.
fn block(text: &str) -> Markup {
    let words = text.split_inclusive(char::is_whitespace).map(|part| part.split_at(part.trim_end().len()));
    html! {
        pre {
            code {
                @for (word, space) in words {
                    @if word.contains('-') { span { (word) } } @else { (word) }
                    (space)
                }
            }
        }
    }
}
