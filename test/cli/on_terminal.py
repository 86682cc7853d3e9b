#!/usr/bin/env python3
# on_terminal.py STEP... -- COMMAND...: runs a command on a terminal of its own, for the cases of test/cli that need one.
#
# Steps, in order:  expect=REGEX  wait for output that matches, from where the last match ended
#                   send=TEXT     type it, with Python's escapes (\x03 is Ctrl-C)
#                   resize=RxC    change the size of the window (24x80 at the start)
#                   stopped       wait until the command is stopped, and say so
#                   cont          continue it
#                   kill=N        send it signal N
#                   pause=S       seconds, for what cannot be seen
# Prints what "stopped" saw and at the end the status, as a shell would give it. A step that takes 10 seconds fails.
import fcntl, os, pty, re, select, signal, struct, sys, termios, time

split = sys.argv.index("--")
steps, command = sys.argv[1:split], sys.argv[split + 1:]


def resize(fd, size):
    rows, columns = map(int, size.split("x"))
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


pid, master = pty.fork()
if pid == 0:
    try:
        os.execvp(command[0], command)
    finally:
        os._exit(127)
resize(master, "24x80")
output, start = b"", 0


def fail(why):
    print(f"{why}; output: {output!r}")
    os.kill(pid, signal.SIGKILL)
    sys.exit(1)


def read_some(timeout):
    global output
    if not select.select([master], [], [], timeout)[0]:
        return False
    try:
        data = os.read(master, 65536)
    except OSError:
        data = b""
    output += data
    return bool(data)


for step in steps:
    name, _, text = step.partition("=")
    end = time.monotonic() + 10
    if name == "expect":
        while not (match := re.compile(text.encode()).search(output, start)):
            if time.monotonic() > end or (not read_some(1) and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)):
                fail(f"no {text!r}")
        start = match.end()
    elif name == "send":
        os.write(master, text.encode().decode("unicode_escape").encode("latin1"))
    elif name == "resize":
        resize(master, text)
    elif name == "stopped":
        while not os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG):
            if time.monotonic() > end:
                fail("not stopped")
            read_some(0.05)
        print("stopped")
    elif name == "cont":
        os.kill(pid, signal.SIGCONT)
    elif name == "pause":
        time.sleep(float(text))
    elif name == "kill":
        os.kill(pid, int(text))
    else:
        fail(f"unknown step {step}")

end = time.monotonic() + 10
while True:
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        break
    if time.monotonic() > end:
        fail("does not end")
    read_some(0.05)
while read_some(0):
    pass
code = os.waitstatus_to_exitcode(status)
print(code if code >= 0 else 128 - code)
