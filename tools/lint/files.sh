#!/bin/bash
# Checks the shape of files: a first line that says what the file is, and no more than 1,200 lines; and that the lists to which every
# branch adds lines are sorted, without a name twice. `make lint` passes all sources.
bad=0
awk '
FNR == 1 { first = $0; if (first ~ /^#!/) next; if (first !~ /^[ \t]*(\/\/|\/\*|#)/) no_comment(FILENAME, 1) }
FNR == 2 && first ~ /^#!/ && !/^#/ { no_comment(FILENAME, 2) }
FNR == 1201 { print FILENAME ":1201: longer than 1,200 lines: split it"; bad++ }
/<<<<<<< |>>>>>>> / && /^[<>]/ { print FILENAME ":" FNR ": a conflict marker"; bad++ }
function no_comment(file, line) { print file ":" line ": begins without a comment that says what the file is"; bad++ }
END { exit bad > 0 }' "$@" || bad=1
for list in syscalls/families.inc; do
    disorder=$(grep '^X(' "$list" | LC_ALL=C sort -cu 2>&1) || { echo "$list: not sorted, or twice in it: ${disorder##*: }"; bad=1; }
done
exit $bad
