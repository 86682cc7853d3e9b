// Leases: F_SETLEASE and F_GETLEASE of fcntl(2), and what open(2) and truncate(2) do about them.
#include "../guest.h"
#include <pthread.h>

static int fresh(int flags) {
    close(OK(open("f", O_RDWR | O_CREAT, 0644)));
    return OK(open("f", flags));
}
static int lease(int fd, int type) { return fcntl(fd, F_SETLEASE, type); }
static int leased(int fd) { return fcntl(fd, F_GETLEASE); }
// The signal that tells of a break, with its descriptor.
static void listen_for(int fd) {
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGRTMIN);
    sigaddset(&s, SIGIO);
    OK(sigprocmask(SIG_BLOCK, &s, NULL));
    OK(fcntl(fd, F_SETSIG, SIGRTMIN));
}
static int told(int fd) {
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGRTMIN);
    siginfo_t i;
    struct timespec soon = {2, 0};
    if (sigtimedwait(&s, &i, &soon) != SIGRTMIN) return 0;
    CHECK_EQ(i.si_fd, fd);
    CHECK_EQ(i.si_code, POLL_MSG);
    return 1;
}

TEST_DIR(who_may_have_which) {
    int r = fresh(O_RDONLY);
    CHECK_EQ(leased(r), F_UNLCK);
    CHECK_ERR(lease(r, F_UNLCK), EAGAIN);
    CHECK_ERR(lease(r, 77), EINVAL);
    CHECK_EQ(lease(r, F_RDLCK), 0);
    CHECK_EQ(leased(r), F_RDLCK);
    CHECK_EQ(lease(r, F_WRLCK), 0); // alone, it may as well have this
    CHECK_EQ(leased(r), F_WRLCK);
    CHECK_EQ(lease(r, F_RDLCK), 0);
    int again = OK(open("f", O_RDONLY)); // no conflict
    CHECK_EQ(leased(again), F_UNLCK);    // a lease is its description's
    CHECK_EQ(lease(again, F_RDLCK), 0);
    CHECK_ERR(lease(again, F_WRLCK), EAGAIN);
    int dup = OK(fcntl(r, F_DUPFD, 20));
    close(r);
    CHECK_EQ(leased(dup), F_RDLCK);
    CHECK_EQ(lease(dup, F_UNLCK), 0);
    CHECK_EQ(leased(dup), F_UNLCK);
    CHECK_EQ(leased(again), F_RDLCK);
    close(again);
    close(dup);
    int w = OK(open("f", O_RDWR));
    CHECK_ERR(lease(w, F_RDLCK), EAGAIN); // it is open for writing, by this very one
    CHECK_EQ(lease(w, F_WRLCK), 0);
    CHECK_EQ(lease(w, F_UNLCK), 0);
    int other = OK(open("f", O_RDONLY));
    CHECK_ERR(lease(other, F_RDLCK), EAGAIN);
    CHECK_ERR(lease(other, F_WRLCK), EAGAIN);
    CHECK_ERR(lease(w, F_WRLCK), EAGAIN);
    int p[2];
    OK(pipe(p));
    CHECK_ERR(lease(p[0], F_RDLCK), EINVAL);
    CHECK_ERR(lease(999, F_RDLCK), EBADF);
    CHECK_ERR(lease(OK(open("f", O_PATH)), F_RDLCK), EBADF);
}
TEST_DIR(other_owners_file) {
    NEED_ROOT();
    int r = fresh(O_RDONLY);
    IN_CHILD(OK(setresuid(1234, 1234, 1234)); CHECK_ERR(lease(r, F_RDLCK), EACCES));
}
TEST_DIR(writers_break_a_read_lease) {
    int r = fresh(O_RDONLY);
    listen_for(r);
    CHECK_EQ(lease(r, F_RDLCK), 0);
    IN_CHILD(CHECK_ERR(open("f", O_WRONLY | O_NONBLOCK), EWOULDBLOCK));
    CHECK(told(r));
    CHECK_EQ(leased(r), F_UNLCK);                               // what it is to become
    IN_CHILD(CHECK_ERR(open("f", O_RDWR | O_NONBLOCK), EWOULDBLOCK)); // told once
    IN_CHILD(OK(open("f", O_RDONLY | O_NONBLOCK)));
    CHECK_ERR(lease(OK(open("f", O_RDONLY)), F_RDLCK), EAGAIN); // nobody joins a lease that ends
    pid_t child = FORK();
    if (child == 0) {
        OK(open("f", O_WRONLY)); // waits
        _exit(0);
    }
    usleep(100000);
    CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
    CHECK_EQ(lease(r, F_UNLCK), 0);
    CHECK_EXIT(child, 0);
    CHECK_EQ(leased(r), F_UNLCK);
}
TEST_DIR(truncation_breaks_a_read_lease) {
    int r = fresh(O_RDONLY);
    listen_for(r);
    CHECK_EQ(lease(r, F_RDLCK), 0);
    pid_t child = FORK();
    if (child == 0) {
        close(r);
        OK(truncate("f", 5));
        _exit(0);
    }
    CHECK(told(r));
    CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
    close(r); // the end of the description is the end of its lease
    CHECK_EXIT(child, 0);
    struct stat st;
    OK(stat("f", &st));
    CHECK_EQ(st.st_size, 5);
}
TEST_DIR(readers_downgrade_a_write_lease) {
    int w = fresh(O_RDWR);
    listen_for(w);
    CHECK_EQ(lease(w, F_WRLCK), 0);
    IN_CHILD(CHECK_ERR(open("f", O_RDONLY | O_NONBLOCK), EWOULDBLOCK));
    CHECK(told(w));
    CHECK_EQ(leased(w), F_RDLCK);
    close(w);
    int r = fresh(O_RDONLY);
    listen_for(r);
    CHECK_EQ(lease(r, F_WRLCK), 0);
    pid_t child = FORK();
    if (child == 0) {
        OK(open("f", O_RDONLY));
        _exit(0);
    }
    CHECK(told(r));
    CHECK_EQ(lease(r, F_RDLCK), 0); // which is enough for a reader
    CHECK_EXIT(child, 0);
    CHECK_EQ(leased(r), F_RDLCK);
}
static void nothing(int sig) { (void)sig; }
TEST_DIR(a_signal_interrupts_the_wait) {
    int r = fresh(O_RDONLY);
    CHECK_EQ(lease(r, F_RDLCK), 0);
    signal(SIGIO, SIG_IGN);
    pid_t child = FORK();
    if (child == 0) {
        struct sigaction a = {.sa_handler = nothing};
        OK(sigaction(SIGALRM, &a, NULL));
        struct itimerval soon = {{0, 0}, {0, 50000}};
        OK(setitimer(ITIMER_REAL, &soon, NULL));
        CHECK_ERR(open("f", O_WRONLY), EINTR);
        _exit(0);
    }
    CHECK_EXIT(child, 0);
}
