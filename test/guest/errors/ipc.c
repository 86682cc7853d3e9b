// System V IPC and POSIX message queues: the errors that the pages of msg*, sem*, shm* and mq_* document.
#include "../guest.h"
#include <mqueue.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

static struct { long type; char text[9000]; } m = {1, "text"};
static key_t fresh(void) { return 0x5b000000 ^ getpid() << 4; }
#define UNKNOWN 0x7ffffff0
union semun { int val; void *buf; };
#define SEMCTL(id, n, cmd, arg) syscall(SYS_semctl, id, n, cmd, arg)

TEST(message_queues) {
    struct msqid_ds ds;
    key_t key = fresh();
    ROW(msgget(key, 0600), ENOENT);
    int q = OK(msgget(key, IPC_CREAT | 0600));
    ROW(msgget(key, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    VALUE(msgget(key, 0600), q);
    VALUE(msgget(key, IPC_CREAT), q);
    ROW(msgsnd(q, &m, 8193, 0), EINVAL); // more than kernel.msgmax
    ROW(msgsnd(q, &m, -1, 0), EINVAL);
    m.type = 0;
    ROW(msgsnd(q, &m, 1, 0), EINVAL);
    m.type = -1;
    ROW(msgsnd(q, &m, 1, 0), EINVAL);
    m.type = 1;
    ROW(msgsnd(-1, &m, 1, 0), EINVAL);
    ROW(msgsnd(UNKNOWN, &m, 1, 0), EINVAL);
    ROW(msgsnd(q, (void *)8, 1, 0), EFAULT);
    ROW(msgrcv(-1, &m, 1, 0, IPC_NOWAIT), EINVAL);
    ROW(msgrcv(UNKNOWN, &m, 1, 0, IPC_NOWAIT), EINVAL);
    ROW(msgrcv(q, &m, -1, 0, IPC_NOWAIT), EINVAL);
    ROW(msgrcv(q, &m, 1, 0, IPC_NOWAIT), ENOMSG);
    ROW(msgrcv(q, &m, 1, 5, IPC_NOWAIT), ENOMSG);
    ROW(msgsnd(q, &m, 10, 0), 0);
    ROW(msgrcv(q, &m, 5, 0, 0), E2BIG);
    ROW(msgrcv(q, &m, 5, 7, IPC_NOWAIT), ENOMSG);
    VALUE(msgrcv(q, &m, 5, 0, MSG_NOERROR), 5);
    ROW(msgsnd(q, &m, 10, 0), 0);
    ROW(msgrcv(q, (void *)8, 10, 0, 0), EFAULT);
    ROW(msgsnd(q, &m, 10, 0), 0);
    ROW(msgrcv(q, &m, 10, 0, MSG_COPY), EINVAL);               // without IPC_NOWAIT
    ROW(msgrcv(q, &m, 10, 0, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT), EINVAL);
    long r = msgrcv(q, &m, 10, 0, MSG_COPY | IPC_NOWAIT);
    CHECK(r == 10 || (r == -1 && errno == ENOSYS)); // CONFIG_CHECKPOINT_RESTORE
    if (r == 10) {
        ROW(msgrcv(q, &m, 10, 1, MSG_COPY | IPC_NOWAIT), ENOMSG);
        ROW(msgrcv(q, &m, 10, -1, MSG_COPY | IPC_NOWAIT), ENOMSG);
        ROW(msgrcv(q, &m, 5, 0, MSG_COPY | IPC_NOWAIT), E2BIG);
        ROW(msgrcv(q, &m, 5, 0, MSG_COPY | MSG_NOERROR | IPC_NOWAIT), EINVAL); // a copy is not cut
        OK(msgctl(q, IPC_STAT, &ds));
        CHECK_EQ(ds.msg_qnum, 1);
    }
    while (msgsnd(q, &m, 8000, IPC_NOWAIT) == 0) {
    }
    CHECK_EQ(errno, EAGAIN);
    on_signal(SIGALRM, on_nothing, SA_RESTART), tick(5);
    ROW(msgsnd(q, &m, 8000, 0), EINTR);
    ROW(msgrcv(q, &m, 8000, 5, 0), EINTR);
    struct itimerval off = {0};
    setitimer(ITIMER_REAL, &off, NULL);
    ROW(msgctl(q, 777, &ds), EINVAL);
    ROW(msgctl(-1, IPC_STAT, &ds), EINVAL);
    ROW(msgctl(UNKNOWN, IPC_STAT, &ds), EINVAL);
    ROW(msgctl(UNKNOWN, IPC_RMID, NULL), EINVAL);
    ROW(msgctl(q, IPC_STAT, (void *)8), EFAULT);
    ROW(msgctl(q, IPC_SET, (void *)8), EFAULT);
    ROW(msgctl(0, IPC_INFO, (void *)8), EFAULT);
    ROW(msgctl(q, IPC_STAT, &ds), 0);
    if (privileged())
        IN_CHILD(become(1234);
            CHECK_ERR(msgget(key, 0600), EACCES); CHECK_EQ(msgget(key, 0), q); CHECK_ERR(msgsnd(q, &m, 1, IPC_NOWAIT), EACCES); CHECK_ERR(msgrcv(q, &m, 1, 0, IPC_NOWAIT), EACCES);
            CHECK_ERR(msgctl(q, IPC_STAT, &ds), EACCES); CHECK_ERR(msgctl(q, IPC_SET, &ds), EPERM); CHECK_ERR(msgctl(q, IPC_RMID, NULL), EPERM));
    if (!privileged()) {
        ds.msg_qbytes = 1 << 30;
        ROW(msgctl(q, IPC_SET, &ds), EPERM); // past kernel.msgmnb
    }
    gate_t g = gate_new();
    pid_t p = FORK();
    if (p == 0) {
        gate_open(g);
        CHECK_ERR(msgsnd(q, &m, 8000, 0), EIDRM);
        _exit(0);
    }
    pid_t p2 = FORK();
    if (p2 == 0) {
        gate_open(g);
        CHECK_ERR(msgrcv(q, &m, 8000, 99, 0), EIDRM);
        _exit(0);
    }
    gate_wait(g), gate_wait(g);
    char path[64];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "/proc/%d/stat", i ? p2 : p);
        WAIT_UNTIL(strstr(read_file(path), ") S "));
    }
    ROW(msgctl(q, IPC_RMID, NULL), 0);
    CHECK_EXIT(p, 0);
    CHECK_EXIT(p2, 0);
    ROW(msgctl(q, IPC_RMID, NULL), EINVAL);
    ROW(msgsnd(q, &m, 1, 0), EINVAL);
}
TEST(semaphores) {
    struct semid_ds ds;
    union semun arg = {.buf = &ds};
    unsigned short values[4] = {1, 2, 3, 4};
    struct timespec soon = {0, 1000000}, bad = {0, 1000000000}, neg = {-1, 0};
    key_t key = fresh();
    ROW(semget(key, 1, 0600), ENOENT);
    ROW(semget(IPC_PRIVATE, 0, 0600), EINVAL);
    ROW(semget(IPC_PRIVATE, -1, 0600), EINVAL);
    ROW(semget(IPC_PRIVATE, 100000, 0600), EINVAL);
    int s = OK(semget(key, 3, IPC_CREAT | 0600));
    ROW(semget(key, 3, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    ROW(semget(key, 4, 0600), EINVAL); // more than it has
    VALUE(semget(key, 0, 0600), s);
    struct sembuf up = {0, 1, 0}, down = {0, -1, IPC_NOWAIT}, wait = {0, -1, 0}, zero = {0, 0, IPC_NOWAIT}, far = {9, 1, 0}, most = {0, 32767, 0};
    ROW(semop(-1, &up, 1), EINVAL);
    ROW(semop(UNKNOWN, &up, 1), EINVAL);
    ROW(semop(s, &up, 0), EINVAL);
    ROW(semop(s, &up, 501), E2BIG);
    ROW(semop(s, (void *)8, 1), EFAULT);
    ROW(semop(s, &far, 1), EFBIG);
    ROW(semop(s, &down, 1), EAGAIN);
    ROW(semop(s, &up, 1), 0);
    ROW(semop(s, &zero, 1), EAGAIN);
    ROW(semop(s, &most, 1), ERANGE);
    ROW(semop(s, &down, 1), 0);
    ROW(semtimedop(s, &wait, 1, &soon), EAGAIN);
    ROW(semtimedop(s, &wait, 1, &bad), EINVAL);
    ROW(semtimedop(s, &wait, 1, &neg), EINVAL);
    ROW(semtimedop(s, &wait, 1, (void *)8), EFAULT);
    ROW(semtimedop(-1, &wait, 1, &soon), EINVAL);
    ROW(semtimedop(s, &wait, 501, &soon), E2BIG);
    ROW(semtimedop(s, (void *)8, 1, &soon), EFAULT);
    ROW(semtimedop(s, &far, 1, &soon), EFBIG);
    ROW(semtimedop(s, &most, 1, &soon), 0);
    ROW(semtimedop(s, &most, 1, &soon), ERANGE);
    ROW(semctl(s, 0, SETVAL, 0), 0);
    on_signal(SIGALRM, on_nothing, SA_RESTART), tick(5);
    ROW(semop(s, &wait, 1), EINTR);
    ROW(semtimedop(s, &wait, 1, &(struct timespec){100, 0}), EINTR);
    struct itimerval off = {0};
    setitimer(ITIMER_REAL, &off, NULL);
    ROW(semctl(s, 0, 777, 0), EINVAL);
    ROW(semctl(-1, 0, GETVAL), EINVAL);
    ROW(semctl(UNKNOWN, 0, GETVAL), EINVAL);
    ROW(semctl(s, 3, GETVAL), EINVAL);
    ROW(semctl(s, -1, GETVAL), EINVAL);
    ROW(semctl(s, 3, GETPID), EINVAL);
    ROW(semctl(s, 3, SETVAL, 1), EINVAL);
    ROW(semctl(s, 0, SETVAL, 32768), ERANGE);
    ROW(semctl(s, 0, SETVAL, -1), ERANGE);
    values[1] = 32768;
    ROW(SEMCTL(s, 0, SETALL, values), ERANGE);
    ROW(SEMCTL(s, 0, SETALL, 8), EFAULT);
    ROW(SEMCTL(s, 0, GETALL, 8), EFAULT);
    ROW(SEMCTL(s, 0, IPC_STAT, 8), EFAULT);
    ROW(SEMCTL(s, 0, IPC_SET, 8), EFAULT);
    ROW(SEMCTL(0, 0, IPC_INFO, 8), EFAULT);
    ROW(semctl(s, 0, IPC_STAT, arg), 0);
    CHECK_EQ(ds.sem_nsems, 3);
    VALUE(semctl(s, 0, GETNCNT), 0);
    VALUE(semctl(s, 0, GETZCNT), 0);
    if (privileged())
        IN_CHILD(become(1234);
            CHECK_ERR(semget(key, 1, 0600), EACCES); CHECK_ERR(semop(s, &up, 1), EACCES); CHECK_ERR(semop(s, &zero, 1), EACCES); CHECK_ERR(semtimedop(s, &up, 1, &soon), EACCES);
            CHECK_ERR(semctl(s, 0, GETVAL), EACCES); CHECK_ERR(semctl(s, 0, SETVAL, 1), EACCES); CHECK_ERR(semctl(s, 0, GETALL, values), EACCES); CHECK_ERR(semctl(s, 0, IPC_STAT, arg), EACCES);
            CHECK_ERR(semctl(s, 0, IPC_SET, arg), EPERM); CHECK_ERR(semctl(s, 0, IPC_RMID), EPERM));
    gate_t g = gate_new();
    pid_t p = FORK();
    if (p == 0) {
        gate_open(g);
        CHECK_ERR(semtimedop(s, &wait, 1, &(struct timespec){100, 0}), EIDRM);
        _exit(0);
    }
    gate_wait(g);
    WAIT_UNTIL(semctl(s, 0, GETNCNT) == 1);
    ROW(semctl(s, 0, IPC_RMID), 0);
    CHECK_EXIT(p, 0);
    ROW(semctl(s, 0, IPC_RMID), EINVAL);
}
TEST(shared_memory) {
    struct shmid_ds ds;
    key_t key = fresh();
    ROW(shmget(key, PAGE, 0600), ENOENT);
    ROW(shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600), EINVAL);
    ROW(shmget(IPC_PRIVATE, -1L, IPC_CREAT | 0600), errno == ENOSPC ? ENOSPC : EINVAL);
    int s = OK(shmget(key, 2 * PAGE, IPC_CREAT | 0600));
    ROW(shmget(key, PAGE, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    ROW(shmget(key, 3 * PAGE, 0600), EINVAL); // larger than it is
    VALUE(shmget(key, 0, 0600), s);
    ROW(shmat(-1, NULL, 0), EINVAL);
    ROW(shmat(UNKNOWN, NULL, 0), EINVAL);
    ROW(shmat(s, (void *)1, 0), EINVAL);
    ROW(shmat(s, NULL, SHM_REMAP), EINVAL);
    char *at = OK(shmat(s, NULL, 0)), *ro = OK(shmat(s, NULL, SHM_RDONLY));
    ROW(shmat(s, at, 0), EINVAL); // something is there
    ROW(shmat(s, at, SHM_REMAP), 0);
    ROW(shmat(s, at + 5, SHM_REMAP | SHM_RND), 0);
    CHECK_FAULT(*(volatile char *)ro = 1, SIGSEGV, SEGV_ACCERR, ro);
    ROW(mprotect(ro, PAGE, PROT_READ | PROT_WRITE), EACCES);
    ROW(shmdt(at + 1), EINVAL);
    ROW(shmdt(at + PAGE), EINVAL);
    ROW(shmdt((void *)(1L << 60)), EINVAL);
    ROW(shmctl(s, 777, &ds), EINVAL);
    ROW(shmctl(-1, IPC_STAT, &ds), EINVAL);
    ROW(shmctl(UNKNOWN, IPC_STAT, &ds), EINVAL);
    ROW(shmctl(s, IPC_STAT, (void *)8), EFAULT);
    ROW(shmctl(s, IPC_SET, (void *)8), EFAULT);
    ROW(shmctl(0, IPC_INFO, (void *)8), EFAULT);
    ROW(shmctl(0, SHM_INFO, (void *)8), EFAULT);
    ROW(shmctl(s, IPC_STAT, &ds), 0);
    CHECK_EQ(ds.shm_segsz, 2 * PAGE), CHECK_EQ(ds.shm_nattch, 2);
    if (privileged())
        IN_CHILD(become(1234);
            CHECK_ERR(shmget(key, PAGE, 0600), EACCES); CHECK_ERR(shmat(s, NULL, 0), EACCES); CHECK_ERR(shmat(s, NULL, SHM_RDONLY), EACCES); CHECK_ERR(shmctl(s, IPC_STAT, &ds), EACCES);
            CHECK_ERR(shmctl(s, IPC_SET, &ds), EPERM); CHECK_ERR(shmctl(s, IPC_RMID, NULL), EPERM); CHECK_ERR(shmctl(s, SHM_LOCK, NULL), EPERM));
    ROW(shmctl(s, IPC_RMID, NULL), 0);
    ROW(shmctl(s, IPC_RMID, NULL), 0); // marked, and still attached
    ROW(shmget(key, 0, 0600), ENOENT);
    ROW(shmat(s, NULL, 0), 0); // Linux lets it be attached all the same
    ROW(shmdt(ro), 0);
    ROW(shmdt(ro), EINVAL);
    struct rlimit none = {0, 0};
    int t = OK(shmget(IPC_PRIVATE, PAGE, 0600));
    IN_CHILD(OK(setrlimit(RLIMIT_MEMLOCK, &none)); if (privileged()) { struct shmid_ds d; OK(shmctl(t, IPC_STAT, &d)); d.shm_perm.uid = 1234; OK(shmctl(t, IPC_SET, &d)); become(1234); }
             CHECK_ERR(shmctl(t, SHM_LOCK, NULL), EPERM); CHECK_EQ(shmctl(t, SHM_UNLOCK, NULL), 0));
    ROW(shmctl(t, IPC_RMID, NULL), 0);
    ROW(shmctl(t, IPC_STAT, &ds), EINVAL);
}
#define MQ(call, ...) syscall(SYS_mq_##call, __VA_ARGS__)
TEST(posix_message_queues) {
    char name[32], longer[300], b[9000];
    struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 16}, old;
    struct timespec past = {1, 0}, bad = {0, 1000000000}, neg = {-1, 0};
    snprintf(name, sizeof name, "errors.%d", getpid());
    memset(longer, 'n', 256), longer[256] = 0;
    ROW(MQ(open, name, O_RDWR, 0600, NULL), ENOENT);
    ROW(MQ(open, "", O_RDWR | O_CREAT, 0600, NULL), ENOENT);
    ROW(MQ(open, "a/b", O_RDWR | O_CREAT, 0600, NULL), EACCES);
    ROW(MQ(open, longer, O_RDWR | O_CREAT, 0600, NULL), ENAMETOOLONG);
    ROW(MQ(open, 8, O_RDWR | O_CREAT, 0600, NULL), EFAULT);
    ROW(MQ(open, name, O_RDWR | O_CREAT, 0600, 8), EFAULT);
    attr.mq_maxmsg = 0;
    ROW(MQ(open, name, O_RDWR | O_CREAT, 0600, &attr), EINVAL);
    attr.mq_maxmsg = 2, attr.mq_msgsize = 0;
    ROW(MQ(open, name, O_RDWR | O_CREAT, 0600, &attr), EINVAL);
    attr.mq_msgsize = 1 << 30;
    ROW(MQ(open, name, O_RDWR | O_CREAT, 0600, &attr), EINVAL);
    attr.mq_msgsize = 16;
    int q = MQ(open, name, O_RDWR | O_CREAT, 0600, &attr);
    CHECK_GE(q, 0);
    ROW(MQ(open, name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr), EEXIST);
    int r = MQ(open, name, O_RDONLY | O_NONBLOCK, 0, NULL), w = MQ(open, name, O_WRONLY | O_NONBLOCK, 0, NULL), f = OK(open("/dev/null", O_RDWR));
    if (privileged())
        IN_CHILD(become(1234); CHECK_ERR(MQ(open, name, O_RDWR, 0, NULL), EACCES); CHECK_ERR(MQ(unlink, name), EPERM));
    ROW(MQ(timedsend, 99, b, 1, 0, NULL), EBADF);
    ROW(MQ(timedsend, f, b, 1, 0, NULL), EBADF);
    ROW(MQ(timedsend, r, b, 1, 0, NULL), EBADF);
    ROW(MQ(timedsend, w, b, 17, 0, NULL), EMSGSIZE);
    ROW(MQ(timedsend, w, b, 1, 32768, NULL), EINVAL);
    ROW(MQ(timedsend, w, 8, 1, 0, NULL), EFAULT);
    ROW(MQ(timedsend, w, b, 1, 0, &bad), EINVAL);
    ROW(MQ(timedsend, w, b, 1, 0, &neg), EINVAL);
    ROW(MQ(timedsend, w, b, 1, 0, 8), EFAULT);
    ROW(MQ(timedreceive, 99, b, 16, NULL, NULL), EBADF);
    ROW(MQ(timedreceive, f, b, 16, NULL, NULL), EBADF);
    ROW(MQ(timedreceive, w, b, 16, NULL, NULL), EBADF);
    ROW(MQ(timedreceive, r, b, 15, NULL, NULL), EMSGSIZE);
    ROW(MQ(timedreceive, r, b, 16, NULL, NULL), EAGAIN);
    ROW(MQ(timedreceive, q, b, 16, NULL, &past), ETIMEDOUT);
    ROW(MQ(timedreceive, q, b, 16, NULL, &bad), EINVAL);
    ROW(MQ(timedreceive, q, b, 16, NULL, 8), EFAULT);
    on_signal(SIGALRM, on_nothing, 0), tick(5);
    ROW(MQ(timedreceive, q, b, 16, NULL, NULL), EINTR);
    ROW(MQ(timedsend, q, b, 1, 32767, NULL), 0);
    ROW(MQ(timedreceive, q, 8, 16, NULL, NULL), EFAULT);
    ROW(MQ(timedsend, q, b, 1, 0, NULL), 0);
    ROW(MQ(timedsend, q, b, 1, 0, NULL), 0);
    ROW(MQ(timedsend, w, b, 1, 0, NULL), EAGAIN);
    ROW(MQ(timedsend, q, b, 1, 0, &past), ETIMEDOUT);
    ROW(MQ(timedsend, q, b, 1, 0, NULL), EINTR);
    struct itimerval off = {0};
    setitimer(ITIMER_REAL, &off, NULL);
    ROW(MQ(getsetattr, 99, NULL, &old), EBADF);
    ROW(MQ(getsetattr, f, NULL, &old), EBADF);
    ROW(MQ(getsetattr, q, NULL, 8), EFAULT);
    ROW(MQ(getsetattr, q, 8, NULL), EFAULT);
    attr.mq_flags = O_APPEND;
    ROW(MQ(getsetattr, q, &attr, NULL), EINVAL);
    ROW(MQ(getsetattr, q, NULL, &old), 0);
    CHECK_EQ(old.mq_maxmsg, 2), CHECK_EQ(old.mq_msgsize, 16), CHECK_EQ(old.mq_curmsgs, 2);
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    ROW(MQ(notify, 99, &ev), EBADF);
    ROW(MQ(notify, f, &ev), EBADF);
    ROW(MQ(notify, q, 8), EFAULT);
    ev.sigev_signo = 65;
    ROW(MQ(notify, q, &ev), EINVAL);
    ev.sigev_notify = 77;
    ROW(MQ(notify, q, &ev), EINVAL);
    ev.sigev_notify = SIGEV_NONE, ev.sigev_signo = SIGUSR1;
    ROW(MQ(notify, q, &ev), 0);
    ROW(MQ(notify, q, &ev), EBUSY);
    ROW(MQ(notify, q, NULL), 0);
    ROW(MQ(notify, q, NULL), 0);
    ROW(MQ(unlink, "none"), ENOENT);
    ROW(MQ(unlink, longer), ENAMETOOLONG);
    ROW(MQ(unlink, 8), EFAULT);
    ROW(MQ(unlink, "a/b"), EACCES);
    ROW(MQ(unlink, name), 0);
    ROW(MQ(unlink, name), ENOENT);
    struct rlimit small = {0, 0};
    IN_CHILD(OK(setrlimit(RLIMIT_MSGQUEUE, &small)); if (privileged()) become(1234); CHECK_ERR(MQ(open, name, O_RDWR | O_CREAT, 0600, NULL), EMFILE));
    struct rlimit fds = {4, 4};
    OK(syscall(SYS_close_range, 3, ~0U, 0)), OK(dup2(0, 3)), OK(setrlimit(RLIMIT_NOFILE, &fds));
    ROW(MQ(open, name, O_RDWR | O_CREAT, 0600, NULL), EMFILE);
    ROW(MQ(unlink, name), ENOENT); // and it was not made
}
