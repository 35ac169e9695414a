# Sourced in e2e/ by what needs Node.js programs: node_packages <directory> <what they are called>.
# Needs `say`, `die` and `stamp_of`.

# What npm has locked in a directory, and what it is called.
node_packages() {
    packages=$(stamp_of "$1/package-lock.json" node)
    [ "$(cat "$1/node_modules/.stamp" 2>/dev/null)" != "$packages" ] || return 0
    say "installing $2 (npm) ..."
    npm ci --prefix "$1" --no-audit --no-fund --loglevel=error >&2 || die "npm ci failed: see above"
    printf '%s\n' "$packages" >"$1/node_modules/.stamp"
}
