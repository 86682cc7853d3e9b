// Threads as pthreads use them: create, join, detach, cancel, TLS, mutexes, condition variables, the leader leaving first.
#include "../guest.h"
#include <pthread.h>
#include <semaphore.h>

static __thread int tls = 7;
static void *touch_tls(void *a) {
    if (tls != 7)
        return (void *)-1L;
    tls = (long)a;
    sleep_ms(2);
    return (void *)(long)tls;
}
TEST(create_join_tls) {
    pthread_t t[16];
    for (long i = 0; i < 16; i++)
        CHECK_RET(pthread_create(&t[i], NULL, touch_tls, (void *)i), 0);
    for (long i = 0; i < 16; i++) {
        void *r;
        CHECK_RET(pthread_join(t[i], &r), 0);
        CHECK_EQ((long)r, i);
    }
    CHECK_EQ(tls, 7);
}
static void *ids(void *a) {
    long *r = a;
    r[0] = gettid(), r[1] = getpid(), r[2] = getppid();
    return NULL;
}
TEST(ids) {
    long r[3];
    pthread_t t;
    CHECK_RET(pthread_create(&t, NULL, ids, r), 0);
    CHECK_RET(pthread_join(t, NULL), 0);
    CHECK_NE(r[0], gettid()), CHECK_EQ(r[1], getpid()), CHECK_EQ(r[2], getppid());
}
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int counter;
static void *increment(void *a) {
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
    }
    return a;
}
TEST(mutex_counts) {
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        CHECK_RET(pthread_create(&t[i], NULL, increment, NULL), 0);
    for (int i = 0; i < 4; i++)
        CHECK_RET(pthread_join(t[i], NULL), 0);
    CHECK_EQ(counter, 8000);
}
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turn;
static void *ping(void *a) {
    long me = (long)a;
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&mutex);
        while (turn != me)
            pthread_cond_wait(&cond, &mutex);
        turn = !me;
        counter++;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}
TEST(condition_ping_pong) {
    pthread_t a, b;
    counter = 0;
    CHECK_RET(pthread_create(&a, NULL, ping, (void *)0), 0);
    CHECK_RET(pthread_create(&b, NULL, ping, (void *)1), 0);
    CHECK_RET(pthread_join(a, NULL), 0);
    CHECK_RET(pthread_join(b, NULL), 0);
    CHECK_EQ(counter, 200);
}
TEST(timed_waits) {
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    ts.tv_nsec += 20000000;
    if (ts.tv_nsec >= 1000000000)
        ts.tv_sec++, ts.tv_nsec -= 1000000000;
    long long t = now_ns();
    pthread_mutex_lock(&mutex);
    CHECK_RET(pthread_cond_timedwait(&cond, &mutex, &ts), ETIMEDOUT);
    CHECK_GE(now_ns() - t, 15000000);
    sem_t s;
    sem_init(&s, 0, 0);
    CHECK_ERR(sem_timedwait(&s, &ts), ETIMEDOUT);
}
static volatile int cleaned;
static void clean(void *a) { cleaned += (long)a; }
static void *cancellable(void *a) {
    pthread_cleanup_push(clean, (void *)1);
    gate_open(*(gate_t *)a);
    for (;;)
        pause();
    pthread_cleanup_pop(0);
    return NULL;
}
TEST(cancel) {
    pthread_t t;
    void *r;
    gate_t g = gate_new();
    CHECK_RET(pthread_create(&t, NULL, cancellable, &g), 0);
    gate_wait(g);
    CHECK_RET(pthread_cancel(t), 0);
    CHECK_RET(pthread_join(t, &r), 0);
    CHECK(r == PTHREAD_CANCELED);
    CHECK_EQ(cleaned, 1);
}
static void *spin_cancellable(void *a) {
    int old;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
    gate_open(*(gate_t *)a);
    for (;;)
        __asm__ volatile("pause");
    return NULL;
}
TEST(cancel_asynchronously) {
    pthread_t t;
    void *r;
    gate_t g = gate_new();
    CHECK_RET(pthread_create(&t, NULL, spin_cancellable, &g), 0);
    gate_wait(g);
    CHECK_RET(pthread_cancel(t), 0);
    CHECK_RET(pthread_join(t, &r), 0);
    CHECK(r == PTHREAD_CANCELED);
}
static void *late_exit(void *a) {
    sleep_ms(20);
    exit((int)(long)a);
}
TEST(leader_exits_first) {
    pid_t c = FORK();
    if (c == 0) {
        pthread_t t;
        CHECK_RET(pthread_create(&t, NULL, late_exit, (void *)6L), 0);
        syscall(SYS_exit, 1); // the leader alone: it stays as a zombie until the group is gone
    }
    CHECK_EQ(waitpid(c, NULL, WNOHANG), 0);
    CHECK_EXIT(c, 6);
    c = FORK();
    if (c == 0) {
        pthread_t t;
        CHECK_RET(pthread_create(&t, NULL, touch_tls, (void *)6L), 0);
        pthread_exit(NULL);
    }
    CHECK_EXIT(c, 0);
}
TEST(exit_group_ends_blocked_threads) {
    pid_t c = FORK();
    if (c == 0) {
        pthread_t t;
        gate_t g = gate_new();
        for (int i = 0; i < 3; i++) {
            CHECK_RET(pthread_create(&t, NULL, i ? cancellable : spin_cancellable, &g), 0);
            gate_wait(g);
        }
        _exit(12);
    }
    CHECK_EXIT(c, 12);
}
TEST(fatal_signal_ends_all_threads) {
    pid_t c = FORK();
    if (c == 0) {
        pthread_t t;
        gate_t g = gate_new();
        CHECK_RET(pthread_create(&t, NULL, spin_cancellable, &g), 0);
        gate_wait(g);
        kill(getpid(), SIGTERM);
        for (;;)
            pause();
    }
    CHECK_KILLED(c, SIGTERM);
}
static void *fault(void *a) {
    *(volatile int *)8 = 1;
    return a;
}
TEST(fault_in_a_thread_kills_the_process) {
    struct rlimit r = {0, 0};
    setrlimit(RLIMIT_CORE, &r);
    pid_t c = FORK();
    if (c == 0) {
        pthread_t t;
        CHECK_RET(pthread_create(&t, NULL, fault, NULL), 0);
        for (;;)
            pause();
    }
    CHECK_KILLED(c, SIGSEGV);
}
static void *fork_there(void *a) {
    pid_t c = fork();
    if (c == 0)
        _exit(gettid() == getpid() ? 5 : 6);
    *(pid_t *)a = c;
    return NULL;
}
TEST(fork_in_a_thread) {
    pthread_t t;
    pid_t c = 0;
    CHECK_RET(pthread_create(&t, NULL, fork_there, &c), 0);
    CHECK_RET(pthread_join(t, NULL), 0);
    CHECK_EXIT(c, 5); // any thread may wait for it
}
TEST(many_short_threads) {
    for (int i = 0; i < 60; i++) {
        pthread_t t;
        CHECK_RET(pthread_create(&t, NULL, touch_tls, (void *)1L), 0);
        CHECK_RET(i % 2 ? pthread_detach(t) : pthread_join(t, NULL), 0);
    }
    sleep_ms(20);
}
static pthread_key_t key;
static volatile int destroyed;
static void destroy(void *a) { destroyed += (long)a; }
static void *with_key(void *a) {
    pthread_setspecific(key, a);
    return NULL;
}
TEST(keys_and_once) {
    pthread_t t;
    CHECK_RET(pthread_key_create(&key, destroy), 0);
    CHECK_RET(pthread_create(&t, NULL, with_key, (void *)3L), 0);
    CHECK_RET(pthread_join(t, NULL), 0);
    CHECK_EQ(destroyed, 3);
}
static volatile pthread_t took;
static void take(int s) {
    (void)s;
    took = pthread_self();
}
static void *until_taken(void *a) {
    gate_open(*(gate_t *)a);
    while (!took)
        sleep_ms(1);
    return NULL;
}
TEST(pthread_kill_reaches_that_thread) {
    on_signal(SIGUSR1, take, 0);
    pthread_t t;
    gate_t g = gate_new();
    CHECK_RET(pthread_create(&t, NULL, until_taken, &g), 0);
    gate_wait(g);
    CHECK_RET(pthread_kill(t, SIGUSR1), 0);
    CHECK_RET(pthread_join(t, NULL), 0);
    CHECK(pthread_equal(took, t));
}
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static volatile int inside, worst;
static void *reader(void *a) {
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 100; i++) {
        if (i % 10 == 0) {
            pthread_rwlock_wrlock(&rw);
            if (inside)
                worst = 1;
            inside = 1;
            inside = 0;
        } else {
            pthread_rwlock_rdlock(&rw);
            if (inside)
                worst = 1;
        }
        pthread_rwlock_unlock(&rw);
    }
    return a;
}
TEST(rwlock_and_barrier) {
    pthread_t t[4];
    pthread_barrier_init(&barrier, NULL, 4);
    for (int i = 0; i < 4; i++)
        CHECK_RET(pthread_create(&t[i], NULL, reader, NULL), 0);
    for (int i = 0; i < 4; i++)
        CHECK_RET(pthread_join(t[i], NULL), 0);
    CHECK_EQ(worst, 0);
}
static void *sees_uid(void *a) {
    gate_wait(((gate_t *)a)[0]);
    long u = geteuid();
    return (void *)u;
}
TEST(setuid_reaches_all_threads) {
    NEED_ROOT();
    IN_CHILD(
        pthread_t t; gate_t g = gate_new(); void *r;
        CHECK_RET(pthread_create(&t, NULL, sees_uid, &g), 0);
        CHECK_EQ(setresuid(1234, 1234, 1234), 0); // libc tells all threads by a signal
        gate_open(g);
        CHECK_RET(pthread_join(t, &r), 0);
        CHECK_EQ((long)r, 1234);
    );
}
