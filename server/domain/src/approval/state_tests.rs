//! The table of approvals.md, "States", restated and checked exhaustively.

use proptest::prelude::*;

use uuid::Uuid;

use super::*;

fn t(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap_or_default()
}

fn decision(at: i64) -> Decision {
    Decision { by: UserId::new(), at: t(at), reason: Some("fine".into()) }
}

fn policy() -> ApprovalPolicy {
    ApprovalPolicy { expires_after_seconds: 60, execute_within_seconds: 600, ..ApprovalPolicy::default() }
}

fn approved(at: i64) -> Approved {
    pending().approve(decision(at), &policy())
}

fn pending() -> Pending {
    Pending { expires_at: t(60), extended: 0 }
}

#[test]
fn open_states_are_exactly_the_four_that_calls_join() {
    let open: Vec<_> = Status::ALL.into_iter().filter(|s| s.is_open()).collect();
    assert_eq!(open, [Status::Pending, Status::Approved, Status::Executing, Status::OutcomeUnknown]);
}

#[test]
fn every_status_is_read_back_from_its_word() {
    for status in Status::ALL {
        assert_eq!(status.as_str().parse(), Ok(status));
    }
    assert!("done".parse::<Status>().is_err());
}

#[test]
fn who_brings_the_token_of_the_round_that_asked_goes_on_and_nobody_else() {
    let (first, asked, next) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let running = approved(0).claim(first, t(30));
    assert_eq!(running.clone().go_on(first, next, t(60)), None, "nothing is asked");
    assert_eq!(State::Executing(running.clone()).settle_from(TimeDelta::seconds(5), t(1)), None);
    let asking = running.ask(asked, t(3600));
    assert_eq!(asking.clone().go_on(first, next, t(60)), None);
    assert_eq!(State::Executing(asking.clone()).settle_from(TimeDelta::seconds(5), t(1)), Some(t(1)));
    assert_eq!(State::Executing(asking.clone()).at(t(3600)).status(), Status::OutcomeUnknown);
    let again = asking.go_on(asked, next, t(60));
    let again = again.map(|again| (again.holder, again.lease_until, again.asks));
    assert_eq!(again, Some((next, t(60), false)));
    let unknown = State::OutcomeUnknown(approved(0).claim(first, t(30)).lose_contact());
    assert_eq!(unknown.settle_from(TimeDelta::seconds(5), t(1)), Some(t(35)));
}

#[test]
fn execution_time_counts_from_the_decision_not_from_the_request() {
    assert_eq!(approved(50).execute_by, t(650));
    let late = Expired { at: t(60), unused: None }.approve_late(decision(1000), &policy());
    assert_eq!(late.map(|a| a.execute_by), Some(t(1600)));
}

#[test]
fn a_late_decision_is_taken_for_seven_days_and_not_longer() {
    let week = 7 * 86_400;
    let expired = || Expired { at: t(0), unused: None };
    assert!(expired().approve_late(decision(week - 1), &policy()).is_some());
    assert!(expired().approve_late(decision(week), &policy()).is_none());
}

#[test]
fn deadlines_count_from_their_moment() {
    let pending = State::Pending(pending());
    assert_eq!(pending.clone().at(t(59)).status(), Status::Pending);
    assert_eq!(pending.at(t(60)).status(), Status::Expired);

    let ready = State::Approved(approved(0));
    assert_eq!(ready.clone().at(t(599)).status(), Status::Approved);
    let State::Expired(expired) = ready.at(t(600)) else { unreachable!("it expired unused") };
    assert!(expired.unused.is_some());

    let running = State::Executing(approved(0).claim(Uuid::now_v7(), t(30)));
    assert_eq!(running.clone().at(t(29)).status(), Status::Executing);
    assert_eq!(running.at(t(30)).status(), Status::OutcomeUnknown);
}

fn taken_back() -> TakenBack {
    TakenBack { by: UserId::new(), reason: "a mistake".to_owned() }
}

#[test]
fn a_request_that_waits_is_given_more_time_twice() {
    let once = pending().extend(TimeDelta::seconds(60));
    let twice = once.and_then(|once| once.extend(TimeDelta::seconds(3600)));
    assert_eq!(twice.clone().map(|p| (p.expires_at, p.extended)), Some((t(60 + 60 + 3600), 2)));
    assert_eq!(twice.and_then(|twice| twice.extend(TimeDelta::seconds(60))), None);
}

#[test]
fn finished_states_never_change_by_time() {
    let executing = || approved(0).claim(Uuid::now_v7(), t(30));
    let finished = [
        pending().reject(decision(1)),
        pending().withdraw(t(1)),
        approved(0).take_back(taken_back(), t(1)),
        pending().invalidate(Change::Definition, t(1)),
        State::Executed(executing().finish(None, t(2))),
        State::OutcomeUnknown(executing().lose_contact()),
        executing().lose_contact().settle_not_executed(UserId::new(), t(99)),
    ];
    for state in finished {
        assert_eq!(state.clone().at(t(1_000_000_000)), state);
    }
}

#[test]
fn settling_opens_one_call_time_limit_after_the_lease() {
    let unknown = approved(0).claim(Uuid::now_v7(), t(30)).lose_contact();
    assert_eq!(unknown.settle_from(TimeDelta::seconds(120)), t(150));
}

#[test]
fn a_result_is_replayed_ten_minutes_once_it_was_delivered() {
    let executed = approved(0).claim(Uuid::now_v7(), t(30)).finish(None, t(10));
    let answered = Executed { answered_at: Some(t(11)), ..executed.clone() };
    assert_eq!(answered.replay_until(), t(10 + 600));
    let day = ApprovalPolicy::default();
    let long = pending().approve(decision(0), &day).claim(Uuid::now_v7(), t(30)).finish(None, t(10));
    assert_eq!(long.replay_until(), t(86_400), "never delivered: until execute_by");
    let settled = approved(0).claim(Uuid::now_v7(), t(30)).lose_contact().settle_executed(UserId::new(), t(5000));
    assert!(settled.replay_until() >= t(5000), "a person's finding is told at least once");
}

/// What can be done to an approval, in any order.
#[derive(Clone, Debug)]
enum Step {
    Wait(i64),
    Approve,
    Reject,
    Claim,
    Release,
    Finish,
    LoseContact,
    AnswerLate,
    SettleNot,
    Invalidate,
    Withdraw,
    TakeBack,
    Extend,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..200i64).prop_map(Step::Wait),
        Just(Step::Approve),
        Just(Step::Reject),
        Just(Step::Claim),
        Just(Step::Release),
        Just(Step::Finish),
        Just(Step::LoseContact),
        Just(Step::AnswerLate),
        Just(Step::SettleNot),
        Just(Step::Invalidate),
        Just(Step::Withdraw),
        Just(Step::TakeBack),
        Just(Step::Extend),
    ]
}

/// Takes a step where the state offers it; counts what reaches an upstream.
fn take(state: State, step: &Step, clock: &mut i64, sent: &mut u32) -> State {
    let now = t(*clock);
    match (state, step) {
        (state, Step::Wait(seconds)) => {
            *clock += seconds;
            state.at(t(*clock))
        }
        (State::Pending(p), Step::Approve) => State::Approved(p.approve(decision(*clock), &policy())),
        (State::Expired(e), Step::Approve) => {
            e.clone().approve_late(decision(*clock), &policy()).map_or(State::Expired(e), State::Approved)
        }
        (State::Pending(p), Step::Reject) => p.reject(decision(*clock)),
        (State::Approved(a), Step::Claim) => {
            *sent += 1;
            State::Executing(a.claim(Uuid::now_v7(), now + TimeDelta::seconds(30)))
        }
        (State::Executing(e), Step::Release) => {
            *sent -= 1;
            State::Approved(e.release())
        }
        (State::Executing(e), Step::Finish) => State::Executed(e.finish(None, now)),
        (State::Executing(e), Step::LoseContact) => State::OutcomeUnknown(e.lose_contact()),
        (State::OutcomeUnknown(u), Step::AnswerLate) => State::Executed(u.answer_late(None, now)),
        (State::OutcomeUnknown(u), Step::SettleNot) => u.settle_not_executed(UserId::new(), now),
        (State::Pending(p), Step::Invalidate) => p.invalidate(Change::Owner, now),
        (State::Approved(a), Step::Invalidate) => a.invalidate(Change::Owner, now),
        (State::Pending(p), Step::Withdraw) => p.withdraw(now),
        (State::Approved(a), Step::Withdraw) => a.withdraw(now),
        (State::Approved(a), Step::TakeBack) => a.take_back(taken_back(), now),
        (State::Pending(p), Step::Extend) => State::Pending(p.clone().extend(TimeDelta::seconds(60)).unwrap_or(p)),
        (state, _) => state,
    }
}

proptest! {
    /// Promise 1 on the level of types: whatever happens in whatever order, at most one dispatch
    /// that was not provably undone, and none without an approval before it.
    #[test]
    fn no_order_of_events_dispatches_twice(steps in proptest::collection::vec(step(), 0..60)) {
        let (mut clock, mut sent, mut approvals) = (0, 0, 0);
        let mut state = State::Pending(State::open(&policy(), t(0)));
        for step in &steps {
            let was = state.status();
            state = take(state, step, &mut clock, &mut sent);
            if was != Status::Approved && was != Status::Executing && state.status() == Status::Approved {
                approvals += 1;
            }
            prop_assert!(sent <= 1);
            prop_assert!(sent == 0 || approvals > 0);
            let ran = matches!(state.status(), Status::Executed | Status::Executing | Status::OutcomeUnknown | Status::NotExecuted);
            prop_assert_eq!(ran, sent == 1);
        }
    }
}
