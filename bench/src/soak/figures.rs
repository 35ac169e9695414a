//! The figures of a run, in Markdown. Only what was measured is printed.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    time::Duration,
};

use super::{
    approver::{Fate, Verdict},
    book::{End, Faulty, Outage, Record, Step},
    judge::excused,
    kind::Kind,
};
use crate::load::percentile;

/// Everything that figures are made of.
pub(crate) struct Run {
    pub(crate) records: HashMap<String, Record>,
    pub(crate) arrivals: HashMap<String, u32>,
    pub(crate) verdicts: HashMap<String, Verdict>,
    pub(crate) faults: Vec<Faulty>,
    pub(crate) outage: Option<Outage>,
    /// Requests of agents, and how long they were counted.
    pub(crate) requests: u64,
    pub(crate) counted: Duration,
}

/// A column's name, and the ends that count in it.
type Column = (&'static str, fn(&End) -> bool);

/// How an agent learned of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Held,
    HeldRejected,
    TaskGet,
    Notified,
    Polled,
    Again,
    AroundKill,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Held => "a held call, approved",
            Self::HeldRejected => "a held call, rejected",
            Self::TaskGet => "a task, by `tasks/get`",
            Self::Notified => "a task, by `notifications/tasks`",
            Self::Polled => "`approval_status`, then run",
            Self::Again => "the same call again, later",
            Self::AroundKill => "any of these, decided around the kill",
        }
    }

    /// How the agent of this call learned of the decision, if it did after it and the decision's own
    /// moment is known.
    pub(super) fn of(record: &Record, verdict: &Verdict, outage: Option<&Outage>) -> Option<(Self, Duration)> {
        let (step, sent, heard) = record.last?;
        let (posted, decided) = (verdict.posted?, verdict.decided.filter(|_| !verdict.repeated)?);
        let rejected = match record.end.as_ref()? {
            End::Answered => false,
            End::Rejected => true,
            _ => return None,
        };
        let around =
            outage.is_some_and(|outage| decided >= outage.prepared && decided <= outage.back + Duration::from_secs(1));
        let way = match step {
            _ if around => Self::AroundKill,
            Step::Call if sent < posted && rejected => Self::HeldRejected,
            Step::Call if sent < posted => Self::Held,
            Step::Call if record.statuses == 0 => Self::Again,
            Step::Call | Step::Status | Step::Run => Self::Polled,
            Step::TaskGet => Self::TaskGet,
            Step::Notified => Self::Notified,
        };
        // The agent may hear of it before the approver's own answer is there.
        Some((way, heard.saturating_duration_since(decided)))
    }
}

impl Run {
    /// All tables.
    pub(crate) fn tables(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{} requests of agents, {:.0} a second\n",
            self.requests,
            self.requests as f64 / self.counted.as_secs_f64()
        );
        text + &self.ends() + "\n" + &self.latencies() + "\n" + &self.rounds() + "\n" + &self.faults()
    }

    fn kinds(&self) -> BTreeMap<Kind, Vec<(&String, &Record)>> {
        let mut kinds: BTreeMap<Kind, Vec<_>> = BTreeMap::new();
        for (token, record) in &self.records {
            kinds.entry(record.kind).or_default().push((token, record));
        }
        kinds
    }

    /// Calls by kind and end.
    fn ends(&self) -> String {
        let columns: [Column; 8] = [
            ("answered", |end| *end == End::Answered),
            ("rejected", |end| *end == End::Rejected),
            ("expired", |end| *end == End::Expired),
            ("outcome unknown", |end| *end == End::OutcomeUnknown),
            ("cancelled", |end| *end == End::Cancelled),
            ("left", |end| *end == End::Left),
            ("broken off", |end| *end == End::Broken),
            ("lost", |end| matches!(end, End::Lost(_))),
        ];
        let mut table = heads("kind | calls", &columns.map(|(name, _)| name), "ran");
        for (kind, records) in self.kinds() {
            let _ = write!(table, "| {} | {} |", kind.name(), records.len());
            for (_, matches) in columns {
                let count = records.iter().filter(|(_, record)| record.end.as_ref().is_some_and(matches)).count();
                let _ = write!(table, " {count} |");
            }
            let ran = records.iter().filter(|(token, _)| self.arrivals.contains_key(*token)).count();
            let _ = writeln!(table, " {ran} |");
        }
        table
    }

    /// From the decision to the agent having the answer.
    fn latencies(&self) -> String {
        let mut ways: BTreeMap<Way, Vec<u32>> = BTreeMap::new();
        for (token, record) in &self.records {
            let way = self.verdicts.get(token).and_then(|verdict| Way::of(record, verdict, self.outage.as_ref()));
            if let Some((way, took)) = way {
                ways.entry(way).or_default().push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
            }
        }
        let mut table = heads("the agent waits by", &["decisions", "median ms", "p99 ms"], "max ms");
        for (way, mut took) in ways {
            let count = took.len();
            let ms = |micros: u32| f64::from(micros) / 1000.0;
            let (p50, p99) = (ms(percentile(&mut took, 50)), ms(percentile(&mut took, 99)));
            let most = ms(percentile(&mut took, 100));
            let _ = writeln!(table, "| {} | {count} | {p50:.1} | {p99:.1} | {most:.1} |", way.name());
        }
        table
    }

    /// What it took agents to learn of a decision.
    fn rounds(&self) -> String {
        let columns = ["decisions", "status calls per decision", "`run_approved` per decision"];
        let mut table = heads("kind", &columns, "`tools/call` per decision");
        for (kind, records) in self.kinds() {
            let is_decided = |token: &String| {
                self.verdicts
                    .get(token)
                    .is_some_and(|verdict| verdict.decided.is_some() && verdict.fate != Fate::Forget)
            };
            let learned = |record: &Record| matches!(record.end, Some(End::Answered | End::Rejected));
            let decided: Vec<_> = records
                .iter()
                .filter(|(token, record)| is_decided(token) && learned(record))
                .map(|(_, r)| *r)
                .collect();
            if decided.is_empty() {
                continue;
            }
            let mean = |count: fn(&Record) -> u32| {
                decided.iter().map(|record| f64::from(count(record))).sum::<f64>() / decided.len() as f64
            };
            let (statuses, runs, calls) = (mean(|r| r.statuses), mean(|r| r.runs), mean(|r| r.calls));
            let name = kind.name();
            let _ = writeln!(table, "| {name} | {} | {statuses:.2} | {runs:.2} | {calls:.2} |", decided.len());
        }
        table
    }

    /// Faults by kind.
    fn faults(&self) -> String {
        let mut kinds: BTreeMap<String, (u32, u32)> = BTreeMap::new();
        for faulty in &self.faults {
            let (excused_ones, others) = kinds.entry(faulty.fault.name()).or_default();
            match excused(faulty, self.outage.as_ref()) {
                true => *excused_ones += 1,
                false => *others += 1,
            }
        }
        if kinds.is_empty() {
            return "no request failed\n".to_owned();
        }
        let mut table = heads("requests that failed", &["at the gateway that was killed"], "otherwise");
        for (name, (excused_ones, others)) in kinds {
            let _ = writeln!(table, "| {name} | {excused_ones} | {others} |");
        }
        table
    }
}

fn heads(first: &str, columns: &[&str], last: &str) -> String {
    let dashes = "--:|".repeat(columns.len() + first.matches('|').count() + 1);
    format!("| {first} | {} | {last} |\n|---|{dashes}\n", columns.join(" | "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Instant;

    use super::*;

    #[test]
    fn a_decision_counts_by_how_its_agent_waited_and_from_when_it_was_made() {
        let now = Instant::now();
        let at = |ms| now.checked_add(Duration::from_millis(ms)).unwrap();
        let verdict = Verdict {
            approval: "x".to_owned(),
            fate: Fate::Approve,
            posted: Some(at(100)),
            decided: Some(at(110)),
            repeated: false,
            refused: None,
        };
        let record = |step, sent, heard| Record {
            last: Some((step, at(sent), at(heard))),
            ..Record::begin(Kind::Json).ended(End::Answered)
        };
        let way = |record: &Record, outage| Way::of(record, &verdict, outage);
        let ms = Duration::from_millis;
        assert_eq!(way(&record(Step::Call, 0, 130), None), Some((Way::Held, ms(20))));
        assert_eq!(way(&record(Step::Call, 0, 105), None), Some((Way::Held, ms(0))));
        assert_eq!(way(&record(Step::Call, 200, 230), None), Some((Way::Again, ms(120))));
        assert_eq!(way(&record(Step::Run, 200, 230), None), Some((Way::Polled, ms(120))));
        assert_eq!(way(&record(Step::Notified, 0, 111), None), Some((Way::Notified, ms(1))));
        let outage = Outage { gateway: 0, prepared: at(50), killed: at(60), back: at(70) };
        assert_eq!(way(&record(Step::Call, 0, 130), Some(&outage)), Some((Way::AroundKill, ms(20))));
        let repeated = Verdict { repeated: true, ..verdict.clone() };
        assert_eq!(Way::of(&record(Step::Call, 0, 130), &repeated, None), None, "its moment is not known");
    }

    #[test]
    fn a_table_has_a_dash_for_each_column() {
        assert_eq!(heads("a", &["b"], "c"), "| a | b | c |\n|---|--:|--:|\n");
        assert_eq!(heads("a | b", &["c"], "d"), "| a | b | c | d |\n|---|--:|--:|--:|\n");
    }
}
