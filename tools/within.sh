#!/bin/bash
# within.sh SECONDS COMMAND...: runs the command in a session of its own and shows what it writes. Exits with its status, or with 124 when it has not
# ended after so many seconds: then says which processes there are, kills them and goes on, even if they cannot be killed or hold its output open.
limit=$1
shift
log=$(mktemp) || exit 2
trap 'rm -f "$log" "$log.rc"' EXIT
setsid bash -c '"$@"; echo $? >"$0"' "$log.rc" "$@" >"$log" 2>&1 </dev/null &
session=$!
tail -n +1 -f -s 0.2 --pid=$session "$log" &
shown=$!

of_session() { ps -o stat=,pid=,args= -s "$session" | grep -v '^Z' | cut -c1-200; }
kill_all() { # The commands in it may have sessions of their own, which they end when they are told to.
    pkill -TERM -s "$session" && sleep 3
    pkill -KILL -s "$session"
    pkill -KILL -P "$session"
}
trap 'kill_all; exit 130' INT TERM HUP

deadline=$((SECONDS + limit))
while [ ! -s "$log.rc" ] && kill -0 "$session" 2>/dev/null; do
    if [ $SECONDS -ge $deadline ]; then
        sleep 0.5
        kill $shown 2>/dev/null
        echo "within.sh: $* has not ended after $limit s:"
        ps -e -o pid,ppid,sid,stat,etimes,wchan:24,args --forest | grep -v '\]$' | cut -c1-200 | tail -n 60
        kill_all
        exit 124
    fi
    sleep 0.2
done
if [ -n "$(of_session)" ]; then
    sleep 0.3
    left=$(of_session)
    [ -z "$left" ] || { echo "within.sh: left behind by $*:"; echo "$left"; kill_all; }
fi
wait $shown
exit "$(cat "$log.rc" 2>/dev/null || echo 137)"
