#!/bin/bash
# test.sh SUITE...: runs suites of tests (unit, guest, cli, apps, hostile, host) and adds up what they report. Called by `make test` and its parts, which
# build what the suites need and set SBX, BUILD and GUEST_BIN.
# A suite ends with a line `N passed, N failed` (more may follow on it) and an exit status. The last line here is the same, over all suites.
# PLATFORMS chooses what the guest suite runs on: native and platforms of sbx. A suite that has not ended after SUITE_TIMEOUT seconds (900) has failed.
cd "$(dirname "$0")/.." || exit 2
export SBX GUEST_BIN
BUILD=${BUILD:-build}
passed=0 failed=0 suites=()
log=$(mktemp) || exit 2
trap 'rm -rf "$log" "$log.d"' EXIT

run() { # NAME COMMAND...
    local name=$1 rc p f start=$SECONDS
    shift
    echo "== $name"
    tools/within.sh "${SUITE_TIMEOUT:-900}" "$@" | tee "$log"
    rc=${PIPESTATUS[0]}
    read -r p f < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed.*/\1 \2/p; s/^\[doctest\] test cases: .*\| *([0-9]+) passed \| *([0-9]+) failed.*/\1 \2/p' "$log" | tail -n 1)
    # A suite that dies, or says nothing, has failed even if no test of it did.
    if [ -z "$p" ] || { [ "$rc" != 0 ] && [ "$f" = 0 ]; }; then
        echo "$name: ended with status $rc without reporting a failure"
        p=${p:-0} f=$((${f:-0} + 1))
    fi
    passed=$((passed + p)) failed=$((failed + f))
    suites+=("$(printf '%-16s %6d passed, %3d failed  (%d s)' "$name" "$p" "$f" $((SECONDS - start)))")
}

# Native first: a test that fails there is a wrong test. Then each platform that this tree has and this host can run.
platforms() {
    local p
    if [ -n "$PLATFORMS" ]; then
        echo "$PLATFORMS"
        return
    fi
    echo native
    for p in ptrace systrap kvm; do
        [ -d platform/$p ] || continue
        [ $p = systrap ] && { echo "systrap is tried, not relied on yet: PLATFORMS=systrap tests it" >&2; continue; }
        [ $p = kvm ] && [ ! -w /dev/kvm ] && { echo "no /dev/kvm to write to: kvm is not tested" >&2; continue; }
        echo $p
    done
}

# With the suite host, those before it run an sbx that notes which rows of its filter it uses.
export HOST_CALLS=$(realpath -m "$BUILD/host-calls") HOST_STATE=
if [[ " $* " == *" host "* && $# -gt 1 && -z $T && -z $PLATFORMS && -x $HOST_CALLS && -x $SBX ]]; then
    mkdir "$log.d" && chmod 755 "$log.d" || exit 2
    HOST_STATE=$log.d/rows
    : >"$HOST_STATE" && chmod 666 "$HOST_STATE"
    cp "$HOST_CALLS" "$log.d/sbx" && printf '%s\n' "$HOST_STATE" "$SBX" >"$log.d/sbx.census"
    SBX=$log.d/sbx
fi

for suite; do
    case $suite in
    unit) [ -x "$BUILD/unit-test" ] && run unit "$BUILD/unit-test" ${T:+-tc="*$T*"} ;;
    guest) [ -x test/guest/run.sh ] && for p in $(platforms); do run "guest/$p" test/guest/run.sh "$p" ${T:+"$T"}; done ;;
    state) run guest/state test/guest/run.sh state ${T:+"$T"} ;;
    *) [ -x "test/$suite/run.sh" ] && run "$suite" "test/$suite/run.sh" ${T:+"$T"} ;;
    esac
done
[ ${#suites[@]} -gt 1 ] && printf '%s\n' "" "${suites[@]}"
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
