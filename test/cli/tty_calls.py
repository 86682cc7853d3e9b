# Every call that a program may make to a terminal of the host's that it got as it was (run.tty=never).
import fcntl, struct, termios

TCGETS2, TCSETS2, TIOCGETD = 0x802C542A, 0x402C542B, 0x5424
attributes = termios.tcgetattr(0)
for when in termios.TCSANOW, termios.TCSADRAIN, termios.TCSAFLUSH:
    termios.tcsetattr(0, when, attributes)
for offset in range(3):
    fcntl.ioctl(0, TCSETS2 + offset, fcntl.ioctl(0, TCGETS2, bytes(44)))
assert fcntl.ioctl(0, TIOCGETD, bytes(4)) == bytes(4)
assert struct.unpack("HH", fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8))[:4]) == (24, 80)
for request in termios.FIONREAD, termios.TIOCOUTQ:
    assert len(fcntl.ioctl(0, request, bytes(4))) == 4
for queue in termios.TCIFLUSH, termios.TCOFLUSH, termios.TCIOFLUSH:
    termios.tcflush(0, queue)
termios.tcflow(0, termios.TCOOFF)
termios.tcflow(0, termios.TCOON)
termios.tcdrain(0)
print("ok")
