# Sourced in e2e/ by what needs Python programs: python_packages <directory> <requirements> <what they are called>.
# Needs `say`, `die` and `stamp_of`.

# A virtual environment, what is locked for it, and what it is called.
python_packages() {
    packages=$(stamp_of "$2" python3)
    [ "$(cat "$1/.stamp" 2>/dev/null)" != "$packages" ] || return 0
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "installing python3-venv (apt-get) ..."
            { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv; } >&2 </dev/null ||
                die "python3-venv could not be installed: see above"
        else
            die "python3 cannot make virtual environments: install python3-venv (Debian, Ubuntu: sudo apt-get install python3-venv)"
        fi
    fi
    say "installing $3 (pip) ..."
    rm -rf "$1"
    python3 -m venv "$1" || die "python3 -m venv failed: see above"
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$2" >&2 ||
        die "pip install failed: see above"
    printf '%s\n' "$packages" >"$1/.stamp"
}
