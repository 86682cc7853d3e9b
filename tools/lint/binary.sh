#!/bin/bash
# Checks what is promised of the executable: static, position-independent, hardened, at most 6 MB when stripped. `make check-binary`.
set -u
exe=$1 bad=0
say() { echo "$exe: $*"; bad=1; }
headers=$(readelf -hldW "$exe") || exit 1
grep -q 'Type: *DYN' <<<"$headers" || say "not position-independent"
grep -q '(NEEDED)\|INTERP' <<<"$headers" && say "not static"
grep -q 'GNU_RELRO' <<<"$headers" || say "no RELRO"
grep -q 'TEXTREL' <<<"$headers" && say "text relocations"
grep -Eq 'LOAD .* RWE ' <<<"$headers" && say "a segment that is writable and executable"
grep -Eq 'GNU_STACK .* RW +0x' <<<"$headers" || say "an executable stack"
strip -o "$exe.stripped" "$exe" || bad=1
size=$(stat -c %s "$exe.stripped")
[ "$size" -le $((6 << 20)) ] || say "$size bytes when stripped, more than 6 MB"
exit $bad
