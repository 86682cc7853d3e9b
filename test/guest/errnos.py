#!/usr/bin/env python3
"""errnos.py [MANDIR]: which documented errors no guest test provokes. Called by `make errnos`.

Runs the guest tests inside sbx with --trace, and prints for each page in section 2 of MANDIR (/usr/share/man, from Debian's manpages-dev)
about system calls that sbx has the errors that none of the calls gave, but for those that errnos.reasons gives a reason for. What is left
needs a test. SBX and GUEST_BIN as for run.sh.
"""
import errno, gzip, os, re, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
SBX = os.environ.get("SBX", str(HERE.parent.parent / "build/sbx"))
BIN = Path(os.environ.get("GUEST_BIN", HERE.parent.parent / "build/guest")).resolve()
PAGES = {"pread64": "pread", "pwrite64": "pwrite", "newfstatat": "fstatat", "pselect6": "select", "exit_group": "_exit"}
SAME = {"ENOTSUP": "EOPNOTSUPP", "EWOULDBLOCK": "EAGAIN"}
LINE = re.compile(rb"\] (\w+)\(.*\) = (?:-1|\?) (E[A-Z0-9]+)")


def page(man, name):
    for suffix in ".gz", "":
        path = man / "man2" / f"{name}.2{suffix}"
        if path.exists():
            text = (gzip.open if suffix else open)(path, "rt", errors="replace").read()
            other = re.match(r"\.so man2/(\S+)\.2", text)
            return page(man, other.group(1)) if other else text
    return None


def reasons():
    """The pairs of call and error that have one; call `*` for all."""
    pairs = set()
    for line in (HERE / "errnos.reasons").read_text().splitlines():
        if line and not line.startswith("#"):
            call, errors, _ = line.split(": ", 2)
            pairs |= {(call, e) for e in errors.split()}
    return pairs


def documented(text):
    errors = []
    for section in re.findall(r"\n\.SH ERRORS\n(.*?)(?=\n\.SH |\Z)", text, re.S):
        for line in re.findall(r"(?m)^\.BR? (\"?E[A-Z0-9].*)$", section):
            errors += [SAME.get(e, e) for e in re.findall(r"\bE[A-Z0-9]+\b", line) if hasattr(errno, e) or e.startswith("ERESTART")]
    return dict.fromkeys(errors)


def provoked(program):
    with tempfile.TemporaryFile() as out:
        try:
            subprocess.run([SBX, "run", "-q", "--trace", "--", program], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=out,
                           timeout=300, env={**os.environ, "GUEST_SLOW": "10"})
        except subprocess.TimeoutExpired:
            print(f"{program}: not done after 300 s", file=sys.stderr)
        out.seek(0)
        pairs = set()
        for line in out:
            if m := LINE.search(line):
                call, error = m.group(1).decode(), m.group(2).decode()
                pairs.add((call, "EINTR" if error.startswith("ERESTART") else SAME.get(error, error)))
        return pairs


def main():
    man = Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/man")
    if not (man / "man2").is_dir():
        sys.exit(f"errnos.py: no pages of section 2 below {man}")
    programs = [p for p in sorted(BIN.glob("*/*")) if p.is_file() and os.access(p, os.X_OK) and p.suffix == ""]
    with ThreadPoolExecutor(2) as pool:
        seen = set().union(*pool.map(provoked, programs))
    pages = {}
    for source in sorted((HERE.parent.parent / "syscalls").glob("*.cc")):
        for name, handler in re.findall(r'\{\d+, "(\w+)", (\w+)', source.read_text()):
            if handler != "nullptr" and source.stem != "absent" and (text := page(man, PAGES.get(name, name))):
                pages.setdefault(text, []).append(name)
    total, explained = 0, reasons()
    for text, names in pages.items():
        missing = [e for e in documented(text) if not any((n, e) in seen or (n, e) in explained for n in [*names, "*"])]
        total += len(missing)
        if missing:
            print(", ".join(names) + ":", *missing)
    print(f"{len(seen)} errors of calls provoked, {total} documented ones not, {len(explained)} for a reason")


main()
