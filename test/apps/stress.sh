#!/bin/bash
# The stressors of stress-ng, natively and in a sandbox, as an ordinary user: what passes natively must pass inside.
#
#   stress.sh [-k REGEX] [-s SECONDS] [-o LOGDIR] SBX [ARGS...]      e.g. stress.sh build/sbx run --
#
# Prints a line a stressor: ok, fail, known (listed in stress.exceptions, with the reason), listed (passes although it is listed), skip
# (does not pass natively, or finds nothing to do there). Fails if there is a `fail`, a `listed`, or a sandbox that ends with 125.
# A stressor passes when stress-ng ends with 0 and counted operations. Run as root, it becomes nobody.
set -u
here=$(dirname "$(readlink -f "$0")")
classes="cpu memory vm pipe scheduler interrupt filesystem os"
harmful="resources" # takes all of the host's disk, natively
only=. seconds=2 logs=${TMPDIR:-/tmp}/stress-logs
while getopts k:s:o: o; do
	case $o in k) only=$OPTARG ;; s) seconds=$OPTARG ;; o) logs=$OPTARG ;; *) exit 2 ;; esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { echo "usage: stress.sh [-k REGEX] [-s SECONDS] [-o LOGDIR] SBX [ARGS...]" >&2; exit 2; }
command -v stress-ng >/dev/null || { echo "stress.sh: stress-ng is not installed" >&2; exit 2; }

user=()
[ "$(id -u)" -eq 0 ] && user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
mkdir -p "$logs" || exit 2
dir=$(mktemp -d "${TMPDIR:-/tmp}/stress.XXXXXX") || exit 2
trap 'rm -rf "$dir"' EXIT
chmod 1777 "$dir"

# run LOG COMMAND...: 0 if the stressor $name passes under that command
run() {
	local log=$1
	shift
	(cd "$dir" && exec timeout -k 5 30 "${user[@]}" "$@" stress-ng --temp-path "$dir" "--$name" 1 -t "$seconds" --verify --oomable \
		--metrics-brief) </dev/null >"$log" 2>&1
	status=$?
	[ $status -eq 0 ] && awk -v n="$name" '$2 == "metrc:" && $4 == n && NF > 8 && $5 > 0 { found = 1 } END { exit !found }' "$log"
}

passed=0 failed=0 known=0 skipped=0
for name in $(for c in $classes; do stress-ng --class "$c?" 2>&1 | sed 's/^[^:]*: //'; done | tr ' ' '\n' | sort -u); do
	[[ $name =~ $only && " $harmful " != *" $name "* ]] || continue
	reason=$(awk -v n="$name" '$1 == n { sub(/^[^ \t]+[ \t]+/, ""); print }' "$here/stress.exceptions")
	if ! run "$logs/$name.native"; then
		echo "$name skip"
		skipped=$((skipped + 1))
	elif run "$logs/$name.sandbox" "$@"; then
		[ -z "$reason" ] && echo "$name ok" || echo "$name listed: $reason"
		[ -z "$reason" ] && passed=$((passed + 1)) || failed=$((failed + 1))
	elif [ $status -ne 125 ] && [ -n "$reason" ]; then
		echo "$name known: $reason"
		known=$((known + 1))
	else
		echo "$name fail ($status)"
		failed=$((failed + 1))
	fi
	rm -rf "${dir:?}"/*
done
echo "$passed passed, $failed failed ($known known, $skipped skipped)"
[ $failed -eq 0 ]
