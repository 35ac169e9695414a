#!/bin/sh
# Published MCP servers behind the gateway: see main.mjs. Needs Node.js 20 or newer with npm, Python 3.10 or newer, and git;
# sets up ../node_modules/ and ../newer-node/node_modules/ when their lock files changed. The servers themselves are kept in
# PERMESSO_ZOO_CACHE, ~/.cache/permesso-zoo unless set. PERMESSO_BIN is the binary.
set -eu

cd "$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)"
say() { printf 'e2e: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }
stamp_of() { cksum <"$1" | tr -d '\n'; "$2" --version; }

[ -x "${PERMESSO_BIN:?the path of the binary}" ] || die "there is no binary at $PERMESSO_BIN: build it"
for program in node npm python3 git; do
    command -v "$program" >/dev/null || die "install $program"
done
. lib/node-packages.sh
node_packages . "the TypeScript clients and servers"
node_packages newer-node "the inspector and the conformance suite, with a Node.js for them"

# Everything but the installation is on the loopback: a proxy of the machine must not be asked.
export NO_PROXY="127.0.0.1,localhost${NO_PROXY:+,$NO_PROXY}" no_proxy="127.0.0.1,localhost${no_proxy:+,$no_proxy}"
exec node zoo/main.mjs "$@"
