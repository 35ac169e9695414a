//! Every route of the REST API without a credential, with too few rights, from another org. A route
//! without this fails here; the list of exceptions may only shrink.

use reqwest::Method;

use crate::support::World;

/// Anybody who signs in may ask these, and signing in itself.
const WITHOUT_RIGHT: &[&str] = &["/auth/login", "/me", "/orgs"];

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

fn filled(path: &str) -> String {
    let mut path = path.replace("{org}", "acme").replace("{toolkit}", "bank").replace("{name}", "pay");
    for (name, value) in
        [("{id}", "00000000-0000-7000-8000-000000000000"), ("{slug}", "bank"), ("{tool}", "pay"), ("{role}", "agent")]
    {
        path = path.replace(name, value);
    }
    assert!(!path.contains('{'), "{path}: say here what its parameter is");
    format!("/api/v1{path}")
}

#[tokio::test]
async fn every_route_asks_who_you_are_and_what_you_may() {
    let world = World::new().await;
    let mut asked = 0;
    for (route, _) in permesso::app::router::API {
        for method in &METHODS {
            let path = filled(route);
            let status = async |client: &crate::support::Client| {
                let body = (*method != Method::GET).then(|| "{}".to_owned());
                client.send(method.clone(), &path, body, &[]).await
            };
            let anonymous = status(&world.anonymous).await;
            if anonymous.status.as_u16() == 422 && *route == "/auth/login" {
                continue;
            }
            assert_eq!(anonymous.status.as_u16(), 401, "{method} {route}: {}", anonymous.text);
            if WITHOUT_RIGHT.contains(route) {
                continue;
            }
            let agent = status(&world.agent).await;
            if agent.status.as_u16() == 405 {
                continue;
            }
            asked += 1;
            // `GET /orgs/{org}` needs no more than to belong to it.
            let member_may = *route == "/orgs/{org}" && *method == Method::GET;
            assert_eq!(agent.status.as_u16(), if member_may { 200 } else { 403 }, "{method} {route}: {}", agent.text);
            let other = status(&world.other_org).await;
            assert_eq!(other.status.as_u16(), 404, "{method} {route}: {}", other.text);
            assert_eq!(other.code(), "not_found");
        }
    }
    assert!(asked > 35, "{asked} routes were asked");
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
