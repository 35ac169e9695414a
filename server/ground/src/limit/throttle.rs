//! Slows down guessing of passwords: by account and address together, by address, and by account from everywhere. Only
//! failures count. An account and an address that have signed in together are known to each other; they have a reserve
//! for when these limits refuse. So neither guessing, from the same office or from everywhere, nor mistyping locks out
//! the right person. A browser by which an account is known (`device`) has an allowance that nobody else can use up.
//!
//! An attempt is counted when it begins and uncounted when it succeeds, so that concurrent attempts cannot slip past
//! together. Counts belong to this replica and are lost on restart: with several replicas the limits multiply. Which
//! accounts and addresses are known to each other is also stored, by `service::identity::sign_in`. Whether an account
//! exists is never asked.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;

use crate::clock::Clock;

/// How many failures are accepted at once, and how often one more may follow.
#[derive(Clone, Copy)]
struct Limit {
    quick: u32,
    then_every: Duration,
}

/// One account from one address: a person who mistypes.
const ACCOUNT_AT_ADDRESS: Limit = Limit { quick: 5, then_every: Duration::from_secs(30) };
/// One address, whatever the accounts: one guesser, or an office behind one address.
const ADDRESS: Limit = Limit { quick: 30, then_every: Duration::from_secs(2) };
/// One account, whatever the addresses: many guessers. 100 is what NIST SP 800-63B-4 section 3.2.2
/// allows.
const ACCOUNT: Limit = Limit { quick: 100, then_every: Duration::from_secs(60) };

/// The reserve of an account at an address that is known to it, for when a limit above refuses. Guessing there gains no
/// more than this: 20 tries once, and one a minute.
const RESERVE: Limit = Limit { quick: 20, then_every: Duration::from_secs(60) };

/// A browser by which an account is known, at any address: a person who mistypes, or somebody with a stolen cookie.
const DEVICE: Limit = Limit { quick: 10, then_every: Duration::from_secs(60) };

/// How long an address counts as known to an account after signing in.
pub const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 3_600);
/// The most entries of each table: some megabytes.
const ENTRIES: usize = 65_536;

/// Counts failed log-ins. Cheap to clone; clones share their counts.
#[derive(Clone)]
pub struct Throttle {
    clock: Clock,
    hasher: RandomState,
    tables: Arc<Mutex<Tables>>,
}

#[derive(Default)]
struct Tables {
    /// When each entry is as if it had never failed (the "theoretical arrival time" of GCRA).
    clear_at: HashMap<u64, Duration>,
    /// Until when an account and an address that signed in together are known to each other.
    known_until: HashMap<u64, Duration>,
}

/// A log-in in progress, counted as a failure until it is reported as none.
#[must_use = "an attempt that is dropped counts as a failure"]
pub struct Attempt {
    throttle: Throttle,
    pair: u64,
    counted_on: Vec<(u64, Limit)>,
    refused_for: Option<Duration>,
}

impl Throttle {
    /// Counts by this clock's elapsed time.
    pub fn new(clock: Clock) -> Self {
        Self { clock, hasher: RandomState::new(), tables: Arc::default() }
    }

    /// Asks whether a client at `address` may try to sign in as `account` (an e-mail address; case and surrounding
    /// white space make no difference) and counts the attempt. Call it before anything else is done for the attempt.
    ///
    /// # Errors
    /// How long to wait before trying again. A refused attempt is not counted.
    pub fn check(&self, account: &str, address: IpAddr) -> Result<Attempt, Duration> {
        let (account, address) = (account.trim().to_lowercase(), network(address));
        let pair = self.hash((&account, address));
        let limits = vec![(pair, ACCOUNT_AT_ADDRESS), (self.hash(address), ADDRESS), (self.hash(&account), ACCOUNT)];
        let reserve = vec![(self.hash(("reserve", pair)), RESERVE)];
        let now = self.clock.elapsed();
        let mut tables = self.tables.lock();
        let is_known = tables.known_until.get(&pair).is_some_and(|until| *until > now);
        let (counted_on, refused_for) = match tables.count(limits, now) {
            Ok(counted_on) => (counted_on, None),
            Err(wait) if is_known => {
                let counted_on = tables.count(reserve, now).map_err(|longer| wait.min(longer))?;
                (counted_on, Some(wait))
            }
            Err(wait) => return Err(wait),
        };
        Ok(Attempt { throttle: self.clone(), pair, counted_on, refused_for })
    }

    /// The same for an attempt from a browser by which the account is known: counted for the browser alone, so that
    /// nobody else uses up its allowance. `device` names it.
    ///
    /// # Errors
    /// How long to wait. A refused attempt is not counted.
    pub fn check_device(&self, device: &[u8; 32], account: &str, address: IpAddr) -> Result<Attempt, Duration> {
        let pair = self.hash((&account.trim().to_lowercase(), network(address)));
        let limits = vec![(self.hash(("device", device)), DEVICE)];
        let counted_on = self.tables.lock().count(limits, self.clock.elapsed())?;
        Ok(Attempt { throttle: self.clone(), pair, counted_on, refused_for: None })
    }

    /// Makes the account and the address known to each other, as was stored earlier.
    pub fn make_known(&self, account: &str, address: IpAddr) {
        let pair = self.hash((&account.trim().to_lowercase(), network(address)));
        let now = self.clock.elapsed();
        let mut tables = self.tables.lock();
        make_room(&mut tables.known_until, now);
        tables.known_until.insert(pair, now + KNOWN_FOR);
    }

    /// With a random key: no e-mail address is kept, and nobody can construct a collision.
    fn hash(&self, of: impl Hash) -> u64 {
        self.hasher.hash_one(of)
    }
}

impl Attempt {
    /// The password was right: the attempt is not counted, and the account and the address are now known to each other.
    pub fn succeeded(self) {
        let now = self.throttle.clock.elapsed();
        let mut tables = self.throttle.tables.lock();
        tables.give_back(&self.counted_on);
        make_room(&mut tables.known_until, now);
        tables.known_until.insert(self.pair, now + KNOWN_FOR);
    }

    /// The password was wrong: the attempt stays counted. An attempt from the reserve must be answered as if it had
    /// been refused for the returned time, so that the answer does not tell that this account signed in from here.
    pub fn failed(self) -> Option<Duration> {
        self.refused_for
    }

    /// The password was not compared because of an error of ours: the attempt is not counted.
    pub fn not_made(self) {
        self.throttle.tables.lock().give_back(&self.counted_on);
    }
}

impl Tables {
    /// The time until one more failure is within the limit.
    fn wait(&self, key: u64, limit: Limit, now: Duration) -> Duration {
        let ahead = self.clear_at.get(&key).map_or(Duration::ZERO, |at| at.saturating_sub(now));
        ahead.saturating_sub(limit.then_every * (limit.quick - 1))
    }

    /// Counts one more failure on each of these, if it is within all limits; otherwise returns the time until it is.
    fn count(&mut self, limits: Vec<(u64, Limit)>, now: Duration) -> Result<Vec<(u64, Limit)>, Duration> {
        let wait = limits.iter().map(|(key, limit)| self.wait(*key, *limit, now)).max().unwrap_or_default();
        if wait > Duration::ZERO {
            return Err(wait);
        }
        for (key, limit) in &limits {
            make_room(&mut self.clear_at, now);
            let clear_at = self.clear_at.entry(*key).or_insert(now);
            *clear_at = (*clear_at).max(now) + limit.then_every;
        }
        Ok(limits)
    }

    fn give_back(&mut self, counted_on: &[(u64, Limit)]) {
        for (key, limit) in counted_on {
            if let Some(clear_at) = self.clear_at.get_mut(key) {
                *clear_at = clear_at.saturating_sub(limit.then_every);
            }
        }
    }
}

/// Keeps a table of times within [`ENTRIES`]: drops entries that have passed and, if that is less than half, those that
/// pass soonest, which matter least.
fn make_room(table: &mut HashMap<u64, Duration>, now: Duration) {
    if table.len() < ENTRIES {
        return;
    }
    let mut times: Vec<Duration> = table.values().copied().collect();
    let (_, median, _) = times.select_nth_unstable(ENTRIES / 2);
    let keep_after = (*median).max(now);
    table.retain(|_, at| *at > keep_after);
}

/// The part of an address that one client cannot choose freely: all of IPv4, the /64 of IPv6. Addresses are counted by
/// this part.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Throttle").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
