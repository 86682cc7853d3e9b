// Each call that waits, interrupted by handlers with and without SA_RESTART: signal(7), "Interruption of system calls and library functions by
// signal handlers".
#include "../guest.h"
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

static char b[1 << 20];
static struct iovec v = {b, 1}, large = {b, sizeof b};
static int in[2], full[2], s[2], s_full[2], listener, idle_listener, unconnected, event, ino, ep, mq, mq_full, msg, msg_full, sem, locked_elsewhere, f, timer, sigfd;
static aio_context_t aio;
static uint32_t word;
static pid_t holder, child;
static struct timespec forever = {1000, 0};
static gate_t let_go;

static long read_pipe(void) { return read(in[0], b, 1); }
static long readv_pipe(void) { return readv(in[0], &v, 1); }
static long read_socket(void) { return read(s[0], b, 1); }
static long read_event(void) { return read(event, b, 8); }
static long read_timer(void) { return read(timer, b, 8); }
static long read_signal(void) { return read(sigfd, b, 128); }
static long read_inotify(void) { return read(ino, b, 1000); }
static long write_pipe(void) { return write(full[1], b, 1); }
static long writev_pipe(void) { return writev(full[1], &v, 1); }
static long write_socket(void) { return write(s_full[0], b, 1); }
static long splice_out(void) { return splice(in[0], NULL, f, NULL, 1, 0); }
static long vmsplice_in(void) { return vmsplice(full[1], &v, 1, 0); }
static long tee_pipe(void) { return tee(in[0], full[1], 1, 0); }
static long accept_it(void) { return accept(idle_listener, NULL, NULL); }
static long connect_it(void) {
    struct sockaddr_un a = {AF_UNIX, "listener"};
    return connect(unconnected, (void *)&a, sizeof a);
}
static long recv_it(void) { return recv(s[0], b, 1, 0); }
static long recvfrom_it(void) { return recvfrom(s[0], b, 1, 0, NULL, NULL); }
static long recvmsg_it(void) { return recvmsg(s[0], &(struct msghdr){.msg_iov = &v, .msg_iovlen = 1}, 0); }
static long recvmmsg_it(void) { return recvmmsg(s[0], &(struct mmsghdr){{.msg_iov = &v, .msg_iovlen = 1}, 0}, 1, 0, NULL); }
static long send_it(void) { return send(s_full[0], b, 1, 0); }
static long sendto_it(void) { return sendto(s_full[0], b, 1, 0, NULL, 0); }
static long sendmsg_it(void) { return sendmsg(s_full[0], &(struct msghdr){.msg_iov = &v, .msg_iovlen = 1}, 0); }
static long flock_it(void) { return flock(locked_elsewhere, LOCK_EX); }
static long record_lock(void) { return fcntl(f, F_SETLKW, &(struct flock){.l_type = F_WRLCK}); }
static long description_lock(void) { return fcntl(f, F_OFD_SETLKW, &(struct flock){.l_type = F_WRLCK}); }
static long receive_mq(void) { return syscall(SYS_mq_timedreceive, mq, b, 8192, NULL, NULL); }
static long send_mq(void) { return syscall(SYS_mq_timedsend, mq_full, b, 1, 0, NULL); }
static long futex(void) { return syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0); }
static long futex_bitset(void) { return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 1); }
static long futex_timed(void) { return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &forever, NULL, 0); }
static long wait_child(void) { return syscall(SYS_wait4, child, NULL, 0, NULL); }
static long waitid_child(void) { return waitid(P_PID, child, &(siginfo_t){0}, WEXITED); }
static long open_fifo(void) { return open("fifo", O_RDONLY); }
// Never restarted.
static long recv_timed(void) { return setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){100, 0}, 16) == 0 ? recv(s[0], b, 1, 0) : 0; }
static long accept_timed(void) { return setsockopt(idle_listener, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){100, 0}, 16) == 0 ? accept(idle_listener, NULL, NULL) : 0; }
static long send_timed(void) { return setsockopt(s_full[0], SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){100, 0}, 16) == 0 ? send(s_full[0], b, 1, 0) : 0; }
static long connect_timed(void) { return setsockopt(unconnected, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){100, 0}, 16) == 0 ? connect_it() : 0; }
static long pause_it(void) { return syscall(SYS_pause); }
static long suspend(void) { return syscall(SYS_rt_sigsuspend, &(uint64_t){0}, 8); }
static long wait_signal(void) { return syscall(SYS_rt_sigtimedwait, &(uint64_t){1 << (SIGUSR2 - 1)}, NULL, NULL, 8); }
static long epoll(void) { return syscall(SYS_epoll_wait, ep, b, 1, -1); }
static long epoll_masked(void) { return syscall(SYS_epoll_pwait, ep, b, 1, -1, NULL, 8); }
static long poll_it(void) { return syscall(SYS_poll, &(struct pollfd){in[0], POLLIN, 0}, 1, -1); }
static long ppoll_it(void) { return syscall(SYS_ppoll, &(struct pollfd){in[0], POLLIN, 0}, 1, NULL, NULL, 8); }
static long select_it(void) { return syscall(SYS_select, 0, NULL, NULL, NULL, NULL); }
static long pselect_it(void) { return syscall(SYS_pselect6, 0, NULL, NULL, NULL, NULL, NULL); }
static long receive_msg(void) { return msgrcv(msg, b, 10, 0, 0); }
static long send_msg(void) { return msgsnd(msg_full, &(struct { long type; char c[8192]; }){1, ""}, 8192, 0); }
static long semaphore(void) { return semop(sem, &(struct sembuf){0, -1, 0}, 1); }
static long semaphore_timed(void) { return semtimedop(sem, &(struct sembuf){0, -1, 0}, 1, &forever); }
static long sleep_it(void) { return syscall(SYS_nanosleep, &forever, NULL); }
static long sleep_clock(void) { return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &forever, NULL); }
static long sleep_until(void) { return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &(struct timespec){1LL << 40, 0}, NULL); }
static long events(void) { return syscall(SYS_io_getevents, aio, 1L, 1L, b, NULL); }

enum { EINTR_ALWAYS, RESTARTS };
static const struct { const char *name; long (*call)(void); int kind; } table[] = {
#define R(x) {#x, x, RESTARTS}
#define N(x) {#x, x, EINTR_ALWAYS}
    R(read_pipe), R(readv_pipe), R(read_socket), R(read_event), R(read_timer), R(read_signal), R(read_inotify), R(write_pipe), R(writev_pipe), R(write_socket), R(splice_out), R(vmsplice_in), R(tee_pipe),
    R(accept_it), R(connect_it), R(recv_it), R(recvfrom_it), R(recvmsg_it), R(recvmmsg_it), R(send_it), R(sendto_it), R(sendmsg_it), R(flock_it), R(record_lock), R(description_lock), R(receive_mq), R(send_mq),
    R(futex), R(futex_bitset), R(wait_child), R(waitid_child), R(open_fifo),
    N(futex_timed), N(recv_timed), N(accept_timed), N(send_timed), N(connect_timed), N(pause_it), N(suspend), N(wait_signal), N(epoll), N(epoll_masked), N(poll_it), N(ppoll_it), N(select_it), N(pselect_it), N(receive_msg),
    N(send_msg), N(semaphore), N(semaphore_timed), N(sleep_it), N(sleep_clock), N(sleep_until), N(events),
};

static void setup(void) {
    struct sockaddr_un a = {AF_UNIX, "listener"}, idle = {AF_UNIX, "idle"};
    OK(pipe(in)), OK(pipe(full)), OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s)), OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s_full));
    OK(fcntl(full[1], F_SETFL, O_NONBLOCK)), OK(fcntl(s_full[0], F_SETFL, O_NONBLOCK));
    while (writev(full[1], &large, 1) > 0) {
    }
    while (writev(s_full[0], &large, 1) > 0) {
    }
    OK(fcntl(full[1], F_SETFL, 0)), OK(fcntl(s_full[0], F_SETFL, 0));
    listener = OK(socket(AF_UNIX, SOCK_STREAM, 0)), OK(bind(listener, (void *)&a, sizeof a)), OK(listen(listener, 0));
    idle_listener = OK(socket(AF_UNIX, SOCK_STREAM, 0)), OK(bind(idle_listener, (void *)&idle, sizeof idle)), OK(listen(idle_listener, 5));
    OK(connect(OK(socket(AF_UNIX, SOCK_STREAM, 0)), (void *)&a, sizeof a)); // fills the queue
    unconnected = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    event = OK(eventfd(0, 0)), timer = OK(timerfd_create(CLOCK_MONOTONIC, 0)), ep = OK(epoll_create1(0)), ino = OK(inotify_init()), OK(mkfifo("fifo", 0600)), f = OK(open("file", O_CREAT | O_RDWR, 0600));
    OK(inotify_add_watch(ino, "file", IN_ATTRIB)), OK(syscall(SYS_io_setup, 1, &aio));
    sigset_t set = sigset_of(SIGUSR2, 0, 0);
    sigprocmask(SIG_BLOCK, &set, NULL), sigfd = OK(signalfd(-1, &set, 0));
    char name[32];
    struct { long flags, max, size, now, room[4]; } attr = {0, 1, 8192, 0, {0}};
    snprintf(name, sizeof name, "wait.%d", getpid());
    mq = OK(syscall(SYS_mq_open, name, O_RDWR | O_CREAT, 0600, &attr)), OK(syscall(SYS_mq_unlink, name));
    mq_full = OK(syscall(SYS_mq_open, name, O_RDWR | O_CREAT, 0600, &attr)), OK(syscall(SYS_mq_unlink, name)), OK(syscall(SYS_mq_timedsend, mq_full, b, 1, 0, NULL));
    locked_elsewhere = OK(open("file", O_RDONLY));
    int other = OK(open("file", O_RDWR));
    gate_t ready = gate_new();
    let_go = gate_new();
    holder = FORK();
    if (holder == 0) {
        int g = OK(open("file", O_RDWR));
        OK(flock(other, LOCK_EX)), OK(fcntl(g, F_OFD_SETLK, &(struct flock){.l_type = F_WRLCK}));
        gate_open(ready), gate_wait(let_go);
        OK(flock(other, LOCK_UN)), OK(fcntl(g, F_OFD_SETLK, &(struct flock){.l_type = F_UNLCK}));
        for (;;)
            pause();
    }
    gate_wait(ready);
    close(other);
    child = FORK();
    if (child == 0)
        for (;;)
            pause();
}
static volatile int handled;
static void count(int sig) { (void)sig, handled++; }
// What ends all the waits that can be restarted, once a handler has run twice.
static void *release(void *p) {
    while (handled < 2)
        sleep_ms(1);
    sleep_ms(5);
    if (write(in[1], b, 1) < 0 || write(s[1], b, 1) < 0 || write(event, &(uint64_t){1}, 8) < 0 || timerfd_settime(timer, 0, &(struct itimerspec){{0, 0}, {0, 1}}, NULL) || kill(getpid(), SIGUSR2) || chmod("file", 0640))
        return p;
    if (read(full[0], b, sizeof b) < 0 || read(s_full[1], b, sizeof b) < 0 || accept(listener, NULL, NULL) < 0 || syscall(SYS_mq_timedreceive, mq_full, b, 8192, NULL, NULL) < 0)
        return p;
    struct sockaddr_un idle = {AF_UNIX, "idle"};
    if (connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&idle, sizeof idle) != 0 || syscall(SYS_mq_timedsend, mq, b, 1, 0, NULL) != 0)
        return p;
    gate_open(let_go);
    word = 1;
    syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
    kill(child, SIGKILL);
    // Kept open: a reader between two tries finds it.
    while (open("fifo", O_WRONLY | O_NONBLOCK) < 0) sleep_ms(1);
    return NULL;
}
static void interrupt(int i, bool restart) {
    IN_CHILD({
        pthread_t t;
        sigset_t alarm = sigset_of(SIGALRM, 0, 0);
        setup();
        msg = OK(msgget(IPC_PRIVATE, 0600)), msg_full = OK(msgget(IPC_PRIVATE, 0600)), sem = OK(semget(IPC_PRIVATE, 1, 0600));
        while (syscall(SYS_msgsnd, msg_full, &(struct { long type; char c[8192]; }){1, ""}, 8192L, IPC_NOWAIT) == 0) {
        }
        sigprocmask(SIG_BLOCK, &alarm, NULL);
        on_signal(SIGALRM, count, restart ? SA_RESTART : 0);
        // What is not restarted ends with the first signal that meets it, however late that is.
        bool want = restart && table[i].kind == RESTARTS;
        if (want)
            CHECK_RET(pthread_create(&t, NULL, release, NULL), 0);
        sigprocmask(SIG_UNBLOCK, &alarm, NULL);
        tick(3);
        errno = 0;
        long r = table[i].call();
        int e = errno;
        struct itimerval off = {0};
        setitimer(ITIMER_REAL, &off, NULL);
        // A futex whose word was changed before the call could begin again, and then looked at it.
        if (want && r == -1 && e == EAGAIN && word == 1)
            r = 0;
        char what[80];
        snprintf(what, sizeof what, "%s interrupted %s SA_RESTART", table[i].name, restart ? "with" : "without");
        guest_row(__FILE__, __LINE__, what, r, e, want ? 0 : EINTR, false);
        if (want)
            CHECK_GE(handled, 2);
        kill(holder, SIGKILL), kill(child, SIGKILL);
        msgctl(msg, IPC_RMID, NULL), msgctl(msg_full, IPC_RMID, NULL), semctl(sem, 0, IPC_RMID);
    });
}
static void all(int from, int to, bool restart) {
    for (int i = from; i < to && i < (int)(sizeof table / sizeof *table); i++) {
        char dir[20];
        snprintf(dir, sizeof dir, "%d", i);
        OK(mkdir(dir, 0700)), OK(chdir(dir));
        interrupt(i, restart);
        OK(chdir(".."));
    }
}
#define LONG_DIR(n) GUEST_TEST_(n, GUEST_DIR, 20)
LONG_DIR(first_with_restart) { all(0, 27, true); }
LONG_DIR(others_with_restart) { all(27, 99, true); }
LONG_DIR(first_without_restart) { all(0, 27, false); }
LONG_DIR(others_without_restart) { all(27, 99, false); }
