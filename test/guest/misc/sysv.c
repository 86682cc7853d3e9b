// System V shared memory, semaphores and message queues; POSIX message queues and shared memory.
#include "../guest.h"
#include <mqueue.h>
#include <poll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

union semun { int val; struct semid_ds *buf; unsigned short *array; };
TEST(shm) {
    int id = OK(shmget(IPC_PRIVATE, 3 * PAGE, IPC_CREAT | 0600));
    char *p = OK(shmat(id, NULL, 0)), *q = OK(shmat(id, NULL, SHM_RDONLY));
    strcpy(p, "shared");
    CHECK_STR(q, "shared");
    CHECK_FAULT(q[0] = 1, SIGSEGV, SEGV_ACCERR, q);
    struct shmid_ds ds;
    OK(shmctl(id, IPC_STAT, &ds));
    CHECK_EQ(ds.shm_nattch, 2), CHECK_EQ(ds.shm_segsz, 3 * PAGE), CHECK_EQ(ds.shm_cpid, getpid());
    IN_CHILD(strcpy(p, "child"); OK(shmctl(id, IPC_STAT, &ds)); CHECK_EQ(ds.shm_nattch, 4));
    CHECK_STR(q, "child");
    OK(shmctl(id, IPC_RMID, NULL));
    OK(shmctl(id, IPC_STAT, &ds)); // lives while attached
    p[1] = 'H';
    OK(shmdt(p)), OK(shmdt(q));
    CHECK_ERR(shmctl(id, IPC_STAT, &ds), EINVAL);
    CHECK_ERR(shmat(id, NULL, 0), EINVAL);
    CHECK_ERR(shmdt(p), EINVAL);
    CHECK_ERR(shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600), EINVAL);
}
TEST(shm_keys) {
    key_t k = 0x5b000000 + getpid();
    CHECK_ERR(shmget(k, PAGE, 0600), ENOENT);
    int id = OK(shmget(k, PAGE, IPC_CREAT | IPC_EXCL | 0600));
    CHECK_ERR(shmget(k, PAGE, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    CHECK_EQ(shmget(k, PAGE, 0600), id);
    CHECK_ERR(shmget(k, 2 * PAGE, 0600), EINVAL);
    OK(shmctl(id, IPC_RMID, NULL));
    CHECK_ERR(shmget(k, PAGE, 0600), ENOENT);
}
TEST(semaphores) {
    int id = OK(semget(IPC_PRIVATE, 3, IPC_CREAT | 0600));
    unsigned short v[3] = {1, 2, 0};
    OK(semctl(id, 0, SETALL, (union semun){.array = v}));
    CHECK_EQ(semctl(id, 1, GETVAL), 2);
    struct sembuf both[2] = {{0, -1, IPC_NOWAIT}, {2, -1, IPC_NOWAIT}};
    CHECK_ERR(semop(id, both, 2), EAGAIN);
    CHECK_EQ(semctl(id, 0, GETVAL), 1); // all or nothing
    pid_t c = FORK();
    if (c == 0) {
        struct sembuf w = {2, -1, 0};
        CHECK_EQ(semop(id, &w, 1), 0);
        _exit(0);
    }
    WAIT_UNTIL(semctl(id, 2, GETNCNT) == 1);
    struct sembuf up = {2, 1, 0}, zero = {0, 0, IPC_NOWAIT};
    CHECK_EQ(semop(id, &up, 1), 0);
    CHECK_EXIT(c, 0);
    CHECK_EQ(semctl(id, 2, GETVAL), 0);
    CHECK_ERR(semop(id, &zero, 1), EAGAIN);
    IN_CHILD(struct sembuf u = {1, -2, SEM_UNDO}; CHECK_EQ(semop(id, &u, 1), 0));
    CHECK_EQ(semctl(id, 1, GETVAL), 2); // undone by exit
    struct timespec ts = {0, 10000000};
    struct sembuf down = {2, -1, 0}, out = {9, 1, 0};
    CHECK_ERR(semtimedop(id, &down, 1, &ts), EAGAIN);
    CHECK_ERR(semop(id, &out, 1), EFBIG);
    CHECK_ERR(semctl(id, 0, SETVAL, (union semun){.val = 40000}), ERANGE);
    c = FORK();
    if (c == 0) {
        struct sembuf w = {2, -1, 0};
        CHECK_ERR(semop(id, &w, 1), EIDRM);
        _exit(0);
    }
    WAIT_UNTIL(semctl(id, 2, GETNCNT) == 1);
    OK(semctl(id, 0, IPC_RMID));
    CHECK_EXIT(c, 0);
    CHECK_ERR(semctl(id, 0, GETVAL), EINVAL);
}
static void nothing(int s) { (void)s; }
TEST(semaphore_sets) {
    key_t k = 0x5c000000 + getpid();
    CHECK_ERR(semget(k, 2, 0600), ENOENT);
    CHECK_ERR(semget(k, 0, IPC_CREAT | 0600), EINVAL);
    int id = OK(semget(k, 2, IPC_CREAT | IPC_EXCL | 0640));
    CHECK_ERR(semget(k, 2, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    CHECK_ERR(semget(k, 3, 0600), EINVAL);
    CHECK_EQ(semget(k, 0, 0600), id);
    struct semid_ds ds;
    OK(semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}));
    CHECK_EQ(ds.sem_nsems, 2), CHECK_EQ(ds.sem_perm.mode, 0640), CHECK_EQ(ds.sem_otime, 0);
    CHECK_EQ(ds.sem_perm.uid, geteuid()), CHECK_EQ(ds.sem_perm.__key, k);
    ds.sem_perm.mode = 0600;
    OK(semctl(id, 0, IPC_SET, (union semun){.buf = &ds}));
    OK(semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}));
    CHECK_EQ(ds.sem_perm.mode, 0600);
    CHECK_EQ(semctl(id, 1, GETPID), 0);
    // One semaphore may come up more than once, and its operations count one after the other.
    struct sembuf ops[3] = {{1, 3, 0}, {1, -2, SEM_UNDO}, {0, 0, 0}};
    OK(semop(id, ops, 3));
    CHECK_EQ(semctl(id, 1, GETVAL), 1), CHECK_EQ(semctl(id, 1, GETPID), getpid());
    unsigned short v[2] = {9, 9};
    OK(semctl(id, 0, GETALL, (union semun){.array = v}));
    CHECK_EQ(v[0], 0), CHECK_EQ(v[1], 1);
    CHECK_ERR(semctl(id, 2, GETVAL), EINVAL);
    struct sembuf most = {1, 32767, IPC_NOWAIT};
    CHECK_ERR(semop(id, &most, 1), ERANGE);
    CHECK_ERR(semop(id, ops, 0), EINVAL);
    CHECK_ERR(semop(id, ops, 501), E2BIG);
    struct seminfo info;
    CHECK_GE(semctl(0, 0, SEM_INFO, (union semun){.buf = (void*)&info}), 0);
    CHECK_GE(info.semusz, 1), CHECK_GE(info.semaem, 2), CHECK_EQ(info.semvmx, 32767);
    // SETVAL forgets what was to be undone.
    IN_CHILD(struct sembuf up = {0, 5, SEM_UNDO}; OK(semop(id, &up, 1));
             OK(semctl(id, 0, SETVAL, (union semun){.val = 7})));
    CHECK_EQ(semctl(id, 0, GETVAL), 7);
    // What exit undoes wakes who waits for zero.
    OK(semctl(id, 0, SETVAL, (union semun){.val = 0}));
    int fd[2];
    OK(pipe(fd));
    pid_t holder = FORK();
    if (holder == 0) {
        struct sembuf up = {0, 1, SEM_UNDO};
        OK(semop(id, &up, 1));
        OK(write(fd[1], "x", 1));
        while (semctl(id, 0, GETZCNT) != 1) sleep_ms(1);
        _exit(0);
    }
    char c;
    CHECK_EQ(read(fd[0], &c, 1), 1);
    struct sembuf zero = {0, 0, 0};
    OK(semop(id, &zero, 1));
    CHECK_EXIT(holder, 0);
    CHECK_EQ(semctl(id, 0, GETZCNT), 0);
    // A signal ends the wait even with SA_RESTART.
    pid_t waiter = FORK();
    if (waiter == 0) {
        on_signal(SIGUSR1, nothing, SA_RESTART);
        struct sembuf down = {0, -1, 0};
        CHECK_ERR(semop(id, &down, 1), EINTR);
        CHECK_EQ(semctl(id, 0, GETNCNT), 0);
        _exit(0);
    }
    WAIT_UNTIL(semctl(id, 0, GETNCNT) == 1);
    OK(kill(waiter, SIGUSR1));
    CHECK_EXIT(waiter, 0);
    OK(semctl(id, 0, IPC_RMID));
    CHECK_ERR(semop(id, &zero, 1), EINVAL);
}
struct msg { long type; char text[32]; };
TEST(messages) {
    int id = OK(msgget(IPC_PRIVATE, IPC_CREAT | 0600));
    struct msg m = {2, "two"}, r;
    OK(msgsnd(id, &m, 4, 0));
    m = (struct msg){1, "one"};
    OK(msgsnd(id, &m, 4, 0));
    m = (struct msg){3, "three"};
    OK(msgsnd(id, &m, 6, 0));
    CHECK_EQ(msgrcv(id, &r, 32, 1, 0), 4);
    CHECK_STR(r.text, "one");
    CHECK_EQ(msgrcv(id, &r, 32, -3, 0), 4); // the lowest type up to 3
    CHECK_EQ(r.type, 2);
    CHECK_ERR(msgrcv(id, &r, 2, 0, 0), E2BIG);
    CHECK_EQ(msgrcv(id, &r, 2, 0, MSG_NOERROR), 2);
    CHECK_ERR(msgrcv(id, &r, 32, 0, IPC_NOWAIT), ENOMSG);
    m.type = 0;
    CHECK_ERR(msgsnd(id, &m, 1, 0), EINVAL);
    struct msginfo info;
    int highest = msgctl(0, MSG_INFO, (void *)&info), seen = 0;
    CHECK_GE(info.msgpool, 1);
    struct msqid_ds each;
    for (int i = 0; i <= highest; i++)
        seen += msgctl(i, MSG_STAT, &each) == id;
    CHECK_EQ(seen, 1);
    pid_t c = FORK();
    if (c == 0) {
        CHECK_EQ(msgrcv(id, &r, 32, 7, 0), 5);
        CHECK_ERR(msgrcv(id, &r, 32, 8, 0), EIDRM);
        _exit(0);
    }
    m = (struct msg){7, "late"};
    OK(msgsnd(id, &m, 5, 0));
    struct msqid_ds ds;
    WAIT_UNTIL(msgctl(id, IPC_STAT, &ds) == 0 && ds.msg_qnum == 0);
    sleep_ms(5);
    OK(msgctl(id, IPC_RMID, NULL));
    CHECK_EXIT(c, 0);
}
static volatile int told;
static void tell(int s) { (void)s; told++; }
TEST(posix_queues) {
    char name[32];
    snprintf(name, 32, "/guest-%d", getpid());
    struct mq_attr a = {.mq_maxmsg = 4, .mq_msgsize = 16}, b;
    mqd_t q = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &a);
    if (q == (mqd_t)-1 && errno == ENOSYS)
        skip("no POSIX queues");
    CHECK_GE(q, 0);
    CHECK_ERR(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &a), EEXIST);
    OK(mq_send(q, "low", 3, 1)), OK(mq_send(q, "high", 4, 9)), OK(mq_send(q, "low2", 4, 1));
    OK(mq_getattr(q, &b));
    CHECK_EQ(b.mq_curmsgs, 3), CHECK_EQ(b.mq_maxmsg, 4), CHECK_EQ(b.mq_flags, O_NONBLOCK);
    char t[16];
    unsigned prio;
    CHECK_EQ(mq_receive(q, t, 16, &prio), 4);
    CHECK_EQ(prio, 9);
    CHECK_EQ(mq_receive(q, t, 16, &prio), 3);
    CHECK_MEM(t, "low", 3);
    CHECK_EQ(mq_receive(q, t, 16, &prio), 4);
    CHECK_ERR(mq_receive(q, t, 16, &prio), EAGAIN);
    CHECK_ERR(mq_receive(q, t, 15, &prio), EMSGSIZE);
    CHECK_ERR(mq_send(q, t, 17, 0), EMSGSIZE);
    CHECK_ERR(mq_send(q, t, 1, 40000), EINVAL);
    struct pollfd p = {q, POLLIN | POLLOUT, 0};
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLOUT);
    on_signal(SIGUSR1, tell, 0);
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    OK(mq_notify(q, &ev));
    CHECK_ERR(mq_notify(q, &ev), EBUSY);
    OK(mq_send(q, "x", 1, 0));
    WAIT_UNTIL(told == 1);
    for (int i = 0; i < 3; i++)
        OK(mq_send(q, "x", 1, 0));
    CHECK_ERR(mq_send(q, "x", 1, 0), EAGAIN);
    CHECK_EQ(told, 1); // once
    OK(mq_unlink(name));
    CHECK_ERR(mq_unlink(name), ENOENT);
    CHECK_EQ(mq_receive(q, t, 16, NULL), 1);
    OK(mq_close(q));
}
TEST(posix_shm) {
    char name[32];
    snprintf(name, 32, "/guest-%d", getpid());
    if (access("/dev/shm", W_OK) != 0)
        skip("no /dev/shm to write to");
    int fd = OK(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
    OK(ftruncate(fd, PAGE));
    char *p = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    pid_t c = FORK();
    if (c == 0) {
        int f = OK(shm_open(name, O_RDWR, 0));
        char *q = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0));
        q[5] = 'c';
        _exit(0);
    }
    CHECK_EXIT(c, 0);
    CHECK_EQ(p[5], 'c');
    OK(shm_unlink(name));
    CHECK_ERR(shm_open(name, O_RDWR, 0), ENOENT);
}
