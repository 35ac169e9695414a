//! Every fuzz target without a fuzzer: its seeds, and some thousands of changes to them. It takes no C++ compiler and
//! keeps the targets working; what a fuzzer finds in minutes it does not find.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use fastrand::Rng;

macro_rules! targets {
    ($($name:ident $path:literal),+ $(,)?) => {
        $(
            #[path = $path]
            #[allow(unused_attributes, reason = "`no_main` is for the fuzzer's binary")]
            mod $name;
        )+
        /// Names and functions.
        const TARGETS: &[(&str, fn(&[u8]))] = &[$((stringify!($name), $name::target)),+];
    };
}

targets! {
    canonical "../../fuzz/fuzz_targets/canonical.rs",
    envelope "../../fuzz/fuzz_targets/envelope.rs",
    mcp "../../fuzz/fuzz_targets/mcp.rs",
    redact "../../fuzz/fuzz_targets/redact.rs",
    sse "../../fuzz/fuzz_targets/sse.rs",
}

/// Stands in for the macro of libfuzzer-sys, which the targets import.
macro_rules! fuzz_target {
    (|$data:ident: &[u8]| $body:expr) => {
        pub(super) fn target($data: &[u8]) {
            $body
        }
    };
}
pub(crate) use fuzz_target;

/// How many changed seeds each target gets.
const CHANGED: usize = 5_000;
/// How long it goes on with them.
const TIME: Duration = Duration::from_secs(2);
/// No changed seed is longer, in bytes.
const LONGEST: usize = 4_096;
/// What means something in JSON, event streams and headers.
const PIECES: [&[u8]; 12] =
    [b"\"", b"\\", b"\\u0061", b"{", b"}", b"[", b"]", b":", b",", b"\r\n", b"1e999", b"\xf0\x9f\x98\x80"];

/// Shows what a target was given when it failed.
struct Given<'d>(&'static str, &'d [u8]);

impl Drop for Given<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} was given b\"{}\"", self.0, self.1.escape_ascii());
        }
    }
}

fn names(directory: &str) -> BTreeSet<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(directory);
    let stem = |path: &Path| path.file_stem().and_then(OsStr::to_str).unwrap().to_owned();
    fs::read_dir(directory).unwrap().map(|entry| stem(&entry.unwrap().path())).collect()
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

fn changed(rng: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut data = rng.choice(seeds).unwrap().clone();
    for _ in 0..rng.usize(1..5) {
        let at = rng.usize(..=data.len());
        let to = rng.usize(at..=data.len());
        match rng.u8(..5) {
            0 if at < data.len() => data[at] ^= 1 << rng.u8(..8),
            1 => drop(data.drain(at..to)),
            2 => drop(data.splice(at..at, data[at..to].to_vec())),
            3 => {
                let other = rng.choice(seeds).unwrap();
                let from = rng.usize(..=other.len());
                drop(data.splice(at..to, other[from..].to_vec()));
            }
            _ => drop(data.splice(at..at, rng.choice(PIECES).unwrap().to_vec())),
        }
    }
    data.truncate(LONGEST);
    data
}

#[test]
fn every_fuzz_target_stands_its_seeds_and_changes_of_them() {
    for &(name, target) in TARGETS {
        let (seeds, mut rng) = (seeds(name), Rng::with_seed(1));
        let run = |data: &[u8]| {
            let _given = Given(name, data);
            target(data);
        };
        seeds.iter().for_each(|data| run(data));
        let end = Instant::now() + TIME;
        (0..CHANGED).take_while(|_| Instant::now() < end).for_each(|_| run(&changed(&mut rng, &seeds)));
    }
}

#[test]
fn no_fuzz_target_is_forgotten() {
    let known: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(known, names("fuzz_targets"), "add it to `targets!` above");
    assert_eq!(known, names("seeds"), "each has seeds");
}
