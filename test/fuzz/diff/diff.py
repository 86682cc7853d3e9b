#!/usr/bin/env python3
# diff.py [FIRST [COUNT]]: runs the sequences of sequences.c natively, in a fresh directory of a tmpfs, and in sbx, and prints each that differs
# reduced to the calls that it takes. SBX and SEQUENCES name the binaries. Ends with `N passed, N failed`.
import os, subprocess, sys, tempfile

sbx, sequences = os.environ.get("SBX", "build/sbx"), os.path.realpath(os.environ.get("SEQUENCES", "build/sequences"))
first, count = (int(a) for a in (sys.argv[1:] + ["1", "20000"])[:2]) if len(sys.argv) != 2 else (int(sys.argv[1]), 20000)
CALLS, BATCH, SHOWN = 40, 2000, 12
here = tempfile.mkdtemp(dir="/dev/shm")


def native(*args):
    return subprocess.run([sequences, here, *map(str, args)], stdout=subprocess.PIPE, text=True, errors="replace").stdout


def inside(*args):
    command = [sbx, "run", "--tmpfs", "/mnt:64M", "--", sequences, "/mnt", *map(str, args)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace").stdout


def differs(number, mask):
    return native(number, 1, f"{mask:x}") != inside(number, 1, f"{mask:x}")


def reduce(number):
    mask = (1 << CALLS) - 1
    chunk = CALLS // 2
    while chunk:
        for start in range(0, CALLS, chunk):
            less = mask & ~(((1 << chunk) - 1) << start)
            if less != mask and differs(number, less):
                mask = less
        chunk //= 2
    return mask


failed, seen = 0, set()
try:
    for start in range(first, first + count, BATCH):
        n = min(BATCH, first + count - start)
        a, b = native(start, n).splitlines(), inside(start, n).splitlines()
        for i in range(n):
            if i < len(b) and a[i] == b[i]:
                continue
            failed += 1
            if len(seen) >= SHOWN:
                continue
            number = start + i
            mask = reduce(number)
            ours, theirs = inside(number, 1, f"{mask:x}").splitlines(), native(number, 1, f"{mask:x}").splitlines()
            # One sequence shows what many have: the first call that differs, without its numbers.
            at = next((k for k in range(len(theirs)) if ours[k:k + 1] != theirs[k:k + 1]), len(theirs) - 1)
            kind = theirs[at].split(maxsplit=1)[-1].split("(")[0] + theirs[at].split(" = ")[-1] + (ours[at] if at < len(ours) else "").split(" = ")[-1]
            if kind in seen:
                continue
            seen.add(kind)
            print(f"FAIL sequence {number} {mask:x}:", *theirs[:at + 1], f"   sbx: {ours[at] if at < len(ours) else 'nothing'}", sep="\n    ", flush=True)
            if i >= len(b):
                break
finally:
    subprocess.run(["rm", "-rf", here])
print(f"{count - failed} passed, {failed} failed")
sys.exit(failed != 0)
