#!/bin/bash
# run.sh PLATFORM [REGEX]: runs the guest tests natively (PLATFORM native) or inside sbx, and holds the results against
# test/guest/known-failures.PLATFORM. Programs come from ${GUEST_BIN:-build/guest}; SBX is the sbx to use, SBX_ARGS more
# options of its run, GUEST_NOFORK=1 runs each sub-test without fork, GUEST_JOBS how many at a time (2), GUEST_TIMEOUT seconds for each program (40),
# GUEST_SLOW=N times all limits inside and that.
# PLATFORM state: on the platform that there is, each program saved and loaded STATE_SAVES times (3) on its way, at random times from STATE_SEED. What
# test/guest/state.skip names is left out.
# The exit status is 0 when nothing failed that was not known to, and nothing passed that was known to fail.
usage() { echo "usage: $0 native|ptrace|systrap|kvm|state [REGEX]" >&2; exit 2; }
[ $# -ge 1 ] && [ $# -le 2 ] || usage
platform=$1 regex=${2:-.}
case $platform in native|auto|ptrace|systrap|kvm|state) ;; *) usage ;; esac
cd "$(dirname "$0")/../.." || exit 2
host=$platform
if [ "$platform" = state ]; then
    host=auto seed=${STATE_SEED:-$((RANDOM * 32768 + RANDOM))} saves=${STATE_SAVES:-3}
    SBX_ARGS+=" -s checkpoint.exercise=$saves -s checkpoint.seed=$seed"
    echo "$saves saves of each program; STATE_SEED=$seed"
fi
top=$PWD
bin=$(realpath -m "${GUEST_BIN:-build/guest}")
sbx=${SBX:-$top/build/sbx}
if [ "$platform" != native ] && [ ! -x "$sbx" ]; then
    echo "run.sh: no $sbx" >&2
    exit 2
fi
if [ -z "$GUEST_BIN" ]; then
    while read -r src; do
        b=${src#test/guest/} b=$bin/${b%.c}
        [ -x "$b" ] || { test/guest/build.sh || exit 2; break; }
    done < <(find test/guest -name '*.c')
fi
work=$(mktemp -d) || exit 2
trap 'chmod -R u+rwx "$work" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# "name why" and "name:subtest why"; # starts a comment.
known=$work/known
failures=test/guest/known-failures.${platform/#state/ptrace}
[ -f "$failures" ] && sed 's/#.*//' "$failures" >"$work/k0" || : >"$work/k0"
awk 'NF { print $1 }' "$work/k0" >"$known"

run_one() { # NAME: writes NAME.out and NAME.rc below $work
    local name=$1 out=$work/out/${1//\//+} prog=$bin/$1 cmd src=$top/test/guest/$1.c
    if head -3 "$src" | grep -q '^// guest:.*root' && [ "$(id -u)" != 0 ]; then
        echo "needs root" >"$out.skip"
        return
    fi
    if [ "$platform" = state ] && grep -m1 "^$name " test/guest/state.skip | cut -d' ' -f2- >"$out.skip" && [ -s "$out.skip" ]; then return; fi
    rm -f "$out.skip"
    if [ "$platform" = native ]; then
        cmd=("$prog")
    else
        # shellcheck disable=SC2206
        cmd=("$sbx" run -q --platform "$host" $SBX_ARGS -- "$prog")
    fi
    if grep -q 'guest\.h"' "$src"; then
        if [ -n "$GUEST_NOFORK" ]; then # each sub-test in a run of its own, without fork: for a kernel that has none yet
            local sub rc ok=1 total=0
            for sub in $("$prog" --list); do
                timeout -k 2 $((10 * ${GUEST_SLOW:-1})) "${cmd[@]}" --nofork "$sub" >"$out.sub" 2>>"$out.err" </dev/null
                rc=$?
                case $rc in
                0) echo "pass $sub"; total=$((total + $(sed -n 's/^ok: \([0-9]*\).*/\1/p' "$out.sub" | tail -n 1))) ;;
                102) echo "skip $sub" ;;
                *) echo "fail $sub"; ok=0; echo "$sub: exit status $rc" >>"$out.err" ;;
                esac
            done >"$out.out"
            [ $ok = 1 ] && echo "ok: $total assertions" >>"$out.out"
            echo $((1 - ok)) >"$out.rc"
            return
        fi
        cmd+=(--results)
    fi
    timeout -k 2 $((${GUEST_TIMEOUT:-40} * ${GUEST_SLOW:-1})) "${cmd[@]}" >"$out.out" 2>"$out.err" </dev/null
    echo $? >"$out.rc"
}
export -f run_one
export work bin platform host sbx top SBX_ARGS GUEST_TIMEOUT GUEST_SLOW GUEST_NOFORK
mkdir "$work/out"
find test/guest -name '*.c' | sed 's,^test/guest/,,; s,\.c$,,' | sort | grep -E -- "$regex" >"$work/names"
if [ ! -s "$work/names" ]; then
    echo "run.sh: no test matches $regex" >&2
    exit 2
fi
xargs -P "${GUEST_JOBS:-2}" -I{} bash -c 'run_one "$1"' _ {} <"$work/names"

passed=0 failed=0 skipped=0 assertions=0 expected=0
is_known() { grep -qxF -- "$1" "$known"; }
while read -r name; do
    out=$work/out/${name//\//+}
    if [ -f "$out.skip" ]; then
        echo "skip $name: $(cat "$out.skip")"
        skipped=$((skipped + 1))
        continue
    fi
    rc=$(cat "$out.rc" 2>/dev/null || echo 255)
    last=$(tail -n 1 "$out.out" | tr -d '\0')
    case $last in "ok: "*) n=${last#ok: } n=${n%% *} assertions=$((assertions + n)) ;; esac
    bad= subfailed=0
    while read -r verdict sub reason; do
        case $verdict in
        pass) if is_known "$name:$sub"; then
                  bad+=" unexpected-pass:$sub"
                  failed=$((failed + 1))
              else
                  passed=$((passed + 1))
              fi ;;
        skip) skipped=$((skipped + 1))
              echo "skip $name:$sub: $reason" ;;
        fail) subfailed=1
              if is_known "$name:$sub" || is_known "$name"; then
                  expected=$((expected + 1))
              else
                  bad+=" $sub"
                  failed=$((failed + 1))
              fi ;;
        esac
    done < <(grep -aE '^(pass|skip|fail) ' "$out.out")
    # The program as a whole: ended as it should, with its last line?
    whole=1
    [[ $rc = 0 && $last = "ok: "* ]] && whole=0
    if [ $whole = 1 ] && [ $subfailed = 0 ]; then
        if is_known "$name"; then
            expected=$((expected + 1))
        else
            bad+=" (the program: exit status $rc$([ "$rc" = 124 ] && echo ', timed out'))"
            failed=$((failed + 1))
        fi
    elif [ $whole = 0 ] && is_known "$name"; then
        bad+=" unexpected-pass"
        failed=$((failed + 1))
    elif [ $whole = 0 ] && ! grep -qaE '^(pass|skip|fail) ' "$out.out"; then
        passed=$((passed + 1))
    fi
    if [ -n "$bad" ]; then
        echo "FAIL $name:$bad"
        { cat "$out.err"; grep -avE '^(pass|skip|fail) ' "$out.out"; } | tail -n 20 | sed 's/^/    /'
    fi
done <"$work/names"
echo "$assertions assertions, $expected known failures"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
