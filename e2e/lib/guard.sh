#!/bin/sh
# Ends a gateway whose test was killed before it could: no Postgres and no data stay behind, even
# after kill -9. Started beside each gateway, in a session of its own, with
#   GUARD_PID         the gateway
#   GUARD_DIRECTORY   the temporary directory that holds all its data
# and standard input from the test, which writes `done` when it has cleaned up itself. The end of
# input without it means that the test is gone.
set -u

# When the gateway was started (proc_pid_stat(5), field 22, counted from behind the name, which may have spaces);
# nothing once it has ended.
started() {
    sed 's/^.*) //' "/proc/$GUARD_PID/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'
}
gateway=$(started)

read -r word || word=
[ "$word" != done ] || exit 0

# The number may belong to somebody else by now, who was started later.
alive() {
    if [ -d /proc/self ]; then
        [ -n "$gateway" ] && [ "$(started)" = "$gateway" ]
    else
        kill -0 "$GUARD_PID" 2>/dev/null
    fi
}

signal=INT
tries=0
while alive; do
    [ $((tries % 50)) != 0 ] || kill -"$signal" "$GUARD_PID"
    tries=$((tries + 1))
    # Ten seconds of patience, then none.
    [ "$tries" != 50 ] || signal=KILL
    sleep 0.2
done
rm -rf "$GUARD_DIRECTORY"
