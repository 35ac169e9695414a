#!/bin/sh
# The REST API against its own document: see main.mjs. Needs Node.js 20 or newer and Python 3.10 or newer; sets up
# ../.venv-api/ when its lock file changed. PERMESSO_BIN is the binary; arguments go to schemathesis.
set -eu

cd "$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)"
say() { printf 'e2e: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }
stamp_of() { cksum <"$1" | tr -d '\n'; "$2" --version; }

[ -x "${PERMESSO_BIN:?the path of the binary}" ] || die "there is no binary at $PERMESSO_BIN: build it"
command -v node >/dev/null || die "install Node.js 20 or newer"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || die "install Python 3.10 or newer"
. lib/python-packages.sh
python_packages .venv-api requirements-api.txt "schemathesis"

# Everything is on the loopback: a proxy of the machine must not be asked.
export NO_PROXY="127.0.0.1,localhost${NO_PROXY:+,$NO_PROXY}" no_proxy="127.0.0.1,localhost${no_proxy:+,$no_proxy}"
exec node api/main.mjs "$@"
