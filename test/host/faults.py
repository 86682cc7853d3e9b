#!/usr/bin/env python3
# faults.py [--all] [--call REGEX] [--part REGEX] [-v]: makes each host call of sbx fail, in turn with each errno that it may have (HALF: it
# moves half of its bytes), the first time, the second, ... that it is made, and looks at what becomes of a small program (victim.c): it must
# go on as if nothing had been, or hear of an error, or end with sbx's message and status 125; never hang, lose or garble data, or take sbx
# down without a word.
# Without --all, a few places of each. SBX, HOST_CALLS and VICTIM name the binaries. Ends with `N passed, N failed`.
import argparse, collections, concurrent.futures, os, re, shutil, struct, subprocess, sys, tempfile

parser = argparse.ArgumentParser()
parser.add_argument("--all", action="store_true")
parser.add_argument("--call", default="")
parser.add_argument("--part", default="")
parser.add_argument("-v", action="store_true", help="every outcome")
options = parser.parse_args()
sbx, host_calls, victim = (os.path.realpath(os.environ[name]) for name in ("SBX", "HOST_CALLS", "VICTIM"))

# What a manual page lists and a host in want or trouble gives; not what only a mistake of the caller's gets (EFAULT, EINVAL, EBADF).
NAMES = "ENOENT EIO ENOMEM ENOSPC EACCES"
ERRNOS = {
    "brk": "ENOMEM", "mmap": "ENOMEM EAGAIN ENFILE", "mprotect": "ENOMEM", "munmap": "ENOMEM", "madvise": "ENOMEM EAGAIN EIO",
    "mincore": "ENOMEM EAGAIN", "clone": "EAGAIN ENOMEM", "futex": "EINTR EAGAIN", "memfd_create": "EMFILE ENFILE ENOMEM",
    "ftruncate": "EINTR EIO ENOSPC", "fallocate": "EINTR EIO ENOSPC EOPNOTSUPP", "read": "EINTR EIO HALF", "write": "EINTR EIO ENOSPC HALF",
    "pread64": "EINTR EIO HALF", "pwrite64": "EINTR EIO ENOSPC HALF", "preadv2": "EINTR EIO EAGAIN HALF", "pwritev2": "EINTR EIO ENOSPC EDQUOT EAGAIN HALF",
    "lseek": "EINVAL EIO", "close": "EINTR EIO", "fstat": "ENOMEM EIO", "statx": "EIO ENOMEM EACCES", "fstatfs": "EINTR EIO ENOSYS",
    "openat2": "EMFILE ENFILE ENOMEM EINTR EAGAIN EIO ENOENT EACCES", "openat": "EMFILE ENFILE ENOMEM EINTR EIO",
    "readlinkat": "EIO ENOMEM EACCES", "getdents64": "EIO ENOENT", "fgetxattr": "EIO EOPNOTSUPP", "464": "EIO ENOSYS", "465": "EIO ENOSYS",
    "fsync": "EIO ENOSPC EDQUOT EINTR", "fdatasync": "EIO ENOSPC EINTR", "syncfs": "EIO ENOSPC", "sync_file_range": "EIO ENOSPC ENOMEM",
    "fcntl": "EINTR EMFILE EAGAIN", "poll": "EINTR ENOMEM", "epoll_create1": "EMFILE ENFILE ENOMEM", "epoll_ctl": "ENOMEM ENOSPC EPERM",
    "epoll_pwait": "EINTR", "eventfd2": "EMFILE ENFILE ENOMEM", "signalfd4": "EMFILE ENFILE ENOMEM", "dup3": "EBUSY EINTR EMFILE",
    "dup2": "EBUSY EINTR", "ioctl": "EIO EINTR", "mkdirat": NAMES + " EDQUOT", "symlinkat": NAMES, "linkat": NAMES + " EMLINK EXDEV",
    "unlinkat": "EIO ENOMEM EBUSY EACCES", "renameat2": NAMES + " EXDEV EBUSY", "fchmod": "EIO EPERM", "452": "EIO EPERM ENOSYS",
    "fchownat": "EIO EPERM", "utimensat": "EIO EPERM", "ptrace": "ESRCH EIO", "wait4": "EINTR", "kill": "ESRCH", "tgkill": "ESRCH",
    "getrandom": "EINTR", "clock_gettime": "", "sched_setaffinity": "EINVAL ESRCH", "getcpu": "ENOSYS", "membarrier": "ENOSYS ENOMEM",
    "adjtimex": "EPERM", "sysinfo": "ENOSYS", "prlimit64": "EPERM", "rt_sigaction": "", "getpid": "", "gettid": "", "seccomp": "ENOMEM EACCES",
    "unshare": "EPERM ENOSPC", "prctl": "EPERM",
}
PARTS = ["files", "processes", "memory", "pipes", "threads"]
FINISHED, ERROR, WRONG = 0, 3, 4
top = tempfile.mkdtemp(dir="/var/tmp")


def run(part, who, call, errno, n, patience=25):
    """The outcome, its text, and how often the call was made."""
    work = tempfile.mkdtemp(dir=top)
    count = work + "/count"
    os.mkdir(work + "/dir")
    command = [host_calls, "fail", who, call, errno, str(n), count, sbx, "run", "--rw", work + "/dir", "--", victim, part, work + "/dir"]
    try:
        process = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=patience, text=True)
        status, out, error = process.returncode, process.stdout, process.stderr
    except subprocess.TimeoutExpired as late:
        status, out, error = "hang", "", (late.stderr or b"").decode()
    made = struct.unpack("Q", open(count, "rb").read(8))[0] if os.path.exists(count) else 0
    shutil.rmtree(work)
    return status, out, error.strip(), made


def judge(status, out, error):
    """What was wrong, or None."""
    message = error.startswith("sbx: ") or "\nsbx: " in error
    if status == "hang":
        return "hangs"
    if status < 0:
        return f"sbx dies of signal {-status}"
    if status == FINISHED:
        return None if out == "ok\n" else "success without its output"
    if status == ERROR:
        return None
    if status == WRONG:
        return "wrong data"
    if message:
        return None
    # Linux has no errno for a page that cannot be had: SIGBUS, SIGSEGV for the stack; or an exit of libc's own start-up.
    if status in (128 + 7, 128 + 11) or (status == 127 and "error while loading shared libraries" in error):
        return None
    return f"status {status} without a message"


def places(made):
    if options.all:
        return range(1, made + 1)
    return sorted({n for n in (1, 2, made // 2, made) if 1 <= n <= made})


def one(case):
    part, who, call, errno, n = case
    result = run(part, who, call, errno, n)
    if result[0] == "hang":
        # Perhaps only late, on a busy host.
        result = run(part, who, call, errno, n, 100)
    return case, result, judge(*result[:3])


passed, bad, outcomes = 0, [], collections.Counter()
try:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wanted = [
            (part, who, call)
            for call in ERRNOS if re.search(options.call, call) and ERRNOS[call]
            for who in ("sentry", "stub") if who == "sentry" or call in ("mmap", "munmap", "mprotect", "clone")
            for part in PARTS if re.search(options.part, part)
        ]
        counts = pool.map(lambda w: run(w[0], w[1], w[2], "EIO", 1 << 60)[3], wanted)
        cases = [
            (part, who, call, errno, n)
            for (part, who, call), made in zip(wanted, counts)
            for k, errno in enumerate(ERRNOS[call].split())
            for n in places(made)
            # The short form: each errno somewhere, not everywhere.
            if options.all or (k + n + PARTS.index(part)) % len(ERRNOS[call].split()) == 0
        ]
        for case, result, wrong in pool.map(one, cases):
            outcomes[result[0]] += 1
            if options.v or wrong:
                part, who, call, errno, n = case
                last = result[2].splitlines()[-1:] or [""]
                print(f"{'FAIL ' if wrong else ''}faults.py {part}: {who} {call} {errno} {n} of {result[3]}: {wrong or result[0]}: {last[0]}", flush=True)
            passed, bad = passed + (not wrong), bad + [case] * bool(wrong)
finally:
    shutil.rmtree(top)
print("outcomes:", ", ".join(f"{n} with {status}" for status, n in outcomes.most_common()))
print(f"{passed} passed, {len(bad)} failed")
sys.exit(bool(bad))
