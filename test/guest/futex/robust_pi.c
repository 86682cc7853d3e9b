// Robust lists (an owner dies) and priority-inheritance futexes, raw and through pthread mutexes.
#include "../guest.h"
#include <linux/futex.h>
#include <pthread.h>

static long futex(volatile void *a, int op, unsigned v, const struct timespec *ts, volatile void *b, unsigned v3) {
    return syscall(SYS_futex, a, op, v, ts, b, v3);
}
static pthread_mutex_t *shared_mutex(int robust, int protocol) {
    pthread_mutex_t *m = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, robust);
    pthread_mutexattr_setprotocol(&a, protocol);
    CHECK_RET(pthread_mutex_init(m, &a), 0);
    return m;
}
TEST(robust_owner_dies) {
    pthread_mutex_t *m = shared_mutex(PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
    IN_CHILD(CHECK_RET(pthread_mutex_lock(m), 0));
    CHECK_RET(pthread_mutex_lock(m), EOWNERDEAD);
    CHECK_RET(pthread_mutex_consistent(m), 0);
    CHECK_RET(pthread_mutex_unlock(m), 0);
    CHECK_RET(pthread_mutex_lock(m), 0);
}
TEST(robust_wakes_a_waiter) {
    pthread_mutex_t *m = shared_mutex(PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
    gate_t g = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        CHECK_RET(pthread_mutex_lock(m), 0);
        gate_open(g);
        sleep_ms(20);
        kill(getpid(), SIGKILL);
    }
    gate_wait(g);
    CHECK_RET(pthread_mutex_lock(m), EOWNERDEAD);
    CHECK_KILLED(c, SIGKILL);
}
TEST(not_recoverable) {
    pthread_mutex_t *m = shared_mutex(PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
    IN_CHILD(CHECK_RET(pthread_mutex_lock(m), 0));
    CHECK_RET(pthread_mutex_lock(m), EOWNERDEAD);
    CHECK_RET(pthread_mutex_unlock(m), 0); // without making it consistent
    CHECK_RET(pthread_mutex_lock(m), ENOTRECOVERABLE);
}
static void *lock_and_leave(void *m) {
    pthread_mutex_lock(m);
    return NULL;
}
TEST(robust_thread_exits) {
    pthread_mutex_t *m = shared_mutex(PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
    pthread_t t;
    CHECK_RET(pthread_create(&t, NULL, lock_and_leave, m), 0);
    CHECK_RET(pthread_join(t, NULL), 0);
    CHECK_RET(pthread_mutex_lock(m), EOWNERDEAD);
}
TEST(robust_list_calls) {
    void *head;
    size_t len;
    CHECK_EQ(syscall(SYS_get_robust_list, 0, &head, &len), 0);
    CHECK_EQ(len, sizeof(struct robust_list_head));
    CHECK_NE((long)head, 0);
    CHECK_ERR(syscall(SYS_set_robust_list, head, 7), EINVAL);
    CHECK_ERR(syscall(SYS_get_robust_list, 4194304 + 3, &head, &len), ESRCH);
    CHECK_EQ(syscall(SYS_set_robust_list, 8, sizeof(struct robust_list_head)), 0); // looked at on exit only
    IN_CHILD(CHECK_EQ(syscall(SYS_get_robust_list, 0, &head, &len), 0));
}
TEST(raw_robust_word) {
    struct { struct robust_list_head h; struct robust_list l; volatile uint32_t word; } *r =
        OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    IN_CHILD(
        r->word = gettid() | FUTEX_WAITERS;
        r->h.list.next = &r->l;
        r->l.next = &r->h.list;
        r->h.futex_offset = (char *)&r->word - (char *)&r->l;
        CHECK_EQ(syscall(SYS_set_robust_list, &r->h, sizeof r->h), 0);
    );
    CHECK_EQ(r->word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
}
TEST(pi_raw) {
    volatile uint32_t w = 0;
    CHECK_EQ(futex(&w, FUTEX_LOCK_PI, 0, NULL, NULL, 0), 0);
    CHECK_EQ(w, gettid());
    CHECK_ERR(futex(&w, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EDEADLK);
    CHECK_ERR(futex(&w, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EDEADLK);
    CHECK_EQ(futex(&w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), 0);
    CHECK_EQ(w, 0);
    CHECK_ERR(futex(&w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EPERM);
    w = 1; // owned by somebody else
    CHECK_ERR(futex(&w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EPERM);
    w = 4194304 - 7; // no such thread
    CHECK_ERR(futex(&w, FUTEX_LOCK_PI, 0, NULL, NULL, 0), ESRCH);
}
static volatile uint32_t pi;
static volatile int got;
static void *lock_pi(void *a) {
    if (futex(&pi, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) != 0)
        return (void *)(long)errno;
    got = (pi & FUTEX_TID_MASK) == (uint32_t)gettid();
    futex(&pi, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
    return a;
}
TEST(pi_hand_over) {
    CHECK_EQ(futex(&pi, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), 0);
    pthread_t t;
    void *r;
    CHECK_RET(pthread_create(&t, NULL, lock_pi, NULL), 0);
    WAIT_UNTIL(pi & FUTEX_WAITERS);
    CHECK_EQ(futex(&pi, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0), 0);
    CHECK_RET(pthread_join(t, &r), 0);
    CHECK_EQ((long)r, 0);
    CHECK_EQ(got, 1);
    CHECK_EQ(pi, 0);
}
static int counter;
static void *count_pi(void *m) {
    for (int i = 0; i < 300; i++) {
        pthread_mutex_lock(m);
        counter++;
        pthread_mutex_unlock(m);
    }
    return NULL;
}
TEST(pi_mutex) {
    pthread_mutex_t *m = shared_mutex(PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT);
    pthread_t t[3];
    for (int i = 0; i < 3; i++)
        CHECK_RET(pthread_create(&t[i], NULL, count_pi, m), 0);
    for (int i = 0; i < 3; i++)
        CHECK_RET(pthread_join(t[i], NULL), 0);
    CHECK_EQ(counter, 900);
}
TEST(pi_timeout) {
    pthread_mutex_t *m = shared_mutex(PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT);
    pthread_t t;
    CHECK_RET(pthread_mutex_lock(m), 0);
    IN_CHILD(
        struct timespec ts;
        clock_gettime(CLOCK_REALTIME, &ts);
        CHECK_RET(pthread_mutex_timedlock(m, &ts), ETIMEDOUT);
    );
    (void)t;
}
