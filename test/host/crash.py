#!/usr/bin/env python3
# crash.py: makes each thread of the sentry run into nothing (its instruction pointer is set to a page that is not there), and looks at what is
# left: sbx's message, status 125, no process, no file, the terminal as it was. SBX names the binary. Ends with `N passed, N failed`.
import ctypes, os, re, select, subprocess, sys, tempfile, termios, time

sbx = os.path.realpath(os.environ.get("SBX", "build/sbx"))
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 12, 13, 17, 0x4206, 0x4207
RIP, ORIG_RAX, REGS = 16, 15, 27  # struct user_regs_struct, in words
PR_SET_CHILD_SUBREAPER, WALL = 36, 0x40000000
MESSAGE = re.compile(r"sbx: internal error: (signal 11 \(address 0x10\) at sbx\+0x[0-9a-f]+|the sentry died of signal 11); the sandbox ends\r?\n")
# A process that waits, one that runs, and one that the sentry waits for on the host.
PROGRAM = "sleep 1000 & while :; do :; done & echo ready; cat"


def ptrace(request, tid, data=None):
    if libc.ptrace(request, tid, None, data) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def derail(tid):
    ptrace(PTRACE_SEIZE, tid)
    ptrace(PTRACE_INTERRUPT, tid)
    os.waitpid(tid, WALL)
    regs = (ctypes.c_ulonglong * REGS)()
    ptrace(PTRACE_GETREGS, tid, regs)
    regs[RIP], regs[ORIG_RAX] = 0x10, 2**64 - 1
    ptrace(PTRACE_SETREGS, tid, regs)
    ptrace(PTRACE_DETACH, tid)


def threads(keeper):
    """Those of the sentry, the only child of the process that was started."""
    found = {}
    with open(f"/proc/{keeper}/task/{keeper}/children") as f:
        pid = int(f.read().split()[0])
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm") as f:
            found.setdefault(f.read().strip(), []).append(int(tid))
    return found


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def no_children():
    try:
        return os.waitpid(-1, os.WNOHANG | WALL)[0] != 0 and no_children()
    except ChildProcessError:
        return True


def crash(name, which, terminal):
    """What was wrong, or None."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as work:
        os.mkdir(work + "/rw")
        environment = {**os.environ, "TMPDIR": work}
        command = [sbx, "run", "--rw", work + "/rw", "--", "sh", "-c", PROGRAM]
        master, before = -1, None
        if terminal:
            master, slave = os.openpty()
            before = termios.tcgetattr(slave)
            process = subprocess.Popen(command, preexec_fn=lambda: os.login_tty(slave), pass_fds=[slave], env=environment)
            out = err = master
        else:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
            out, err = process.stdout.fileno(), process.stderr.fileno()
        text = b""
        while b"ready" not in text:
            text += os.read(out, 4096)
        if not until(lambda: name in threads(process.pid)):
            process.kill(), process.wait()
            return "no such thread"
        tids = threads(process.pid)[name]
        if terminal and termios.tcgetattr(slave) == before:
            return "the terminal is not raw"
        derail(tids[min(which, len(tids) - 1)])
        status = process.wait(20)
        # The terminal stays ours; pipes end with the last process of the sandbox.
        said = b""
        while select.select([err], [], [], 0 if terminal else 20)[0]:
            more = os.read(err, 4096)
            said += more
            if not more:
                break
        said = said.decode(errors="replace")
        if status != 125:
            return f"status {status}: {said!r}"
        if not MESSAGE.search(said):
            return f"no message: {said!r}"
        if not terminal:
            if os.read(out, 4096) or said.count("\n") != 1:
                return f"more than one line: {said!r}"
            process.stdin.close(), process.stdout.close(), process.stderr.close()
        else:
            after = termios.tcgetattr(slave)
            os.close(slave), os.close(master)
            if after != before:
                return "the terminal stays raw"
        if not until(no_children):
            return "processes are left"
        if os.listdir(work) != ["rw"] or os.listdir(work + "/rw"):
            return "files are left"
        return None


if os.geteuid() != 0:
    # Who is not root may not trace a sentry.
    print("0 passed, 0 failed")
    sys.exit(0)
libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
probe = subprocess.Popen([sbx, "run", "--", "sh", "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
probe.stdout.readline()
names = threads(probe.pid)
probe.kill(), probe.wait()
until(no_children)
passed = failed = 0
for name, tids in sorted(names.items()):
    for terminal in (False, True):
        for which in range(min(len(tids), 3)) if not terminal else [0]:
            try:
                wrong = crash(name, which, terminal)
            except (OSError, subprocess.TimeoutExpired) as e:
                wrong = str(e)
            passed, failed = passed + (wrong is None), failed + (wrong is not None)
            if wrong:
                print(f"FAIL crash.py {name} {which}{' on a terminal' * terminal}: {wrong}")
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
