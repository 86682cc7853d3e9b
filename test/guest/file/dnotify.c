// F_NOTIFY: signals about changes in a directory.
#include "../guest.h"
#include <poll.h>

#define SIG (SIGRTMIN + 1)
static int watch(const char *dir, long events) {
    int fd = OK(open(dir, O_RDONLY | O_DIRECTORY));
    CHECK_EQ(fcntl(fd, F_SETSIG, SIG), 0);
    CHECK_EQ(fcntl(fd, F_NOTIFY, events), 0);
    return fd;
}
static void block(void) {
    sigset_t s;
    sigemptyset(&s), sigaddset(&s, SIG), sigaddset(&s, SIGIO);
    OK(sigprocmask(SIG_BLOCK, &s, NULL));
}
// The signal that comes next, or 0 for none.
static int next(siginfo_t *si, int ms) {
    sigset_t s;
    sigemptyset(&s), sigaddset(&s, SIG), sigaddset(&s, SIGIO);
    int sig = sigtimedwait(&s, si, &(struct timespec){ms / 1000, ms % 1000 * 1000000L});
    return sig < 0 ? 0 : sig;
}
static int came(void) {
    siginfo_t si;
    return next(&si, 3000) == SIG;
}
static int nothing(void) {
    siginfo_t si;
    return next(&si, 100) == 0;
}

TEST_DIR(once) {
    block();
    int fd = watch(".", DN_CREATE);
    CHECK_EQ(fcntl(fd, F_GETOWN), getpid());
    write_file("a", "x");
    siginfo_t si;
    CHECK_EQ(next(&si, 3000), SIG);
    CHECK_EQ(si.si_fd, fd), CHECK_EQ(si.si_code, POLL_MSG), CHECK_EQ(si.si_band, POLLIN | POLLRDNORM | POLLMSG);
    write_file("b", "x");
    CHECK(nothing());
    CHECK_EQ(fcntl(fd, F_NOTIFY, DN_CREATE), 0);
    write_file("c", "x");
    CHECK(came());
}
TEST_DIR(sigio_without_details) {
    block();
    int fd = OK(open(".", O_RDONLY));
    CHECK_EQ(fcntl(fd, F_NOTIFY, DN_CREATE), 0);
    write_file("a", "x");
    siginfo_t si;
    CHECK_EQ(next(&si, 3000), SIGIO);
    CHECK_EQ(si.si_code, SI_KERNEL);
}
TEST_DIR(each_event) {
    block();
    struct {
        long event;
        const char *what;
    } t[] = {{DN_ACCESS, "r"}, {DN_MODIFY, "w"}, {DN_CREATE, "c"}, {DN_DELETE, "d"}, {DN_RENAME, "m"}, {DN_ATTRIB, "a"}};
    for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
        write_file("f", "text"), write_file("g", "text");
        unlink("new"), unlink("moved");
        int fd = watch(".", t[i].event | DN_MULTISHOT), f = OK(open("f", O_RDWR));
        for (unsigned k = 0; k < sizeof t / sizeof *t; k++) {
            char b;
            switch (*t[k].what) {
            case 'r': CHECK_EQ(read(f, &b, 1), 1); break;
            case 'w': CHECK_EQ(write(f, "x", 1), 1); break;
            case 'c': CHECK_EQ(mkdir("new", 0700), 0); break;
            case 'd': CHECK_EQ(rmdir("new"), 0); break;
            case 'm': CHECK_EQ(rename("g", "moved"), 0); break;
            case 'a': CHECK_EQ(chmod("f", 0600), 0); break;
            }
            // A rename in a directory takes one name away and makes another.
            bool told = i == k || (t[k].event == DN_RENAME && (t[i].event == DN_CREATE || t[i].event == DN_DELETE));
            if (told) CHECK(came());
        }
        CHECK(nothing());
        OK(close(f)), OK(close(fd));
    }
}
TEST_DIR(renames_across) {
    block();
    OK(mkdir("a", 0700)), OK(mkdir("b", 0700));
    int a = watch("a", DN_DELETE | DN_RENAME | DN_MULTISHOT), b = watch("b", DN_CREATE | DN_RENAME | DN_MULTISHOT);
    write_file("a/f", "x");
    OK(rename("a/f", "b/f"));
    siginfo_t first, second;
    CHECK_EQ(next(&first, 3000), SIG), CHECK_EQ(next(&second, 3000), SIG);
    CHECK_EQ(first.si_fd + second.si_fd, a + b);
    CHECK(nothing());
}
TEST_DIR(the_directory_itself) {
    block();
    OK(mkdir("d", 0700));
    int fd = watch("d", DN_ATTRIB | DN_MULTISHOT);
    OK(chmod("d", 0755));
    CHECK(came());
    OK(fchmod(fd, 0700));
    CHECK(came());
}
TEST_DIR(events_add_up) {
    block();
    int fd = watch(".", DN_CREATE | DN_MULTISHOT);
    CHECK_EQ(fcntl(fd, F_NOTIFY, DN_DELETE), 0);
    write_file("f", "x");
    CHECK(came());
    OK(unlink("f"));
    CHECK(came());
}
TEST_DIR(ends_on_request_and_with_any_descriptor) {
    block();
    int fd = watch(".", DN_CREATE | DN_MULTISHOT), other = OK(dup(fd));
    CHECK_EQ(fcntl(other, F_NOTIFY, 0), 0);
    write_file("a", "x");
    CHECK(nothing());
    CHECK_EQ(fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT), 0);
    write_file("b", "x");
    CHECK(came());
    OK(close(other));
    write_file("c", "x");
    CHECK(nothing());
}
TEST_DIR(is_a_process_s_own) {
    block();
    int fd = watch(".", DN_CREATE | DN_MULTISHOT);
    IN_CHILD({
        CHECK_EQ(fcntl(fd, F_NOTIFY, 0), 0);
        OK(close(fd));
    });
    write_file("a", "x");
    CHECK(came());
    // What a child asks for goes to the file's owner, and ends with the child.
    CHECK_EQ(fcntl(fd, F_NOTIFY, 0), 0);
    IN_CHILD({
        CHECK_EQ(fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT), 0);
        write_file("b", "x");
    });
    CHECK(came());
    write_file("c", "x");
    CHECK(nothing());
}
TEST_DIR(errnos) {
    write_file("f", "x");
    int f = OK(open("f", O_RDONLY)), p = OK(open(".", O_PATH)), pp[2];
    OK(pipe(pp));
    CHECK_ERR(fcntl(f, F_NOTIFY, DN_CREATE), ENOTDIR);
    CHECK_ERR(fcntl(pp[0], F_NOTIFY, DN_CREATE), ENOTDIR);
    CHECK_ERR(fcntl(p, F_NOTIFY, DN_CREATE), EBADF);
    CHECK_EQ(fcntl(f, F_NOTIFY, 0), 0);
    CHECK_EQ(fcntl(f, F_GETOWN), 0);
}
