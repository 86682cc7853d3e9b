// sched_*: affinity, policies and their limits, yield, attributes; rseq.
#include "../guest.h"
#include <pthread.h>
#include <sched.h>

TEST(affinity) {
    cpu_set_t s, one;
    CPU_ZERO(&s);
    CHECK_EQ(sched_getaffinity(0, sizeof s, &s), 0);
    CHECK_GT(CPU_COUNT(&s), 0);
    CHECK_GE(syscall(SYS_sched_getaffinity, 0, sizeof s, &s), 8); // the raw call tells the mask's size
    CHECK_ERR(syscall(SYS_sched_getaffinity, 0, 3, &s), EINVAL);
    CHECK_ERR(sched_getaffinity(4194304 - 3, sizeof s, &s), ESRCH);
    int first = 0;
    while (!CPU_ISSET(first, &s))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    CPU_ZERO(&s);
    CHECK_EQ(sched_getaffinity(0, sizeof s, &s), 0);
    CHECK_EQ(CPU_COUNT(&s), 1);
    CHECK_EQ(sched_getcpu(), first);
    IN_CHILD(CHECK_EQ(sched_getaffinity(0, sizeof s, &s), 0); CHECK_EQ(CPU_COUNT(&s), 1));
    CPU_ZERO(&one);
    CHECK_ERR(sched_setaffinity(0, sizeof one, &one), EINVAL);
}
TEST(policies) {
    struct sched_param p = {0};
    CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
    CHECK_EQ(sched_getparam(0, &p), 0);
    CHECK_EQ(p.sched_priority, 0);
    CHECK_EQ(sched_setscheduler(0, SCHED_BATCH, &p), 0);
    CHECK_EQ(sched_getscheduler(0), SCHED_BATCH);
    CHECK_EQ(sched_setscheduler(0, SCHED_OTHER, &p), 0);
    p.sched_priority = 1;
    CHECK_ERR(sched_setscheduler(0, SCHED_OTHER, &p), EINVAL);
    CHECK_ERR(sched_setscheduler(0, 99, &p), EINVAL);
    CHECK_EQ(sched_get_priority_min(SCHED_FIFO), 1), CHECK_EQ(sched_get_priority_max(SCHED_FIFO), 99);
    CHECK_EQ(sched_get_priority_max(SCHED_OTHER), 0);
    CHECK_ERR(sched_get_priority_max(99), EINVAL);
    struct timespec ts;
    CHECK_EQ(sched_rr_get_interval(0, &ts), 0);
    CHECK_ERR(sched_getscheduler(-1), EINVAL);
    CHECK_ERR(sched_getscheduler(4194304 - 3), ESRCH);
    if (geteuid() != 0)
        CHECK_ERR(sched_setscheduler(0, SCHED_FIFO, &p), EPERM);
    CHECK_EQ(sched_yield(), 0);
}
struct attr { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; };
TEST(attributes) {
    struct attr a = {0};
    CHECK_EQ(syscall(SYS_sched_getattr, 0, &a, sizeof a, 0), 0);
    CHECK_EQ(a.policy, SCHED_OTHER);
    // Whoever runs the tests may have made them nice already.
    int nicer = a.nice < 15 ? a.nice + 4 : 19;
    a.nice = nicer;
    CHECK_EQ(syscall(SYS_sched_setattr, 0, &a, 0), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), nicer);
    CHECK_ERR(syscall(SYS_sched_getattr, 0, &a, 4, 0), EINVAL);
    CHECK_ERR(syscall(SYS_sched_setattr, 0, NULL, 0), EINVAL);
}
static atomic_int stop;
static void *hog(void *a) {
    while (!stop)
        __asm__ volatile("pause");
    return a;
}
TEST(hogs_do_not_starve_others) {
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        CHECK_RET(pthread_create(&t[i], NULL, hog, NULL), 0);
    for (int i = 0; i < 5; i++)
        sleep_ms(2);
    IN_CHILD(_exit(0));
    stop = 1;
    for (int i = 0; i < 4; i++)
        CHECK_RET(pthread_join(t[i], NULL), 0);
}
struct rseq_ { uint32_t start, cpu; uint64_t cs; uint32_t flags, node, mm_cid, pad; } __attribute__((aligned(32)));
static struct rseq_ area;
TEST(rseq_registration) {
    // glibc has registered its own: a second area is refused.
    long r = syscall(334, &area, 32, 0, 0x53053053);
    if (r == 0)
        CHECK_EQ(syscall(334, &area, 32, 1, 0x53053053), 0);
    else
        CHECK(errno == EINVAL || errno == EBUSY || errno == EPERM || errno == ENOSYS);
}
