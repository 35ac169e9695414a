//! Every route of the REST API without a credential, with too few rights, from another org. A route
//! without this fails here; the list of exceptions may only shrink.

use reqwest::Method;
use serde_json::json;

use crate::support::{Client, World, world::OTHER};

/// Whoever they are, nobody is asked who they are here; each with the reason. May only shrink.
const PUBLIC: &[(Method, &str, &str)] = &[
    (Method::POST, "/auth/login", "signing in: the password is in the body, and guessing is slowed"),
    (Method::POST, "/auth/session", "signing in: the password is in the body, and guessing is slowed"),
    (Method::POST, "/invitations/view", "the link's token is the credential, and guessing is slowed"),
    (Method::POST, "/invitations/accept", "the link's token is the credential, and guessing is slowed"),
];

/// About nobody's org: anybody who is known may ask these. May only shrink.
const WITHOUT_ORG: &[(&str, &str)] = &[
    ("/auth/session", "who one is, and signing out"),
    ("/auth/sessions", "one's own sessions"),
    ("/auth/sessions/{id}", "one's own sessions"),
    ("/me", "who one is"),
    ("/me/orgs/{org}", "leaving an org oneself, with any role"),
    ("/me/preferences", "one's own settings of the console"),
    ("/me/password", "one's own password: it asks for the present one"),
    ("/orgs", "the orgs that one belongs to; making one asks for more in its service"),
];

/// For who may call tools, which the powerless may: what they are told there. May only shrink.
const CALLING: &[(Method, &str, u16)] = &[
    (Method::GET, "/orgs/{org}/tools", 200),
    (Method::POST, "/orgs/{org}/toolkits/{toolkit}/call", 422),
    (Method::GET, "/orgs/{org}/toolkits/{toolkit}/calls/{id}", 404),
    (Method::POST, "/orgs/{org}/toolkits/{toolkit}/calls/{id}", 404),
];

/// Open to everybody by intent, and nothing about anybody's org. May only shrink.
const OPEN: &[&str] = &["/api/v1/openapi.json", "/api/docs", "/api/docs.css", "/livez", "/readyz", "/metrics"];

/// How many routes (with a method) are refused for a missing right: one less means one that is not asked.
const REFUSED: usize = 54;

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// A route's path with names in place of its parameters.
pub(crate) fn filled(path: &str) -> String {
    let mut path = path.replace("{org}", "acme").replace("{toolkit}", "bank").replace("{name}", "pay");
    let sha256 = "0".repeat(64);
    for (name, value) in [
        ("{id}", "00000000-0000-7000-8000-000000000000"),
        ("{slug}", "bank"),
        ("{tool}", "pay"),
        ("{role}", "agent"),
        ("{sha256}", &sha256),
    ] {
        path = path.replace(name, value);
    }
    assert!(!path.contains('{'), "{path}: say here what its parameter is");
    format!("/api/v1{path}")
}

/// Who knocks at every route.
struct Callers {
    /// Without a credential, or with one that was never given.
    anonymous: Client,
    /// In the org, with a role that may only call tools.
    powerless: Client,
    /// An administrator, of another org.
    other_org: Client,
}

/// Asks every route with every method; says how many were refused for a missing right.
async fn walk(callers: &Callers) -> usize {
    let mut asked = 0;
    for (route, _) in permesso::app::router::API {
        for method in &METHODS {
            let path = filled(route);
            let status = async |client: &Client| {
                let body = (*method != Method::GET).then(|| "{}".to_owned());
                client.send(method.clone(), &path, body, &[]).await
            };
            let anonymous = status(&callers.anonymous).await;
            if PUBLIC.iter().any(|(public, path, _)| public == method && path == route) {
                assert_eq!(anonymous.status.as_u16(), 422, "{method} {route}: {}", anonymous.text);
                continue;
            }
            assert_eq!(anonymous.status.as_u16(), 401, "{method} {route}: {}", anonymous.text);
            let public = PUBLIC.iter().any(|(_, path, _)| path == route);
            if public || WITHOUT_ORG.iter().any(|(path, _)| path == route) {
                continue;
            }
            let powerless = status(&callers.powerless).await;
            if powerless.status.as_u16() == 405 {
                continue;
            }
            asked += 1;
            // `GET /orgs/{org}` needs no more than to belong to it.
            let belongs = *route == "/orgs/{org}" && *method == Method::GET;
            let calling = CALLING.iter().find(|(calls, path, _)| calls == method && path == route);
            let told = calling.map_or(if belongs { 200 } else { 403 }, |(_, _, status)| *status);
            assert_eq!(powerless.status.as_u16(), told, "{method} {route}: {}", powerless.text);
            let other = status(&callers.other_org).await;
            assert_eq!(other.status.as_u16(), 404, "{method} {route}: {}", other.text);
            assert_eq!(other.code(), "not_found");
        }
    }
    asked
}

#[tokio::test]
async fn every_route_asks_who_you_are_and_what_you_may() {
    let world = World::new().await;
    let callers = Callers {
        anonymous: world.anonymous.clone(),
        powerless: world.agent.clone(),
        other_org: world.other_org.clone(),
    };
    let asked = walk(&callers).await;
    assert!(asked >= REFUSED, "{asked} routes were asked");
    assert!(PUBLIC.len() <= 4 && WITHOUT_ORG.len() <= 8 && CALLING.len() <= 4, "the exceptions may only shrink");
    let open: Vec<&str> = permesso::app::router::OPEN.iter().map(|(path, _)| *path).collect();
    assert_eq!(open, OPEN, "a route that is open to everybody is named here, or it belongs into `API`");
}

#[tokio::test]
async fn every_route_asks_the_same_of_who_comes_with_a_cookie() {
    let world = World::new().await;
    let url = &world.gateway.url;
    let powerless = ("powerless@example.com", "powerless horse battery");
    let member = json!({"email": powerless.0, "password": powerless.1, "role": "agent"});
    world.admin.post("/orgs/acme/members", member).await.expect(201);
    let anonymous = Client::new(url, None).with_cookie("permesso=AAAAAAAAAAAAAAAAAAAAAA");
    let callers = Callers {
        anonymous,
        powerless: Client::browser_of(url, powerless).await,
        other_org: Client::browser_of(url, OTHER).await,
    };
    let asked = walk(&callers).await;
    assert!(asked >= REFUSED, "{asked} routes were asked");
}

#[test]
fn exceptions_name_routes_that_exist() {
    let exists = |route: &str| permesso::app::router::API.iter().any(|(path, _)| *path == route);
    let named = PUBLIC.iter().map(|(_, route, _)| *route).chain(WITHOUT_ORG.iter().map(|(route, _)| *route));
    assert_eq!(named.filter(|route| !exists(route)).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[tokio::test]
async fn errors_are_problems_with_the_request_id() {
    let world = World::new().await;
    for path in ["/api/v1/nothing", "/nothing", "/api/v1/orgs/nobody"] {
        let known = world.admin.send(Method::GET, path, None, &[]).await;
        assert_eq!(known.status.as_u16(), 404, "{path}");
        let problem = known.json();
        assert_eq!(known.headers["content-type"], "application/problem+json");
        assert_eq!(problem["request_id"], known.headers["x-request-id"].to_str().unwrap_or_default());
        assert_eq!((&problem["status"], &problem["code"]), (&404.into(), &"not_found".into()));
        assert_eq!(world.anonymous.send(Method::GET, path, None, &[]).await.status.as_u16(), 401, "{path}");
    }
}
