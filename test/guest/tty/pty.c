// Pseudo-terminals and the line discipline: opening, canonical and raw input, echo, editing, output processing, VMIN and VTIME,
// window size, hang-up, packet mode.
#include "../guest.h"
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

static int m, s; // master and slave
static struct termios t;
static void open_pair(void) {
    m = OK(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    OK(grantpt(m)), OK(unlockpt(m));
    s = OK(open(ptsname(m), O_RDWR | O_NOCTTY | O_CLOEXEC));
    OK(tcgetattr(s, &t));
}
static void put(int fd, const char *text) { CHECK_EQ(write(fd, text, strlen(text)), strlen(text)); }
// What fd gives within a moment, as a string; "" when nothing.
static const char *get(int fd) {
    static char b[4][4096];
    static int k;
    char *p = b[k++ & 3];
    struct pollfd pf = {fd, POLLIN, 0};
    size_t n = 0;
    while (n < 4000 && poll(&pf, 1, 30) == 1) {
        ssize_t r = read(fd, p + n, 4000 - n);
        if (r <= 0)
            break;
        n += r;
    }
    p[n] = 0;
    return p;
}
static void set(tcflag_t on, tcflag_t off) { // of c_lflag
    t.c_lflag = (t.c_lflag | on) & ~off;
    OK(tcsetattr(s, TCSANOW, &t));
}
TEST(opening) {
    m = OK(posix_openpt(O_RDWR | O_NOCTTY));
    int n = -1;
    OK(ioctl(m, TIOCGPTN, &n));
    CHECK_GE(n, 0);
    char path[32];
    snprintf(path, 32, "/dev/pts/%d", n);
    CHECK_STR(ptsname(m), path);
    CHECK_ERR(open(path, O_RDWR | O_NOCTTY), EIO); // still locked
    OK(unlockpt(m));
    s = OK(open(path, O_RDWR | O_NOCTTY));
    CHECK_EQ(isatty(s), 1), CHECK_EQ(isatty(m), 1);
    CHECK_STR(ttyname(s), path);
    struct stat st;
    OK(fstat(s, &st));
    CHECK(S_ISCHR(st.st_mode));
    CHECK_EQ(st.st_rdev >> 8, 136);
    int m2 = OK(posix_openpt(O_RDWR | O_NOCTTY)), n2;
    OK(ioctl(m2, TIOCGPTN, &n2));
    CHECK_NE(n, n2);
    int peer = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    CHECK_GE(peer, 0);
    CHECK_STR(ttyname(peer), path);
    close(m2);
    CHECK_ERR(lseek(s, 0, SEEK_SET), ESPIPE);
}
TEST(defaults) {
    open_pair();
    CHECK_EQ(t.c_iflag, ICRNL | IXON);
    CHECK_EQ(t.c_oflag, OPOST | ONLCR);
    CHECK_EQ(t.c_lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
    CHECK_EQ(t.c_cc[VINTR], 3), CHECK_EQ(t.c_cc[VEOF], 4), CHECK_EQ(t.c_cc[VERASE], 127), CHECK_EQ(t.c_cc[VKILL], 21);
    CHECK_EQ(t.c_cc[VMIN], 1), CHECK_EQ(t.c_cc[VTIME], 0), CHECK_EQ(t.c_cc[VSUSP], 26);
    CHECK_EQ(cfgetospeed(&t), B38400);
}
TEST(canonical_lines) {
    open_pair();
    set(0, ECHO);
    char b[64];
    put(m, "par");
    CHECK_STR(get(s), ""); // no line yet
    put(m, "tial\nsecond\n");
    int n;
    WAIT_UNTIL(ioctl(s, FIONREAD, &n) == 0 && n >= 8); // Linux moves input along in a work queue
    CHECK_EQ(read(s, b, 64), 8); // one line a read
    CHECK_MEM(b, "partial\n", 8);
    CHECK_EQ(read(s, b, 3), 3);
    CHECK_EQ(read(s, b + 3, 60), 4);
    CHECK_MEM(b, "second\n", 7);
    put(m, "cr\r"); // ICRNL
    CHECK_STR(get(s), "cr\n");
}
TEST(erase_and_kill) {
    open_pair();
    set(0, ECHO);
    put(m, "abx\177c\n");
    CHECK_STR(get(s), "abc\n");
    put(m, "\177\177ok\n"); // nothing to erase
    CHECK_STR(get(s), "ok\n");
    put(m, "all wrong\025right\n");
    CHECK_STR(get(s), "right\n");
    put(m, "one two\027three\n"); // VWERASE
    CHECK_STR(get(s), "one three\n");
    put(m, "lit\026\003eral\n"); // VLNEXT
    CHECK_STR(get(s), "lit\003eral\n");
}
TEST(end_of_file) {
    open_pair();
    set(0, ECHO);
    char b[16];
    put(m, "\004");
    CHECK_EQ(read(s, b, 16), 0);
    put(m, "abc\004"); // pushes what there is
    CHECK_EQ(read(s, b, 16), 3);
    put(m, "x\n\004");
    CHECK_EQ(read(s, b, 16), 2);
    CHECK_EQ(read(s, b, 16), 0);
}
TEST(echo) {
    open_pair();
    put(m, "hi\n");
    CHECK_STR(get(m), "hi\r\n");
    CHECK_STR(get(s), "hi\n");
    put(m, "ab\177");
    CHECK_STR(get(m), "ab\b \b");
    put(m, "\025");
    CHECK_STR(get(m), "\b \b");
    put(m, "\001");
    CHECK_STR(get(m), "^A"); // ECHOCTL
    put(m, "\n");
    get(m), get(s);
    set(ECHONL, ECHO);
    put(m, "quiet\n");
    CHECK_STR(get(m), "\r\n");
}
TEST(output_processing) {
    open_pair();
    put(s, "a\nb\n");
    CHECK_STR(get(m), "a\r\nb\r\n");
    t.c_oflag &= ~OPOST;
    set(0, 0);
    put(s, "a\nb");
    CHECK_STR(get(m), "a\nb");
    t.c_oflag |= OPOST | OCRNL;
    set(0, 0);
    put(s, "c\rd");
    CHECK_STR(get(m), "c\nd");
}
TEST(input_flags) {
    open_pair();
    set(0, ECHO);
    t.c_iflag = IGNCR | INLCR;
    set(0, ICANON);
    put(m, "a\rb\nc");
    CHECK_STR(get(s), "ab\rc");
    t.c_iflag = ISTRIP;
    set(0, 0);
    put(m, "\xe1");
    CHECK_STR(get(s), "a");
    t.c_iflag = IUCLC;
    set(IEXTEN, 0);
    put(m, "UpPer");
    CHECK_STR(get(s), "upper");
}
TEST(raw) {
    open_pair();
    cfmakeraw(&t);
    set(0, 0);
    struct termios u;
    OK(tcgetattr(s, &u));
    CHECK_EQ(u.c_lflag & (ICANON | ECHO | ISIG), 0);
    put(m, "\003\004\r\n\177");
    CHECK_STR(get(s), "\003\004\r\n\177");
    put(s, "\n");
    CHECK_STR(get(m), "\n");
}
TEST(vmin_vtime) {
    open_pair();
    cfmakeraw(&t);
    char b[8];
    t.c_cc[VMIN] = 0, t.c_cc[VTIME] = 0;
    set(0, 0);
    CHECK_EQ(read(s, b, 8), 0); // at once
    t.c_cc[VTIME] = 1;
    set(0, 0);
    long long x = now_ms();
    CHECK_EQ(read(s, b, 8), 0);
    CHECK_GE(now_ms() - x, 90);
    put(m, "k");
    CHECK_EQ(read(s, b, 8), 1);
    t.c_cc[VMIN] = 3, t.c_cc[VTIME] = 0;
    set(0, 0);
    pid_t c = FORK();
    if (c == 0) {
        for (int i = 0; i < 3; i++) {
            sleep_ms(3);
            put(m, "z");
        }
        _exit(0);
    }
    CHECK_EQ(read(s, b, 8), 3);
    CHECK_EXIT(c, 0);
    t.c_cc[VMIN] = 5, t.c_cc[VTIME] = 1; // between bytes, after the first
    set(0, 0);
    put(m, "ab");
    CHECK_EQ(read(s, b, 8), 2);
}
TEST(nonblocking_and_poll) {
    open_pair();
    char b[8];
    OK(fcntl(s, F_SETFL, O_NONBLOCK)), OK(fcntl(m, F_SETFL, O_NONBLOCK));
    CHECK_ERR(read(s, b, 8), EAGAIN);
    CHECK_ERR(read(m, b, 8), EAGAIN);
    struct pollfd p[2] = {{s, POLLIN | POLLOUT, 0}, {m, POLLIN | POLLOUT, 0}};
    CHECK_EQ(poll(p, 2, 0), 2);
    CHECK_EQ(p[0].revents, POLLOUT), CHECK_EQ(p[1].revents, POLLOUT);
    put(m, "x");
    CHECK_EQ(poll(p, 1, 20), 1);
    CHECK_EQ(p[0].revents, POLLOUT); // half a line is not readable
    put(m, "\n");
    WAIT_UNTIL(poll(p, 1, 0) == 1 && p[0].revents == (POLLIN | POLLOUT));
}
TEST(window_size) {
    open_pair();
    struct winsize w = {.ws_row = 1}, x;
    OK(ioctl(s, TIOCGWINSZ, &w));
    CHECK_EQ(w.ws_row, 0), CHECK_EQ(w.ws_col, 0);
    w = (struct winsize){25, 80, 1, 2};
    OK(ioctl(m, TIOCSWINSZ, &w));
    OK(ioctl(s, TIOCGWINSZ, &x));
    CHECK_MEM(&w, &x, sizeof w);
}
TEST(queue_ioctls) {
    open_pair();
    set(0, ECHO | ICANON);
    int n = -1;
    put(m, "12345");
    WAIT_UNTIL(ioctl(s, FIONREAD, &n) == 0 && n == 5);
    OK(tcflush(s, TCIFLUSH));
    OK(ioctl(s, FIONREAD, &n));
    CHECK_EQ(n, 0);
    OK(tcdrain(s)), OK(tcsendbreak(s, 0));
    OK(ioctl(s, TIOCOUTQ, &n));
    CHECK_ERR(ioctl(s, TCFLSH, 9), EINVAL);
    put(m, "ab");
    WAIT_UNTIL(ioctl(s, FIONREAD, &n) == 0 && n == 2);
    OK(tcsetattr(s, TCSAFLUSH, &t)); // drops input
    CHECK_STR(get(s), "");
}
TEST(flow_control) {
    open_pair();
    OK(tcflow(s, TCOOFF));
    OK(fcntl(s, F_SETFL, O_NONBLOCK));
    CHECK_ERR(write(s, "x", 1), EAGAIN);
    OK(tcflow(s, TCOON));
    put(s, "x");
    CHECK_STR(get(m), "x");
    put(m, "\023"); // ^S
    sleep_ms(5);
    CHECK_ERR(write(s, "x", 1), EAGAIN);
    put(m, "\021"); // ^Q
    WAIT_UNTIL(write(s, "y", 1) == 1);
    CHECK_STR(get(m), "y");
}
TEST(hangup) {
    open_pair();
    char b[8];
    close(m);
    CHECK_EQ(read(s, b, 8), 0);
    CHECK_ERR(write(s, "x", 1), EIO);
    struct pollfd p = {s, POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents & (POLLHUP | POLLERR), POLLHUP | POLLERR);
    CHECK_ERR(ioctl(s, TIOCGWINSZ, b), EIO);
    open_pair();
    put(s, "last words");
    close(s);
    CHECK_EQ(read(m, b, 8), 8); // what was written is still there
    CHECK_EQ(read(m, b, 8), 2);
    CHECK_ERR(read(m, b, 8), EIO);
    p = (struct pollfd){m, POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents & POLLHUP, POLLHUP);
    s = OK(open(ptsname(m), O_RDWR | O_NOCTTY)); // and it may be opened again
    OK(fcntl(m, F_SETFL, O_NONBLOCK));
    CHECK_ERR(read(m, b, 8), EAGAIN);
}
TEST(packet_mode) {
    open_pair();
    int on = 1;
    char b[16];
    OK(ioctl(m, TIOCPKT, &on));
    put(s, "data");
    CHECK_EQ(read(m, b, 16), 5);
    CHECK_EQ(b[0], 0);
    CHECK_MEM(b + 1, "data", 4);
    OK(tcflush(s, TCIFLUSH));
    CHECK_EQ(read(m, b, 16), 1);
    CHECK_EQ(b[0] & TIOCPKT_FLUSHREAD, TIOCPKT_FLUSHREAD);
}
TEST(exclusive) {
    open_pair();
    OK(ioctl(s, TIOCEXCL));
    if (!(cap_effective() >> 21 & 1)) // CAP_SYS_ADMIN may
        CHECK_ERR(open(ptsname(m), O_RDWR | O_NOCTTY), EBUSY);
    OK(ioctl(s, TIOCNXCL));
    OK(open(ptsname(m), O_RDWR | O_NOCTTY));
}
TEST(long_input_is_bounded) {
    open_pair();
    set(0, ECHO);
    OK(fcntl(m, F_SETFL, O_NONBLOCK));
    char x[1000];
    memset(x, 'x', sizeof x);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(write(m, x, sizeof x), sizeof x);
    put(m, "\n");
    static char b[8192];
    ssize_t got = OK(read(s, b, sizeof b));
    CHECK_LE(got, 4096), CHECK_GT(got, 4000); // a canonical line holds 4095 bytes and its end
    CHECK_EQ(b[got - 1], '\n');
}
struct old_termios { // struct termio
    unsigned short iflag, oflag, cflag, lflag;
    unsigned char line, cc[8];
};
TEST(old_termios) {
    open_pair();
    struct old_termios o;
    OK(ioctl(s, TCGETA, &o));
    CHECK_EQ(o.lflag, t.c_lflag & 0xffff);
    CHECK_EQ(o.cc[VEOF], 4);
    o.lflag &= ~ICANON;
    o.cc[VMIN] = 0, o.cc[VTIME] = 0;
    put(m, "gone\n");
    struct pollfd there = {s, POLLIN, 0};
    CHECK_EQ(poll(&there, 1, -1), 1);
    OK(ioctl(s, TCSETAF, &o));
    struct termios u;
    OK(tcgetattr(s, &u));
    CHECK_EQ(u.c_lflag, t.c_lflag & ~ICANON);
    CHECK_EQ(u.c_cc[VSUSP], t.c_cc[VSUSP]); // beyond the eight
    char b[8];
    CHECK_EQ(read(s, b, sizeof b), 0);
    o.lflag |= ICANON;
    OK(ioctl(s, TCSETA, &o));
    OK(ioctl(s, TCSETAW, &o));
    CHECK_ERR(ioctl(s, TCGETA, 8), EFAULT);
    CHECK_ERR(ioctl(s, TCSETA, 8), EFAULT);
}
TEST(locked_termios) {
    open_pair();
    struct termios fixed, u;
    memset(&fixed, 0xff, sizeof fixed);
    OK(ioctl(s, TIOCGLCKTRMIOS, &fixed));
    CHECK_EQ(fixed.c_lflag, 0);
    fixed.c_lflag = ICANON;
    fixed.c_cc[VEOF] = 1;
    if (geteuid() != 0) {
        CHECK_ERR(ioctl(s, TIOCSLCKTRMIOS, &fixed), EPERM);
        return;
    }
    OK(ioctl(s, TIOCSLCKTRMIOS, &fixed));
    u = t;
    u.c_lflag &= ~(ICANON | ECHO);
    u.c_cc[VEOF] = 1, u.c_cc[VINTR] = 2;
    OK(ioctl(s, TCSETS, &u));
    OK(tcgetattr(s, &u));
    CHECK_EQ(u.c_lflag, t.c_lflag & ~ECHO);
    CHECK_EQ(u.c_cc[VEOF], t.c_cc[VEOF]);
    CHECK_EQ(u.c_cc[VINTR], 2);
}
