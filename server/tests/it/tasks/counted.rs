//! Every call that goes to an upstream is counted once, whoever sends it.

use permesso::metrics;
use serde_json::json;

use super::Agent;
use crate::support::{World, client::text};

/// What a metric says, all its time series together.
fn sum(exposition: &str, name: &str) -> f64 {
    let values = exposition.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        (series.split('{').next() == Some(name)).then(|| value.parse::<f64>().expect("a number"))
    });
    values.sum()
}

#[tokio::test]
async fn a_direct_call_an_approved_one_and_a_task_are_three_calls() {
    // This test's own figures, on the one thread that it runs on.
    let recorder = metrics::recorder().expect("buckets");
    let _counting = ::metrics::set_default_local_recorder(&recorder);
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let figures = || recorder.handle().render();
    assert_eq!(sum(&figures(), "permesso_upstream_calls_total"), 0.0, "listing tools is no call");

    assert_eq!(text(&world.agent.call("balance", json!({})).await), "done");
    let id = world.held(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    let paid = world.agent.call("pay", json!({"to": "Ada", "cents": 1})).await;
    assert_eq!(text(&paid), "done");
    let (task, id) = agent.task(2).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    assert_eq!(text(&agent.end(&task).await["result"]), "done");
    assert_eq!(world.upstream.calls(), 3);

    let figures = figures();
    assert_eq!(sum(&figures, "permesso_upstream_calls_total"), 3.0, "{figures}");
    assert_eq!(sum(&figures, "permesso_upstream_call_seconds_count"), 3.0, "{figures}");
    for (approved, calls) in [("false", 1), ("true", 2)] {
        let series = format!("permesso_upstream_calls_total{{approved=\"{approved}\",outcome=\"result\"}} {calls}");
        assert!(figures.lines().any(|line| line == series), "{series} in {figures}");
    }
    assert_eq!(sum(&figures, "permesso_approvals_opened_total"), 2.0, "{figures}");
    assert_eq!(sum(&figures, "permesso_approvals_decided_total"), 2.0, "{figures}");
    assert_eq!(sum(&figures, "permesso_tasks_created_total"), 1.0, "{figures}");
    assert!(sum(&figures, "permesso_db_wait_seconds_count") > 0.0, "{figures}");
}
