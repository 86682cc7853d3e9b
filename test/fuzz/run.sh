#!/bin/sh
# run.sh DIR NAME [SECONDS]: runs a target of libFuzzer over its corpus and beyond; what it finds is kept in DIR/found.
set -e
here=$(dirname "$0")
mkdir -p "$1/found" "$1/corpus/$2" "$here/corpus/$2"
exec nice -n 19 "$1/$2" -max_total_time="${3:-60}" -rss_limit_mb=4096 -timeout=20 -artifact_prefix="$1/found/$2-" -print_final_stats=1 "$1/corpus/$2" "$here/corpus/$2"
