#!/usr/bin/env python3
"""run.py [-j N] [-s SECONDS] [-v] [REGEX]: runs each bomb in a sandbox with limits, and looks at what becomes of it.

A bomb passes if the sandbox ends in time (by itself if the bomb is one that ends, else at its time limit or before), with a status that
is not sbx's own failure, if the sentry's memory and the memory file stayed within the limit, and if no process of it is left.
SBX is the sbx to use, BOMBS the program; -v prints what was measured for each.
"""
import argparse, os, re, signal, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor

MIB = 1 << 20
MEMORY = 256 * MIB
# Above the limit: the sentry itself, and what the bomb gets hold of between two looks at it, which are further apart on a busy host (unbounded
# ones reach thousands).
SLACK = 400 * MIB
PIDS = 500

options = argparse.ArgumentParser(description=__doc__)
options.add_argument('-j', type=int, default=2)
options.add_argument('-s', type=float, default=0.5)
options.add_argument('-v', action='store_true')
options.add_argument('regex', nargs='?', default='.')
options = options.parse_args()
here = os.path.dirname(os.path.abspath(__file__))
sbx = os.environ.get('SBX') or os.path.join(here, '../../build/sbx')
program = os.environ.get('BOMBS') or os.path.join(here, '../../build/hostile/bombs')


def children(pid):
    found = []
    try:
        for task in os.listdir(f'/proc/{pid}/task'):
            with open(f'/proc/{pid}/task/{task}/children') as f:
                found += [int(p) for p in f.read().split()]
    except OSError:
        pass
    return found


def started(pid):
    """When the process was started, which tells it from a later one with its number; None if there is none."""
    try:
        with open(f'/proc/{pid}/stat') as f:
            fields = f.read().rsplit(')', 1)[1].split()
            return None if fields[0] in 'ZX' else fields[19]
    except OSError:
        return None


def sentry(pid):
    """The sentry of the sbx that was started as pid, which is its keeper; 0 if there is none now."""
    return next(iter(children(pid)), 0)


class Watch:
    """The largest figures of a sentry that were seen: its own memory, its memory file, its threads."""

    def __init__(self, keeper):
        self.keeper, self.pid, self.anon, self.shmem, self.threads = keeper, 0, 0, 0, 0
        self.stubs, self.files, self.looks = set(), set(), 0

    def look(self):
        try:
            self.pid = self.pid or sentry(self.keeper)
            with open(f'/proc/{self.pid}/status') as f:
                text = f.read()
            value = lambda name: int(re.search(name + r':\s*(\d+)', text).group(1))
            self.anon = max(self.anon, value('RssAnon') * 1024)
            self.threads = max(self.threads, value('Threads'))
            self.looks += 1
            if self.looks < 20:
                for fd in os.listdir(f'/proc/{self.pid}/fd'):
                    if os.readlink(f'/proc/{self.pid}/fd/{fd}').startswith('/memfd:'):
                        self.files.add(f'/proc/{self.pid}/fd/{fd}')
            self.shmem = max(self.shmem, sum(os.stat(f).st_blocks * 512 for f in self.files))
            self.stubs.update((child, started(child)) for child in [self.pid, *children(self.pid)])
        except (OSError, AttributeError):
            pass




def sandbox(arguments, run, limit, stdout=subprocess.DEVNULL,
            during=None, memory=MEMORY, pids=PIDS):
    """Runs a sandbox; returns status, seconds, what was seen of it, and its stderr."""
    limits = []
    if memory:
        limits += ['-m', str(memory)]
    if pids:
        limits += ['--pids', str(pids)]
    start = time.monotonic()
    p = subprocess.Popen([sbx, 'run', '-q', *limits, *run, '--', program, *arguments], stdin=subprocess.DEVNULL, stdout=stdout,
                         stderr=subprocess.PIPE, close_fds=True)
    watch = Watch(p.pid)
    os.set_blocking(p.stderr.fileno(), False)
    stderr = b''
    while p.poll() is None:
        watch.look()
        if during:
            during(p, time.monotonic() - start)
        stderr = (stderr + (p.stderr.read() or b''))[-20000:]
        if time.monotonic() - start > limit:
            p.kill()
            p.wait()
            return 'hangs', time.monotonic() - start, watch, stderr
        time.sleep(0.02)
    seconds = time.monotonic() - start
    stderr = (stderr + (p.stderr.read() or b''))[-20000:]
    p.stderr.close()
    return p.returncode, seconds, watch, stderr


def leftover(watch):
    deadline = time.monotonic() + 5
    while True:
        left = [pid for pid, start in watch.stubs if start and started(pid) == start]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.02)


def verdict(status, late, watch, ok_statuses, limit=MEMORY):
    faults = []
    if status not in ok_statuses:
        faults.append(f'status {status}')
    if late > 8:
        faults.append(f'ended {late:.1f} s late')
    if limit and watch.anon + watch.shmem > limit + SLACK:
        faults.append(f'grew to {(watch.anon + watch.shmem) // MIB} MiB')
    if leftover(watch):
        faults.append(f'{len(leftover(watch))} processes are left')
    return faults


def bomb(name, kind):
    # One that ends is slow on a busy machine.
    limit = 30 if kind == 'ends' else options.s
    status, seconds, watch, stderr = sandbox([name], ['-t', f'{round(limit * 1000)}ms', '-s', 'run.kill-grace=100ms'], limit + 20)
    faults = verdict(status, seconds - limit, watch, {0} if kind == 'ends' else {0, 1, 3, 4, 124, 137, *range(129, 193)})
    return faults, status, seconds, watch, stderr


def cpu_seconds(pid):
    """CPU time of a sandbox: the sentry's and its stubs'."""
    ticks, pid = 0, sentry(pid)
    for p in [pid, *children(pid)]:
        try:
            with open(f'/proc/{p}/stat') as f:
                fields = f.read().rsplit(')', 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return ticks / os.sysconf('SC_CLK_TCK')


def quota():
    """A tenth of a CPU stays one, whoever spins."""
    seen = []

    def during(p, seconds):
        seen.append((time.monotonic(), cpu_seconds(p.pid)))

    status, seconds, watch, stderr = sandbox(['spin'], ['--cpus', '0.1', '-t', '3s', '-s', 'run.kill-grace=100ms'], 30, during=during)
    seen = [s for s in seen if s[0] > seen[0][0] + 1 and s[1] > 0]
    last = max(seen, key=lambda s: s[1])  # at the end stubs are missing
    share = (last[1] - seen[0][1]) / (last[0] - seen[0][0]) if last[0] > seen[0][0] else 1
    faults = verdict(status, seconds - 3, watch, {124})
    if not 0 < share < 0.2:
        faults.append(f'used {share:.2f} CPUs instead of 0.1')
    return faults, status, seconds, watch, stderr


def sent(name, signals):
    """A bomb ends when sbx is sent the signals, a second apart."""
    due = [(1 + i, s) for i, s in enumerate(signals)]

    def during(p, seconds):
        if due and seconds > due[0][0]:
            p.send_signal(due.pop(0)[1])

    status, seconds, watch, stderr = sandbox([name], [], 40, during=during)
    return verdict(status, seconds - 1 - len(signals), watch, {137, -signal.SIGKILL}), status, seconds, watch, stderr


def unread():
    """Output to a pipe that nobody reads."""
    r, w = os.pipe()
    status, seconds, watch, stderr = sandbox(['output'], ['-t', '1s', '-s', 'run.kill-grace=100ms'], 30, stdout=w)
    os.close(r), os.close(w)
    return verdict(status, seconds - 1, watch, {124}), status, seconds, watch, stderr


def traced():
    """A flood of calls, all of them traced."""
    status, seconds, watch, stderr = sandbox(['calls'], ['--trace', '-t', '1s', '-s', 'run.kill-grace=100ms'], 30)
    return verdict(status, seconds - 1, watch, {124}), status, seconds, watch, b''


def threads():
    """Ten thousand threads, if the host has them: what the sentry needs for each."""
    with open('/proc/sys/kernel/threads-max') as f:
        if int(f.read()) < 40000:
            return [], 0, 0, Watch(0), b''
    status, seconds, watch, stderr = sandbox(['many_threads'], [], 120, memory=0, pids=12000)
    faults = verdict(status, 0, watch, {0}, limit=0)
    if not faults and watch.anon > 10000 * 32768:
        faults.append(f'{watch.anon // 10000} bytes for each thread')
    return faults, status, seconds, watch, stderr


others = {'cpu_quota': quota, 'unread_output': unread, 'traced_calls': traced, 'ten_thousand_threads': threads,
          **{f'kill_during_{b}': (lambda b=b: sent(b, [signal.SIGKILL])) for b in ('fork_bomb', 'full_pipes', 'stopped_orphans')},
          **{f'term_during_{b}': (lambda b=b: sent(b, [signal.SIGTERM, signal.SIGTERM])) for b in ('fork_bomb', 'thread_bomb', 'kill_everyone')}}
listed = [line.split() for line in subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()]
wanted = [(name, lambda b=(name, kind): bomb(*b)) for name, kind in listed if name not in ('exec_loop_step', 'spin', 'many_threads')]
wanted = [w for w in [*others.items(), *wanted] if re.search(options.regex, w[0])]
passed = failed = 0
with ThreadPoolExecutor(options.j) as pool:
    for (name, _), (faults, status, seconds, watch, stderr) in zip(wanted, pool.map(lambda w: w[1](), wanted)):
        passed, failed = passed + (not faults), failed + bool(faults)
        if options.v or faults:
            print(f'{"FAIL" if faults else "pass"} {name}: {"; ".join(faults) or "status %s" % status}, {seconds:.1f} s, sentry {watch.anon // MIB} MiB, '
                  f'memory file {watch.shmem // MIB} MiB, {watch.threads} threads', flush=True)
        if faults and stderr:
            print('    ' + stderr.decode(errors='replace').replace('\0', '')[-1500:].replace('\n', '\n    '), flush=True)
print(f'{passed} passed, {failed} failed')
sys.exit(failed != 0)
