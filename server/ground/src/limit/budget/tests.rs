#![allow(clippy::unwrap_used, reason = "tests")]
use domain::ApiKeyId;

use super::*;
use crate::config::Share;

fn key() -> Principal {
    Principal::Key(ApiKeyId::new())
}

fn budget(caller: usize, org: usize, process: usize) -> Budget {
    let share = |size| Share { calls: size, bytes: 10 * size };
    Budget::new(Budgets { caller: share(caller), org: share(org), process: share(process) })
}

fn code(result: Result<impl Sized>) -> &'static str {
    result.err().unwrap().code
}

#[test]
fn a_caller_has_so_many_calls_and_bytes_in_flight_and_gets_back_what_it_leaves() {
    let budget = budget(2, 9, 9);
    let (caller, org) = (key(), Some(OrgId::new()));
    let first = budget.begin(caller, org).unwrap();
    let second = budget.begin(caller, org).unwrap();
    assert_eq!(code(budget.begin(caller, org)), "too_many_calls");
    assert!(budget.begin(key(), org).is_ok(), "others are not concerned");
    first.hold(15).unwrap();
    assert_eq!(code(second.hold(6)), "too_many_bytes");
    second.hold(5).unwrap();
    drop(first);
    second.hold(15).unwrap();
    assert!(budget.begin(caller, org).is_ok());
}

#[test]
fn what_the_callers_of_an_org_take_counts_together_and_so_does_what_everybody_takes() {
    let budget = budget(2, 3, 4);
    let (mine, theirs) = (Some(OrgId::new()), Some(OrgId::new()));
    let _taken: Vec<Load> = (0..3).map(|_| budget.begin(key(), mine).unwrap()).collect();
    let error = budget.begin(key(), mine).err().unwrap();
    assert_eq!((error.code, error.kind), ("too_many_calls", Kind::TooMany(COME_BACK)));
    assert!(error.message.contains("of this org are 3") && error.message.contains('3'), "{error}");
    let last = budget.begin(key(), theirs).unwrap();
    let error = budget.begin_unknown().err().unwrap();
    assert_eq!((error.code, error.kind), ("overloaded", Kind::Unavailable));
    drop(last);
    assert!(budget.begin_unknown().is_ok());
}

#[test]
fn a_refusal_takes_nothing_of_any_budget() {
    let budget = budget(5, 5, 1);
    let caller = key();
    let load = budget.begin(caller, Some(OrgId::new())).unwrap();
    for _ in 0..100 {
        assert!(budget.begin(caller, Some(OrgId::new())).is_err());
        assert!(load.hold(11).is_err());
    }
    load.hold(10).unwrap();
    drop(load);
    assert!(budget.begin(caller, None).is_ok());
}

#[test]
fn who_waits_is_not_in_flight_and_goes_on_whether_there_is_room_or_not() {
    let budget = budget(1, 1, 1);
    let caller = key();
    let waits = budget.begin(caller, None).unwrap();
    waits.hold(6).unwrap();
    let waiting = waits.wait();
    let also = waits.wait();
    drop(also);
    let other = budget.begin(caller, None).unwrap();
    assert_eq!(code(other.hold(5)), "too_many_bytes", "its bytes stay counted");
    drop(waiting);
    drop(other);
    assert_eq!(code(budget.begin(caller, None)), "too_many_calls", "it is in flight again");
    drop(waits);
    assert!(budget.begin(caller, None).is_ok());
}

#[test]
fn an_answer_may_go_over_and_blocks_what_comes_next() {
    let budget = budget(2, 2, 2);
    let caller = key();
    let answers = budget.begin(caller, None).unwrap();
    answers.carry(1_000);
    assert_eq!(code(budget.begin(caller, None).unwrap().hold(1)), "too_many_bytes");
    drop(answers);
    budget.begin(caller, None).unwrap().hold(1).unwrap();
}

#[test]
fn nothing_is_kept_of_who_has_nothing_in_flight() {
    let budget = budget(9, 9, 9);
    let (caller, org) = (key(), OrgId::new());
    let loads: Vec<Load> = (0..3).map(|_| budget.begin(caller, Some(org)).unwrap()).collect();
    let beside = loads[0].beside().unwrap();
    let kept = || (budget.0.callers.lock().len(), budget.0.orgs.lock().len());
    assert_eq!(kept(), (1, 1));
    drop(loads);
    assert_eq!(kept(), (1, 1));
    drop(beside);
    assert_eq!(kept(), (0, 0));
    drop((0..20).map(|_| budget.begin(key(), None)).collect::<Vec<_>>());
    assert_eq!(kept(), (0, 0));
}

#[tokio::test]
async fn answers_for_which_there_is_no_room_come_one_after_the_other_and_all_of_them_come() {
    let budget = budget(5, 5, 5);
    let caller = key();
    let loads: Vec<Load> = (0..3).map(|_| budget.begin(caller, None).unwrap()).collect();
    let [first, second, third] = &loads[..] else { panic!() };
    first.receive(45).await;
    second.receive(10).await;
    second.receive(100).await;
    let mut waits = Box::pin(third.receive(10));
    assert!(futures::poll!(&mut waits).is_pending());
    assert_eq!(code(first.hold(1)), "too_many_bytes", "nothing new comes in meanwhile");
    drop(waits);
    let mut loads = loads.into_iter();
    let (first, second, third) = (loads.next().unwrap(), loads.next().unwrap(), loads.next().unwrap());
    drop(second);
    tokio::time::timeout(Duration::from_secs(10), third.receive(10)).await.unwrap();
    drop((first, third));
    budget.begin(caller, None).unwrap().hold(50).unwrap();
}
