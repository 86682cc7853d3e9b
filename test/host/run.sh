#!/bin/bash
# What sbx asks of its host: which rows of the filter the suites before this one used (HOST_STATE, from tools/test.sh). SBX and HOST_CALLS name the binaries, GUEST_BIN the directory of the guest tests.
cd "$(dirname "$0")/../.." || exit 2
passed=0 failed=0
add() { # COMMAND...: one that ends with `N passed, N failed`
    local out p f
    out=$("$@" 2>&1)
    read -r p f < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed.*/\1 \2/p' <<<"$out" | tail -n 1)
    passed=$((passed + ${p:-0})) failed=$((failed + ${f:-1}))
    sed '$d' <<<"$out"
}

# The guest tests of files again, on files of the host. Not dir/acl: of ACLs of host files only the host knows, and the sentry checks modes.
files=$(mktemp -d) && chmod 1777 "$files" || exit 2
trap 'rm -rf "$files"' EXIT
SBX_ARGS="--rw $files -e TMPDIR=$files" add test/guest/run.sh ptrace '^(file/|dir/(inotify|names|stat|xattr)\b|mm/file_map\b)'
# Memory and threads that the host refuses, and what it cannot say of memory; `make faults` has all else. Through the sbx itself: a call has one watcher.
real=$SBX
[ -f "$SBX.census" ] && real=$(sed -n 2p "$SBX.census")
SBX=$real VICTIM=${HOST_CALLS%/*}/victim add test/host/faults.py --call '^(mmap|clone|lseek)$'
SBX=$real add test/host/crash.py
if [ -n "$HOST_STATE" ]; then
    add "$HOST_CALLS" unused "$HOST_STATE"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
