#!/usr/bin/env python3
# diff.py [FIRST [COUNT]]: runs the sequences of sequences.c natively, in a fresh directory of a tmpfs, and in sbx, and prints each that differs
# reduced to the calls that it takes. One that `known` explains is counted, and not a failure. SBX and SEQUENCES name the binaries. Ends with
# `N passed, N failed`.
import collections, os, re, subprocess, sys, tempfile

sbx, sequences = os.environ.get("SBX", "build/sbx"), os.path.realpath(os.environ.get("SEQUENCES", "build/sequences"))
first, count = (int(a) for a in (sys.argv[1:] + ["1", "20000"])[:2]) if len(sys.argv) != 2 else (int(sys.argv[1]), 20000)
CALLS, BATCH, SHOWN = 40, 2000, 40
ALL = (1 << CALLS) - 1
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


def shown(run, wanted):
    """The lines of each (number, mask) that is wanted. One that got stuck ended its run, and the others go on without it."""
    found, left = [], list(wanted)
    while left:
        lines, before = [], len(left)
        for line in run("-v", *(f"{number}:{mask:x}" for number, mask in left)).splitlines():
            lines.append(line)
            if left and re.fullmatch(rf"{left[0][0]} ([0-9a-f]+|stuck|ended with [0-9a-f]+)", line):
                found.append(lines)
                lines = []
                left.pop(0)
        if len(left) == before:
            found.append(lines)
            left.pop(0)
    return found


def compare(wanted):
    """For each, the calls up to the first that differs, natively, and what sbx has for it; None if none does."""
    found = []
    for theirs, ours in zip(shown(native, wanted), shown(inside, wanted)):
        at = next((k for k in range(len(theirs)) if ours[k:k + 1] != theirs[k:k + 1]), len(theirs) - 1)
        found.append(None if ours == theirs else (theirs[:at + 1] or ["nothing"], ours[at] if at < len(ours) else "nothing"))
    return found


def hashes(run, start, n):
    """What each said. A run that ends early goes on after the one that ended it."""
    said, at = {}, start
    while at < start + n:
        for line in run(at, start + n - at).splitlines():
            number, _, rest = line.partition(" ")
            said.setdefault(int(number), rest)
        at = max([k for k in said if k >= at], default=at) + 1
    return said


def kind(found):
    """What many sequences have in common: the call, and what each side returned, without numbers."""
    theirs, ours = re.sub(r"^\s*\d+ ", "", found[0][-1]), re.sub(r"^\s*\d+ ", "", found[1])
    return f"{theirs} | {ours}"


def general(text):
    return re.sub(r"0x[0-9a-f]+|\b[0-9a-f]*[0-9][0-9a-f]*\b", "N", text)


def reason_for(found):
    return next((reason for pattern, reason in known if pattern.search(kind(found))), None)


def reduce(number):
    mask = ALL
    chunk = CALLS // 2
    while chunk:
        for start in range(0, CALLS, chunk):
            less = mask & ~(((1 << chunk) - 1) << start)
            if less != mask and compare([(number, less)])[0]:
                mask = less
        chunk //= 2
    return mask


failed, explained, seen = 0, collections.Counter(), collections.Counter()
try:
    for start in range(first, first + count, BATCH):
        n = min(BATCH, first + count - start)
        theirs, ours = hashes(native, start, n), hashes(inside, start, n)
        differ = [k for k in range(start, start + n) if theirs.get(k) != ours.get(k) or k not in theirs]
        for number, found in zip(differ, compare([(k, ALL) for k in differ])):
            mask = ALL
            if not found:
                # Alone it does not differ: something was left over from one before it, or it is decided by time.
                failed += 1
                print(f"FAIL sequence {number}: only after those from {start} on", flush=True)
                continue
            if general(kind(found)) not in seen and len(seen) < SHOWN and not reason_for(found):
                mask = reduce(number)
                found = compare([(number, mask)])[0] or found
            reason = reason_for(found)
            if reason:
                explained[reason] += 1
                continue
            failed += 1
            seen[general(kind(found))] += 1
            if len(seen) <= SHOWN and seen[general(kind(found))] == 1:
                print(f"FAIL sequence {number} {mask:x}:", *found[0], f"   sbx: {found[1]}", sep="\n    ", flush=True)
finally:
    subprocess.run(["rm", "-rf", here])
for what, n in (explained + seen).most_common():
    print(f"{n} sequences: {what}")
print(f"{count - failed} passed, {failed} failed")
sys.exit(failed != 0)
