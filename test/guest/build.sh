#!/bin/bash
# Compiles test/guest/**/*.c that are newer than their program into ${GUEST_BIN:-build/guest}; the Makefile does the same.
cd "$(dirname "$0")/../.." || exit 1
out=${GUEST_BIN:-build/guest}
rc=0
while read -r src; do
    bin=$out/${src#test/guest/}
    bin=${bin%.c}
    [ "$bin" -nt "$src" ] && [ "$bin" -nt test/guest/guest.h ] && continue
    mkdir -p "$(dirname "$bin")"
    static=
    head -3 "$src" | grep -q '^// guest:.*static' && static=-static
    # shellcheck disable=SC2086
    ${CC:-gcc} -O1 -g -Wall -pthread -I test/guest $static "$src" -o "$bin" || rc=1
done < <(find test/guest -name '*.c' | sort)
exit $rc
