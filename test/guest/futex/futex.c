// futex operations by hand: wait, wake, bitset, requeue, cmp_requeue, wake_op, timeouts, private and shared, waitv, errnos.
#include "../guest.h"
#include <linux/futex.h>
#include <pthread.h>

static long futex(volatile void *a, int op, unsigned v, const struct timespec *ts, volatile void *b, unsigned v3) {
    return syscall(SYS_futex, a, op, v, ts, b, v3);
}
#define VAL2(n) ((const struct timespec *)(long)(n))
static volatile uint32_t word, word2;
static atomic_int waiting, woken;
static void *wait_word(void *a) {
    waiting++;
    long r = futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    if (r == 0)
        woken++;
    return (void *)(r == 0 ? 0 : (long)errno);
    (void)a;
}
static void start(pthread_t *t, int n, void *(*fn)(void *), void *arg) {
    waiting = 0;
    for (int i = 0; i < n; i++)
        CHECK_RET(pthread_create(&t[i], NULL, fn, arg), 0);
    WAIT_UNTIL(waiting == n);
    sleep_ms(10);
}
// Wake until n in all have been, for those that were not asleep yet.
static int wake(volatile void *a, int n, int op, int total) {
    int got = 0;
    long long end = now_ms() + 3000;
    while (got < total && now_ms() < end) {
        got += OK(futex(a, op, n, NULL, NULL, 0));
        if (got < total)
            sleep_ms(1);
    }
    return got;
}
TEST(simple_returns) {
    uint32_t w = 5;
    struct timespec ms = {0, 10000000}, bad = {0, 1000000000}, neg = {-1, 0};
    CHECK_ERR(futex(&w, FUTEX_WAIT, 4, NULL, NULL, 0), EAGAIN);
    long long t = now_ns();
    CHECK_ERR(futex(&w, FUTEX_WAIT, 5, &ms, NULL, 0), ETIMEDOUT);
    CHECK_GE(now_ns() - t, 10000000);
    CHECK_EQ(futex(&w, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
    CHECK_ERR(futex(&w, FUTEX_WAIT, 5, &bad, NULL, 0), EINVAL);
    CHECK_ERR(futex(&w, FUTEX_WAIT, 5, &neg, NULL, 0), EINVAL);
    CHECK_ERR(futex(&w, FUTEX_WAIT, 5, (void *)8, NULL, 0), EFAULT);
    CHECK_ERR(futex((char *)&w + 1, FUTEX_WAIT, 5, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex((char *)&w + 1, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex((void *)16, FUTEX_WAIT, 5, NULL, NULL, 0), EFAULT);
    CHECK_ERR(futex((void *)(1L << 47), FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
    CHECK_ERR(futex(&w, 77, 1, NULL, NULL, 0), ENOSYS);
    CHECK_ERR(futex(&w, FUTEX_WAIT_BITSET, 5, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex(&w, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
}
TEST(wake_counts) {
    pthread_t t[5];
    start(t, 5, wait_word, NULL);
    CHECK_EQ(wake(&word, 1, FUTEX_WAKE_PRIVATE, 1), 1);
    CHECK_EQ(wake(&word, 2, FUTEX_WAKE_PRIVATE, 2), 2);
    WAIT_UNTIL(woken == 3);
    CHECK_EQ(wake(&word, INT_MAX, FUTEX_WAKE_PRIVATE, 2), 2);
    for (int i = 0; i < 5; i++)
        CHECK_RET(pthread_join(t[i], NULL), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
}
TEST(bitset_and_absolute_time) {
    struct timespec ts;
    long long t = now_ns();
    clock_gettime(CLOCK_MONOTONIC, &ts);
    if ((ts.tv_nsec += 20000000) >= 1000000000)
        ts.tv_sec++, ts.tv_nsec -= 1000000000;
    CHECK_ERR(futex(&word, FUTEX_WAIT_BITSET, 0, &ts, NULL, FUTEX_BITSET_MATCH_ANY), ETIMEDOUT);
    CHECK_GE(now_ns() - t, 20000000);
    CHECK_ERR(futex(&word, FUTEX_WAIT_BITSET, 0, &ts, NULL, 1), ETIMEDOUT); // passed already
    clock_gettime(CLOCK_REALTIME, &ts);
    CHECK_ERR(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &ts, NULL, 1), ETIMEDOUT);
}
static void *wait_bit(void *a) {
    waiting++;
    if (futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, (uint32_t)(long)a) == 0)
        woken += (long)a;
    return NULL;
}
TEST(bitset_selects) {
    pthread_t a, b;
    start(&a, 1, wait_bit, (void *)1);
    start(&b, 1, wait_bit, (void *)16);
    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, 4), 0);
    long long end = now_ms() + 2000;
    while (woken == 0 && now_ms() < end)
        OK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, 16 | 4)), sleep_ms(1);
    CHECK_EQ(woken, 16);
    while (woken == 16 && now_ms() < end)
        OK(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0)), sleep_ms(1); // WAKE matches any bits
    CHECK_EQ(woken, 17);
    CHECK_RET(pthread_join(a, NULL), 0);
    CHECK_RET(pthread_join(b, NULL), 0);
}
TEST(requeue) {
    pthread_t t[4];
    start(t, 4, wait_word, NULL);
    sleep_ms(20);
    CHECK_ERR(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, VAL2(INT_MAX), &word2, 99), EAGAIN);
    CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, VAL2(2), &word2, 0), 3); // one woken and two moved
    WAIT_UNTIL(woken == 1);
    CHECK_EQ(futex(&word2, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0), 2);
    WAIT_UNTIL(woken == 3);
    CHECK_EQ(futex(&word, FUTEX_REQUEUE_PRIVATE, 0, VAL2(INT_MAX), &word2, 0), 1);
    CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0), 0);
    CHECK_EQ(futex(&word2, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0), 1);
    for (int i = 0; i < 4; i++)
        CHECK_RET(pthread_join(t[i], NULL), 0);
    CHECK_ERR(futex(&word, FUTEX_REQUEUE_PRIVATE, -1, VAL2(1), &word2, 0), EINVAL);
}
TEST(wake_op) {
    word = 0, word2 = 5;
    CHECK_EQ(futex(&word, FUTEX_WAKE_OP, 1, VAL2(1), &word2, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)), 0);
    CHECK_EQ(word2, 8);
    futex(&word, FUTEX_WAKE_OP, 1, VAL2(1), &word2, FUTEX_OP(FUTEX_OP_SET, 6, FUTEX_OP_CMP_EQ, 5));
    CHECK_EQ(word2, 6);
    futex(&word, FUTEX_WAKE_OP, 1, VAL2(1), &word2, FUTEX_OP(FUTEX_OP_OR, 1, FUTEX_OP_CMP_EQ, 5));
    CHECK_EQ(word2, 7);
    futex(&word, FUTEX_WAKE_OP, 1, VAL2(1), &word2, FUTEX_OP(FUTEX_OP_ANDN, 2, FUTEX_OP_CMP_EQ, 5));
    CHECK_EQ(word2, 5);
    futex(&word, FUTEX_WAKE_OP, 1, VAL2(1), &word2, FUTEX_OP((FUTEX_OP_XOR | FUTEX_OP_OPARG_SHIFT), 4, FUTEX_OP_CMP_EQ, 5));
    CHECK_EQ(word2, 5 ^ 16);
    pthread_t t;
    start(&t, 1, wait_word, NULL);
    // The waiter is on the second address, whose old value meets the comparison.
    CHECK_EQ(futex(&word2, FUTEX_WAKE_OP_PRIVATE, 1, VAL2(1), &word, FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_LT, 1)), 1);
    CHECK_RET(pthread_join(t, NULL), 0);
    CHECK_EQ(word, 1);
}
TEST(shared_between_processes) {
    volatile uint32_t *w = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t c = FORK();
    if (c == 0)
        _exit(futex(w, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 0 : 1);
    CHECK_EQ(wake(w, 1, FUTEX_WAKE, 1), 1);
    CHECK_EXIT(c, 0);
}
TEST_DIR(shared_over_two_mappings_of_a_file) {
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    OK(ftruncate(fd, PAGE));
    pid_t c = FORK();
    if (c == 0) {
        char *p = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
        _exit(futex(p + 64, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 0 : 1);
    }
    char *q = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    CHECK_EQ(wake(q + 64, 1, FUTEX_WAKE, 1), 1);
    CHECK_EXIT(c, 0);
}
TEST(private_memory_of_a_fork_is_another_futex) {
    static volatile uint32_t w;
    gate_t g = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        struct timespec ts = {0, 60000000};
        gate_open(g);
        _exit(futex(&w, FUTEX_WAIT, 0, &ts, NULL, 0) == -1 && errno == ETIMEDOUT ? 0 : 1);
    }
    gate_wait(g);
    sleep_ms(20);
    CHECK_EQ(futex(&w, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
    CHECK_EXIT(c, 0);
}
struct waiter { uint64_t val, uaddr; uint32_t flags, reserved; };
static void *wake_second(void *a) {
    for (int i = 0; i < 2000 && !woken; i++)
        futex(a, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), sleep_ms(1);
    return NULL;
}
TEST(waitv) {
    uint32_t a = 0, b = 0;
    struct waiter w[2] = {{0, (uintptr_t)&a, 2 | 128, 0}, {0, (uintptr_t)&b, 2 | 128, 0}};
    if (syscall(449, w, 0, 0, NULL, 0) == -1 && errno == ENOSYS)
        skip("no futex_waitv");
    CHECK_ERR(syscall(449, w, 0, 0, NULL, 0), EINVAL);
    CHECK_ERR(syscall(449, w, 129, 0, NULL, 0), EINVAL);
    CHECK_ERR(syscall(449, w, 2, 1, NULL, 0), EINVAL);
    a = 1;
    CHECK_ERR(syscall(449, w, 2, 0, NULL, CLOCK_MONOTONIC), EAGAIN);
    a = 0;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    CHECK_ERR(syscall(449, w, 2, 0, &now, CLOCK_MONOTONIC), ETIMEDOUT);
    pthread_t t;
    CHECK_RET(pthread_create(&t, NULL, wake_second, &b), 0);
    CHECK_EQ(syscall(449, w, 2, 0, NULL, CLOCK_MONOTONIC), 1);
    woken = 1;
    CHECK_RET(pthread_join(t, NULL), 0);
}
