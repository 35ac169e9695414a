#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::net::Ipv4Addr;

use chrono::DateTime;

use super::*;
use crate::clock::TestClock;

const ADA: &str = "ada@example.com";

fn throttle() -> (Throttle, TestClock) {
    let (clock, hands) = Clock::test(DateTime::UNIX_EPOCH);
    (Throttle::new(clock), hands)
}

fn home() -> IpAddr {
    "192.0.2.1".parse().unwrap()
}

fn elsewhere(n: u32) -> IpAddr {
    Ipv4Addr::from(0x0a00_0000 + n).into()
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// How many failures are accepted at once.
fn failures(
    throttle: &Throttle,
    mut account: impl FnMut(u32) -> String,
    mut address: impl FnMut(u32) -> IpAddr,
) -> u32 {
    (0..1_000).take_while(|n| throttle.check(&account(*n), address(*n)).is_ok()).count() as u32
}

fn wait(throttle: &Throttle, account: &str, address: IpAddr) -> Duration {
    throttle.check(account, address).err().unwrap_or_default()
}

#[test]
fn an_account_at_an_address_fails_five_times_quickly_and_then_every_30_seconds() {
    let (throttle, hands) = throttle();
    assert_eq!(failures(&throttle, |_| ADA.into(), |_| home()), 5);
    assert_eq!(wait(&throttle, ADA, home()), seconds(30));
    hands.advance(seconds(10));
    assert_eq!(wait(&throttle, ADA, home()), seconds(20));
    hands.advance(seconds(20));
    assert_eq!(failures(&throttle, |_| ADA.into(), |_| home()), 1);
    hands.advance(seconds(3_600));
    assert_eq!(failures(&throttle, |_| ADA.into(), |_| home()), 5);
}

#[test]
fn refused_attempts_make_nobody_wait_longer() {
    let (throttle, hands) = throttle();
    failures(&throttle, |_| ADA.into(), |_| home());
    for _ in 0..100 {
        assert_eq!(wait(&throttle, ADA, home()), seconds(30));
    }
    hands.advance(seconds(30));
    assert!(throttle.check(ADA, home()).is_ok());
}

#[test]
fn case_and_white_space_of_the_account_make_no_difference() {
    let (throttle, _) = throttle();
    let spellings = ["ada@example.com", "Ada@Example.COM", " ADA@EXAMPLE.COM "];
    assert_eq!(failures(&throttle, |n| spellings[n as usize % 3].into(), |_| home()), 5);
}

#[test]
fn an_address_fails_30_times_quickly_whatever_the_accounts_and_then_every_2_seconds() {
    let (throttle, hands) = throttle();
    let account = |n| format!("{n}@example.com");
    assert_eq!(failures(&throttle, account, |_| home()), 30);
    assert_eq!(wait(&throttle, "new@example.com", home()), seconds(2));
    assert_eq!(wait(&throttle, "new@example.com", elsewhere(1)), Duration::ZERO);
    hands.advance(seconds(2));
    assert_eq!(wait(&throttle, "newer@example.com", home()), Duration::ZERO);
}

#[test]
fn an_ipv6_guesser_has_one_address_per_64_bits_and_mapped_ipv4_is_ipv4() {
    let (throttle, _) = throttle();
    let account = |n| format!("{n}@example.com");
    let inside = |n: u32| IpAddr::from(Ipv6Addr::from_bits((0x2001_0db8 << 96) + u128::from(n)));
    assert_eq!(failures(&throttle, account, inside), 30);
    assert_eq!(wait(&throttle, ADA, "2001:db8:0:1::1".parse().unwrap()), Duration::ZERO);
    failures(&throttle, account, |_| home());
    assert_eq!(wait(&throttle, ADA, "::ffff:192.0.2.1".parse().unwrap()), seconds(2));
}

#[test]
fn an_account_fails_100_times_quickly_from_everywhere_and_then_every_minute() {
    let (throttle, hands) = throttle();
    assert_eq!(failures(&throttle, |_| ADA.into(), elsewhere), 100);
    assert_eq!(wait(&throttle, ADA, elsewhere(5_000)), seconds(60));
    assert_eq!(wait(&throttle, "bob@example.com", elsewhere(5_000)), Duration::ZERO);
    hands.advance(seconds(60));
    assert_eq!(wait(&throttle, ADA, elsewhere(5_001)), Duration::ZERO);
}

#[test]
fn guessers_elsewhere_do_not_keep_a_person_from_an_address_that_signed_in_before() {
    let (throttle, hands) = throttle();
    throttle.check(ADA, home()).unwrap().succeeded();
    failures(&throttle, |_| ADA.into(), elsewhere);
    throttle.check(ADA, home()).unwrap().succeeded();
    hands.advance(KNOWN_FOR);
    failures(&throttle, |_| ADA.into(), elsewhere);
    assert!(throttle.check(ADA, home()).is_err(), "and not known for ever");
}

#[test]
fn five_wrong_passwords_do_not_keep_a_person_from_an_address_that_signed_in_before() {
    let (throttle, _) = throttle();
    throttle.check(ADA, home()).unwrap().succeeded();
    for _ in 0..5 {
        assert_eq!(throttle.check(ADA, home()).unwrap().failed(), None);
    }
    throttle.check(ADA, home()).unwrap().succeeded();
    let known = throttle.check(ADA, home()).unwrap().failed();
    failures(&throttle, |_| "new@example.com".into(), |_| home());
    assert_eq!(known, throttle.check("new@example.com", home()).err(), "whoever guesses is not told that it is known");
}

#[test]
fn a_guesser_at_the_same_address_does_not_keep_a_person_who_signed_in_there_before() {
    let (throttle, _) = throttle();
    throttle.check(ADA, home()).unwrap().succeeded();
    let accounts = |n| format!("{n}@example.com");
    assert_eq!(failures(&throttle, accounts, |_| home()), 30);
    throttle.check(ADA, home()).unwrap().succeeded();
    assert!(throttle.check("new@example.com", home()).is_err(), "nobody else gains by it");
    assert!(throttle.check(ADA, elsewhere(1)).is_ok(), "nor another address");
}

#[test]
fn guessing_where_an_account_is_known_gains_20_tries_and_one_a_minute() {
    let (throttle, hands) = throttle();
    throttle.check(ADA, home()).unwrap().succeeded();
    assert_eq!(failures(&throttle, |_| ADA.into(), |_| home()), 5 + 20);
    assert_eq!(wait(&throttle, ADA, home()), seconds(30), "the sooner of both");
    hands.advance(seconds(60));
    assert_eq!(failures(&throttle, |_| ADA.into(), |_| home()), 2 + 1);
}

#[test]
fn what_succeeds_or_could_not_be_made_is_not_taken_from_the_reserve() {
    let (throttle, _) = throttle();
    throttle.check(ADA, home()).unwrap().succeeded();
    for _ in 0..5 {
        let _ = throttle.check(ADA, home()).unwrap();
    }
    for _ in 0..100 {
        throttle.check(ADA, home()).unwrap().succeeded();
        throttle.check(ADA, home()).unwrap().not_made();
    }
}

#[test]
fn successes_never_count() {
    let (throttle, _) = throttle();
    for _ in 0..1_000 {
        throttle.check(ADA, home()).unwrap().succeeded();
    }
    assert_eq!(failures(&throttle, |_| ADA.into(), |_| home()), 5 + 20);
}

#[test]
fn a_success_does_not_forgive_failures() {
    let (throttle, _) = throttle();
    for _ in 0..4 {
        let _ = throttle.check(ADA, home());
    }
    throttle.check(ADA, home()).unwrap().succeeded();
    assert_eq!(failures(&throttle, |_| ADA.into(), |_| home()), 1 + 20);
}

#[test]
fn attempts_that_could_not_be_made_never_count() {
    let (throttle, _) = throttle();
    for _ in 0..1_000 {
        throttle.check(ADA, home()).unwrap().not_made();
    }
}

#[test]
fn attempts_at_the_same_time_do_not_slip_past_together() {
    let (throttle, _) = throttle();
    let attempts: Vec<_> = (0..50).map(|_| throttle.check(ADA, home())).collect();
    assert_eq!(attempts.iter().filter(|attempt| attempt.is_ok()).count(), 5);
}

#[test]
fn a_flood_of_accounts_and_addresses_keeps_memory_bounded_and_forgets_the_worst_last() {
    let (throttle, _) = throttle();
    failures(&throttle, |_| ADA.into(), |_| home());
    for n in 0..150_000 {
        let _ = throttle.check(&format!("{n}@example.com"), elsewhere(n));
        assert!(throttle.tables.lock().clear_at.len() <= ENTRIES);
    }
    assert!(wait(&throttle, ADA, home()) > Duration::ZERO);
}

#[test]
fn what_has_passed_makes_room_first() {
    let now = seconds(1_000);
    let mut table: HashMap<u64, Duration> = (0..ENTRIES as u64).map(|n| (n, seconds(900))).collect();
    table.insert(1, seconds(1_001));
    make_room(&mut table, now);
    assert_eq!(table.into_iter().collect::<Vec<_>>(), [(1, seconds(1_001))]);
}

#[test]
fn no_account_is_kept_in_the_clear() {
    let (throttle, _) = throttle();
    let _ = throttle.check(ADA, home());
    assert_eq!(format!("{throttle:?}"), "Throttle { .. }");
}

#[test]
fn a_known_browser_has_ten_failures_of_its_own_and_nobody_else_uses_them_up() {
    let (throttle, hands) = throttle();
    failures(&throttle, |_| ADA.into(), |_| home());
    let device =
        |device: u8| (0..100).take_while(|_| throttle.check_device(&[device; 32], ADA, home()).is_ok()).count();
    throttle.check_device(&[1; 32], ADA, home()).unwrap().succeeded();
    assert_eq!((device(1), device(2)), (10, 10));
    // What is tried there counts nowhere else.
    assert_eq!(wait(&throttle, "bob@example.com", home()), seconds(0));
    hands.advance(seconds(60));
    assert_eq!(device(1), 1);
}
