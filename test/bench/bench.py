#!/usr/bin/env python3
# bench.py [-n ROUNDS] [-o FILE] [ROW...]: measures sbx beside what does its job otherwise, and prints a table; FILE gets all of it in JSON.
#
# WORK names the program of work.c, SBX the sbx. What is measured is data: ROWS are what is done, COLUMNS where, LIMITS what must hold.
# A round measures each cell of a row once, one column after the other, so that a noisy minute hits all of them; a cell is the
# median of its rounds. The exit status is 1 if a limit does not hold.
import argparse, json, os, platform, shutil, statistics, subprocess, sys, time

SBX = os.environ.get("SBX", "build/sbx")
WORK = os.environ.get("WORK", "build/bench/work")

# A column: how a command gets there. One whose program is not on this machine is left out.
COLUMNS = {
    "native": [],
    "sysemu": [WORK, "sysemu"],  # the least that a tracer can cost; for rows of `work` that it knows
    "bwrap": ["bwrap", "--ro-bind", "/", "/"],
    "proot": ["proot", "-R", "/"],
    "runsc": ["runsc", "--rootless", "--network=none", "do"],
    "ptrace": [SBX, "run", "-q", "--platform", "ptrace", "--"],
    "systrap": [SBX, "run", "-q", "--platform", "systrap", "--"],
    "kvm": [SBX, "run", "-q", "--platform", "kvm", "--"],
}


def says_itself(prefix, command):
    """The program prints the nanoseconds that one unit took."""
    if prefix[-1:] == ["sysemu"]:
        command = command[1:]
    done = subprocess.run(prefix + command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True, timeout=300)
    return float(done.stdout)


def whole_run(prefix, command):
    """Nanoseconds from start to end of the command."""
    times = []
    for _ in range(10):
        start = time.monotonic_ns()
        subprocess.run(prefix + command, stdin=subprocess.DEVNULL, check=True, timeout=60)
        times.append(time.monotonic_ns() - start)
    return statistics.median(times)


def memory_around(prefix, command):
    """Bytes (PSS) of all processes that a command brought along, once it waits for input."""
    p = subprocess.Popen(prefix + command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        p.stdin.write(b"echo ready\n")
        p.stdin.flush()
        if p.stdout.readline() != b"ready\n":
            raise RuntimeError("the shell does not answer")
        time.sleep(0.3)  # what happens after the answer, as the making of spare processes
        return sum(pss(pid) for pid in descendants(p.pid))
    finally:
        p.stdin.close()
        p.wait(timeout=60)


def descendants(root):
    found = [root]
    for pid in found:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                found += [int(c) for c in f.read().split()]
    return found


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))


# name: how, what, the columns it makes sense in, (unit, how many make one), what it is
TRACED = ["native", "bwrap", "proot", "runsc", "ptrace", "systrap", "kvm"]
ROWS = {
    "compute": (says_itself, [WORK, "compute"], TRACED, ("us", 1e3), "user code that makes no calls, 1000 rounds"),
    "call": (says_itself, [WORK, "call"], ["native", "sysemu"] + TRACED[1:], ("us", 1e3), "getppid(2)"),
    "fork_exec": (says_itself, [WORK, "fork_exec"], TRACED, ("ms", 1e6), "fork, execve, exit and wait of a dynamic program"),
    "start": (whole_run, ["true"], TRACED, ("ms", 1e6), "a whole run of true"),
    "memory": (memory_around, ["sh"], TRACED, ("MB", 1e6), "of all processes around an idle shell"),
}

# row, column, by which column's value it is divided (or none: in the row's unit), the most it may be
LIMITS = [
    ("compute", "ptrace", "native", 1.03),
    ("call", "ptrace", "sysemu", 1.5),
    ("start", "ptrace", "bwrap", 6),
    ("memory", "ptrace", None, 12),
]


def available():
    """The columns of this machine, with the reason for each that is not."""
    columns, absent = [], {}
    for name, prefix in COLUMNS.items():
        reason = None
        if prefix and not shutil.which(prefix[0]):
            reason = f"no {prefix[0]} here"
        elif prefix and prefix[0] != WORK:
            tried = subprocess.run(prefix + ["true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            if tried.returncode != 0:
                reason = (tried.stderr.decode(errors="replace").strip() or "does not run").splitlines()[0]
        if reason:
            absent[name] = reason
        else:
            columns.append(name)
    return columns, absent


def measure(names, columns, rounds):
    cells = {name: {c: [] for c in ROWS[name][2] if c in columns} for name in names}
    for _ in range(rounds):
        for name in names:
            how, command, _, (_, scale), _ = ROWS[name]
            for column, values in cells[name].items():
                values.append(how(COLUMNS[column], command) / scale)
    return cells


def judge(medians):
    """Each limit of what was measured: (row, what, value, most, whether it holds)."""
    judged = []
    for row, column, by, most in LIMITS:
        cells = medians.get(row, {})
        if column not in cells or (by and by not in cells):
            continue
        value = cells[column] / (cells[by] if by else 1)
        judged.append((row, f"{column}/{by}" if by else column, value, most, value <= most))
    return judged


def main():
    parser = argparse.ArgumentParser(usage="bench.py [-n ROUNDS] [-o FILE] [ROW...]")
    parser.add_argument("-n", type=int, default=5)
    parser.add_argument("-o")
    parser.add_argument("rows", nargs="*")
    args = parser.parse_args()
    unknown = [r for r in args.rows if r not in ROWS]
    if unknown or args.n < 1:
        parser.error(f"no such row: {unknown[0]}; there are {', '.join(ROWS)}" if unknown else "-n takes a number from 1")
    names = args.rows or list(ROWS)
    columns, absent = available()
    cells = measure(names, columns, args.n)
    medians = {name: {c: statistics.median(v) for c, v in row.items()} for name, row in cells.items()}
    judged = judge(medians)

    shown = [c for c in columns if any(c in medians[n] for n in names)]
    print(f"{'':12}{'':5}" + "".join(f"{c:>10}" for c in shown))
    for name in names:
        values = "".join(f"{medians[name][c]:>10.3f}" if c in medians[name] else f"{'-':>10}" for c in shown)
        print(f"{name:12}{ROWS[name][3][0]:5}{values}   {ROWS[name][4]}")
    for row, what, value, most, holds in judged:
        print(f"{row}: {what} is {value:.2f}, at most {most}: {'ok' if holds else 'OVER'}")
    for name, reason in absent.items():
        print(f"not measured: {name}: {reason}")
    if args.o:
        with open(args.o, "w") as f:
            json.dump({
                "host": {"kernel": platform.release(), "cpus": os.cpu_count()},
                "rows": {n: {"unit": ROWS[n][3][0], "what": ROWS[n][4], "median": medians[n], "rounds": cells[n]} for n in names},
                "limits": [dict(zip(("row", "what", "value", "most", "holds"), j)) for j in judged],
                "not_measured": absent,
            }, f, indent=1)
            f.write("\n")
    return 0 if all(j[4] for j in judged) else 1


sys.exit(main())
