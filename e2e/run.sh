#!/bin/sh
# The stories of Permesso, told with clients and servers that its authors did not write: the official
# MCP clients in TypeScript, Python and Rust, the MCP inspector, published servers as upstreams, and people
# in front of Chromium.
#
#   e2e/run.sh [path-to-permesso-binary]      default: $PERMESSO_BIN, else the debug build
#
# Needs Node.js 20 or newer with npm, Python 3.10 or newer, cargo, git, curl, and Chromium or Chrome
# (PERMESSO_CHROMIUM: the path of one that is not on the PATH). Sets up node_modules/, .venv/, .venv2/ and
# newer-node/node_modules/ here when their lock files changed, and is quiet about it otherwise.
# Every test file starts its own `permesso dev` on a free port with data of its own, and ends it; nothing
# else on the machine is touched. The last line is `N passed, N failed`; the exit code is 0 only if
# nothing failed.
#
#   stories/       node --test    lib/   starting a gateway; administrator, agent, odd upstream, people with mouse or
#                                        finger, their link to it, a full queue, what a page does with its time
#   screenshots/   what the people saw: pages wide and narrow, light and dark, and the end of what failed
#   python/        unittest       the same with the Python client; gateway.py and agent.py are its lib
#   conformance/   the suite      the official scenarios that apply to a gateway for tools
#   clients/       a table        every client in every situation that a call can get into
#   upgrade/       by hand        an older binary and this one side by side, under load: `just upgrade`
#   zoo/           a table        two of some fifty published servers as upstreams, beside each by itself; the rest by
#                                 hand: `just zoo`
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
say() { printf 'e2e: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }
absolute() { case $1 in /*) printf %s "$1" ;; *) printf %s "$PWD/$1" ;; esac; }
stamp_of() { cksum <"$1" | tr -d '\n'; "$2" --version; }

if [ $# -gt 0 ]; then
    binary=$(absolute "$1")
elif [ -n "${PERMESSO_BIN:-}" ]; then
    binary=$(absolute "$PERMESSO_BIN")
else
    binary=$(absolute "${CARGO_TARGET_DIR:-$here/../target}")/debug/permesso
fi
# Not in the gateway's target directory itself: the features of what it is built from are others.
rust=$(absolute "${CARGO_TARGET_DIR:-$here/../target}")/clients
[ -x "$binary" ] || die "there is no binary at $binary: build it (cargo build), or name another as argument"

command -v node >/dev/null && command -v npm >/dev/null || die "install Node.js 20 or newer, with npm"
node -e 'process.exit(Number.parseInt(process.versions.node) < 20 ? 1 : 0)' ||
    die "Node.js is $(node --version): install 20 or newer"
command -v git >/dev/null || die "install git"
command -v curl >/dev/null || die "install curl"
command -v cargo >/dev/null || die "install Rust: https://rustup.rs"
command -v python3 >/dev/null || die "install Python 3.10 or newer"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || die "$(python3 --version): install 3.10 or newer"

cd "$here"

. lib/node-packages.sh
node_packages . "the TypeScript clients and servers"
node_packages newer-node "the inspector and the conformance suite, with a Node.js for them"

. lib/python-packages.sh
python_packages .venv requirements.txt "the Python client before its second version"
python_packages .venv2 requirements-2.txt "the Python client"

CARGO_TARGET_DIR=$rust cargo build --quiet --locked --manifest-path clients/rmcp/Cargo.toml >&2 ||
    die "the Rust client does not build: see above"
export PERMESSO_RMCP_CLIENT="$rust/debug/mcp-client"

find_chromium() { command -v chromium || command -v google-chrome || command -v chromium-browser; }
if [ -n "${PERMESSO_CHROMIUM:-}" ]; then
    [ -x "$PERMESSO_CHROMIUM" ] || die "there is no program at PERMESSO_CHROMIUM=$PERMESSO_CHROMIUM"
elif ! PERMESSO_CHROMIUM=$(find_chromium); then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing Chromium (apt-get) ..."
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >&2 </dev/null ||
            die "Chromium could not be installed: see above"
    fi
    PERMESSO_CHROMIUM=$(find_chromium) ||
        die "install Chromium (Debian: sudo apt-get install chromium), or set PERMESSO_CHROMIUM to the path of Chromium or Chrome"
fi
export PERMESSO_CHROMIUM

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
export PERMESSO_BIN="$binary" PYTHONDONTWRITEBYTECODE=1
# Everything is on the loopback: a proxy of the machine must not be asked.
export NO_PROXY="127.0.0.1,localhost${NO_PROXY:+,$NO_PROXY}" no_proxy="127.0.0.1,localhost${no_proxy:+,$no_proxy}"

# Two files at a time: each runs a Postgres, an unoptimized gateway and perhaps a Chromium, and waits for half of its time.
code=0
node --test --test-concurrency=2 \
    --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=tap --test-reporter-destination="$results/tap" stories/*.test.mjs || code=1
.venv/bin/python python/run.py "$results/python" || code=1
node conformance/main.mjs "$results/conformance" || code=1
node clients/main.mjs "$results/clients" || code=1
# One of each kind, so that the rest is not found broken when it is wanted.
node zoo/main.mjs "--summary=$results/zoo" slack calculator || code=1

count() { sed -n "s/^# $1 //p" "$results/tap" 2>/dev/null | tail -n 1; }
passed=$(count pass) failed=$(count fail) cancelled=$(count cancelled)
passed=${passed:-0} failed=$((${failed:-0} + ${cancelled:-0}))
for part in python conformance clients zoo; do
    if read -r part_passed part_failed 2>/dev/null <"$results/$part"; then
        passed=$((passed + part_passed)) failed=$((failed + part_failed))
    fi
done
# A runner that died without counting, or found nothing to run, is a failure too.
if [ "$failed" = 0 ] && { [ "$code" != 0 ] || [ "$passed" = 0 ]; }; then failed=1; fi
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
