//! What a list does when a newer reading of its first page arrives while it must not move.

use api_types::AuditRecord;

/// The list as it stands, with what has become of its records since; none comes and none goes.
pub(super) fn refreshed(shown: &[AuditRecord], newest: &[AuditRecord]) -> Vec<AuditRecord> {
    let now = |record: &AuditRecord| newest.iter().find(|newer| newer.id == record.id).unwrap_or(record).clone();
    shown.iter().map(now).collect()
}

/// How many records of the newest reading are not in the list yet. Ids rise with time.
pub(super) fn arrived(shown: &[AuditRecord], newest: &[AuditRecord]) -> usize {
    let oldest = shown.iter().map(|record| record.id).min();
    let is_new = |record: &&AuditRecord| {
        oldest.is_none_or(|oldest| record.id > oldest) && shown.iter().all(|known| known.id != record.id)
    };
    newest.iter().filter(is_new).count()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    fn record(id: u128, status: &str) -> AuditRecord {
        AuditRecord {
            id: Uuid::from_u128(id),
            at: DateTime::UNIX_EPOCH,
            request_id: Uuid::nil(),
            actor_kind: "key".to_owned(),
            actor_id: None,
            actor_name: "billing-agent".to_owned(),
            actor_org_id: None,
            action: "tools/call".to_owned(),
            toolkit: None,
            tool: None,
            rule: None,
            approval_id: None,
            client: None,
            source: None,
            status: status.to_owned(),
            answer: None,
            duration_us: None,
            values: Vec::new(),
            decided_by_email: None,
        }
    }

    #[test]
    fn a_list_that_stands_still_learns_how_its_calls_ended() {
        let shown = [record(2, "interrupted"), record(1, "ok")];
        let newest = [record(3, "ok"), record(2, "held"), record(1, "ok")];
        let told: Vec<_> = refreshed(&shown, &newest).into_iter().map(|record| record.status).collect();
        assert_eq!(told, ["held", "ok"]);
    }

    #[test]
    fn only_records_newer_than_the_page_are_counted_as_new() {
        let shown = [record(5, "ok"), record(4, "ok")];
        assert_eq!(arrived(&shown, &[record(7, "ok"), record(5, "ok"), record(4, "ok"), record(3, "ok")]), 1);
        assert_eq!(arrived(&shown, &shown), 0);
        assert_eq!(arrived(&[], &shown), 2);
    }

    #[test]
    fn a_record_written_late_between_two_others_is_new_too() {
        let shown = [record(5, "ok"), record(3, "ok")];
        assert_eq!(arrived(&shown, &[record(5, "ok"), record(4, "ok"), record(3, "ok")]), 1);
    }
}
