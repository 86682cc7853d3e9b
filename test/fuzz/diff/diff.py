#!/usr/bin/env python3
# diff.py [FIRST [COUNT]]: runs the sequences of sequences.c natively, in a fresh directory of a tmpfs, and in sbx, and prints each that differs
# reduced to the calls that it takes. One that `known` explains is counted, and not a failure. SBX and SEQUENCES name the binaries. Ends with
# `N passed, N failed`.
import collections, os, re, subprocess, sys, tempfile

sbx, sequences = os.environ.get("SBX", "build/sbx"), os.path.realpath(os.environ.get("SEQUENCES", "build/sequences"))
first, count = (int(a) for a in (sys.argv[1:] + ["1", "20000"])[:2]) if len(sys.argv) != 2 else (int(sys.argv[1]), 20000)
CALLS, BATCH, SHOWN = 40, 1000, 12
here = tempfile.mkdtemp(dir="/dev/shm")
known = []
for line in open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "known")):
    if line.strip() and not line.startswith("#"):
        pattern, reason = re.split(r"\s+# ", line.strip(), 1)
        known.append((re.compile(pattern), reason))


def native(*args):
    return subprocess.run([sequences, here, *map(str, args)], stdout=subprocess.PIPE, text=True, errors="replace").stdout


def inside(*args):
    command = [sbx, "run", "--tmpfs", "/mnt:64M", "--", sequences, "/mnt", *map(str, args)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace").stdout


def compare(number, mask):
    """The calls up to the first that differs, natively, and what sbx has for it; None if none does."""
    theirs, ours = native(number, 1, f"{mask:x}").splitlines(), inside(number, 1, f"{mask:x}").splitlines()
    if ours == theirs:
        return None
    at = next((k for k in range(len(theirs)) if ours[k:k + 1] != theirs[k:k + 1]), len(theirs) - 1)
    return theirs[:at + 1], ours[at] if at < len(ours) else "nothing"


def kind(found):
    """What many sequences have in common: the call, and what each side returned, without numbers."""
    theirs, ours = re.sub(r"^\s*\d+ ", "", found[0][-1]), re.sub(r"^\s*\d+ ", "", found[1])
    return f"{theirs} | {ours}"


def general(text):
    return re.sub(r"0x[0-9a-f]+|\b[0-9a-f]*[0-9][0-9a-f]*\b", "N", text)


def reduce(number):
    mask = (1 << CALLS) - 1
    chunk = CALLS // 2
    while chunk:
        for start in range(0, CALLS, chunk):
            less = mask & ~(((1 << chunk) - 1) << start)
            if less != mask and compare(number, less):
                mask = less
        chunk //= 2
    return mask


failed, explained, seen = 0, collections.Counter(), collections.Counter()
try:
    for start in range(first, first + count, BATCH):
        n = min(BATCH, first + count - start)
        a, b = native(start, n).splitlines(), inside(start, n).splitlines()
        for i in range(n):
            if i < len(b) and a[i] == b[i]:
                continue
            number, mask = start + i, (1 << CALLS) - 1
            found = compare(number, mask)
            if not found:
                # Alone it does not differ: something was left over from one before it.
                failed += 1
                print(f"FAIL sequence {number}: only after those from {start} on", flush=True)
                break
            if general(kind(found)) not in seen and len(seen) < SHOWN:
                mask = reduce(number)
                found = compare(number, mask) or found
            reason = next((reason for pattern, reason in known if pattern.search(kind(found))), None)
            if reason:
                explained[reason] += 1
                continue
            failed += 1
            seen[general(kind(found))] += 1
            if len(seen) <= SHOWN and seen[general(kind(found))] == 1:
                print(f"FAIL sequence {number} {mask:x}:", *found[0], f"   sbx: {found[1]}", sep="\n    ", flush=True)
            if i >= len(b):
                break
finally:
    subprocess.run(["rm", "-rf", here])
for what, n in (explained + seen).most_common():
    print(f"{n} sequences: {what}")
print(f"{count - failed} passed, {failed} failed")
sys.exit(failed != 0)
