//! What operators measure by: what `/metrics` says, that docs/operating.md says the same, and the spans of queries.

use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, Mutex},
};

use permesso::metrics::{self, Kind, Metric};
use reqwest::Method;
use tracing::{
    Subscriber,
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

use crate::{
    citations::{regex, root},
    support::{Client, Gateway, database::database},
};

/// A metric's row of the table in docs/operating.md.
fn row(metric: &Metric) -> String {
    let kind = match metric.kind {
        Kind::Counter => "counter",
        Kind::Histogram(..) => "histogram",
    };
    let label = |(key, values): &(&str, &[&str])| {
        let values: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
        format!("`{key}`: {}", values.join(", "))
    };
    let labels: Vec<_> = metric.labels.iter().map(label).collect();
    format!("| `{}` | {kind} | {} | {} |", metric.name, labels.join("; "), metric.help).replace("|  |", "| |")
}

#[test]
fn the_operators_page_has_every_metric_and_no_other() {
    let page = fs::read_to_string(root().join("docs/operating.md")).expect("the page");
    let written: Vec<_> = page.lines().filter(|line| line.starts_with("| `permesso_")).collect();
    let rows: Vec<_> = metrics::ALL.iter().map(|metric| row(metric)).collect();
    assert_eq!(written, rows, "the table should be:\n{}", rows.join("\n"));
}

#[test]
fn every_name_of_the_file_is_in_the_list() {
    let source = fs::read_to_string(root().join("server/ground/src/metrics.rs")).expect("the file");
    let written: Vec<_> = regex(r#""(permesso_\w+)""#).captures_iter(&source).map(|name| name[1].to_owned()).collect();
    let listed: Vec<_> = metrics::ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(written, listed);
    assert_eq!(BTreeSet::from_iter(&listed).len(), listed.len(), "each once");
}

#[tokio::test]
async fn each_metric_has_help_type_and_all_its_series_before_anything_is_counted() {
    let gateway = Gateway::start(&database().await).await;
    let text = Client::new(&gateway.url, None).send(Method::GET, "/metrics", None, &[]).await.text;
    for metric in metrics::ALL {
        let (kind, name) = match metric.kind {
            Kind::Counter => ("counter", metric.name.to_owned()),
            Kind::Histogram(..) => ("histogram", format!("{}_count", metric.name)),
        };
        let has = |line: &str| text.lines().any(|said| said == line);
        assert!(has(&format!("# HELP {} {}", metric.name, metric.help)), "{}: {text}", metric.name);
        assert!(has(&format!("# TYPE {} {kind}", metric.name)), "{}: {text}", metric.name);
        let series: usize = metric.labels.iter().map(|(_, values)| values.len()).product();
        let start = regex(&format!(r"^{name}(\{{| )"));
        assert_eq!(text.lines().filter(|line| start.is_match(line)).count(), series, "{name}: {text}");
        if let Kind::Histogram(_, buckets) = metric.kind {
            assert!(buckets.is_sorted_by(|one, next| one < next), "{name}");
            for bound in buckets.iter().map(f64::to_string).chain(["+Inf".to_owned()]) {
                let bucket = format!("le=\"{bound}\"");
                let of_it =
                    |line: &&str| line.starts_with(&format!("{}_bucket", metric.name)) && line.contains(&bucket);
                assert_eq!(text.lines().filter(of_it).count(), series, "{name} {bucket}: {text}");
            }
        }
    }
    let others: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .filter(|name| metrics::ALL.iter().all(|metric| metric.name != *name))
        .collect();
    assert!(others.is_empty(), "counted and not described: {others:?}");
    assert!(!text.contains("quantile="), "summaries of several replicas cannot be added up");
    gateway.stop().await;
}

/// Remembers the spans of the database's functions, each with how many fields it has.
#[derive(Clone, Default)]
struct Queries(Arc<Mutex<BTreeSet<(String, usize)>>>);

impl<S: Subscriber> Layer<S> for Queries {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let span = attributes.metadata();
        if span.target().starts_with("permesso_ground::db") {
            let name = format!("{}::{}", span.target(), span.name());
            self.0.lock().expect("no panic").insert((name, span.fields().len()));
        }
    }
}

#[tokio::test]
async fn a_query_has_a_span_with_its_name_and_nothing_of_its_arguments() {
    let queries = Queries::default();
    // While there is one dispatcher only, a callsite that another test's thread meets first is switched off for this one.
    let _another = tracing::Dispatch::new(tracing_subscriber::registry());
    // For the one thread that this test runs on.
    let _seen = tracing_subscriber::registry().with(queries.clone()).set_default();
    let gateway = Gateway::start(&database().await).await;
    gateway.stop().await;
    let seen = queries.0.lock().expect("no panic").clone();
    for name in ["audit::ensure_partitions", "scope::within", "user::instance_admin_exists"] {
        assert!(seen.contains(&(format!("permesso_ground::db::{name}"), 0)), "{name}: {seen:?}");
    }
    assert!(seen.iter().all(|(_, fields)| *fields == 0), "{seen:?}");
}
