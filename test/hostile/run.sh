#!/bin/bash
# run.sh [REGEX]: runs the hostile programs that REGEX chooses (run.py); called by `make test-hostile`.
here=$(dirname "$0")
BOMBS=${GUEST_BIN:+$GUEST_BIN/../hostile/bombs} exec python3 "$here/run.py" "$@"
