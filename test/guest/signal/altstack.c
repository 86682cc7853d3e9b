// sigaltstack: use, nesting, state reports, errnos, SS_AUTODISARM, inheritance.
#include "../guest.h"

static char *stack;
static volatile long where;
static stack_t inside;
static volatile int set_errno;
static void handler(int s) {
    (void)s;
    char here;
    where = (long)&here;
    sigaltstack(NULL, &inside);
    stack_t other = {.ss_sp = stack, .ss_size = 65536};
    set_errno = sigaltstack(&other, NULL) == 0 ? 0 : errno;
}
static void use(int flags) {
    stack = malloc(65536);
    stack_t ss = {.ss_sp = stack, .ss_size = 65536, .ss_flags = flags};
    CHECK_EQ(sigaltstack(&ss, NULL), 0);
}
static void look(int s) {
    (void)s;
    char here;
    where = (long)&here;
    sigaltstack(NULL, &inside);
}
static bool on_it(void) { return where >= (long)stack && where < (long)stack + 65536; }

TEST(onstack) {
    use(0);
    on_signal(SIGUSR1, handler, SA_ONSTACK), on_signal(SIGUSR2, handler, 0);
    raise(SIGUSR1);
    CHECK(on_it());
    CHECK_EQ(inside.ss_flags, SS_ONSTACK);
    CHECK_EQ(set_errno, EPERM); // not while running on it
    raise(SIGUSR2);
    CHECK(!on_it());
    CHECK_EQ(inside.ss_flags, 0);
    stack_t now;
    CHECK_EQ(sigaltstack(NULL, &now), 0);
    CHECK_EQ(now.ss_flags, 0);
    CHECK_EQ((long)now.ss_sp, (long)stack), CHECK_EQ(now.ss_size, 65536);
}
static void outer(int s) {
    (void)s;
    char here;
    long mine = (long)&here;
    raise(SIGUSR2);
    if (where >= mine)
        where = 0;
}
TEST(nested_goes_on_below) {
    use(0);
    on_signal(SIGUSR1, outer, SA_ONSTACK), on_signal(SIGUSR2, handler, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK(on_it());
}
TEST(disable_and_errnos) {
    stack_t now, ss = {.ss_sp = malloc(65536), .ss_size = 65536};
    stack_t off = {.ss_flags = SS_DISABLE};
    CHECK_EQ(sigaltstack(&off, NULL), 0);
    CHECK_EQ(sigaltstack(NULL, &now), 0);
    CHECK_EQ(now.ss_flags, SS_DISABLE);
    ss.ss_size = 2047;
    CHECK_ERR(sigaltstack(&ss, NULL), ENOMEM);
    ss.ss_size = 65536, ss.ss_flags = 0x40;
    CHECK_ERR(sigaltstack(&ss, NULL), EINVAL);
    CHECK_ERR(sigaltstack((void *)8, NULL), EFAULT);
    ss.ss_flags = SS_ONSTACK; // accepted, means nothing
    CHECK_EQ(sigaltstack(&ss, NULL), 0);
    on_signal(SIGUSR1, handler, SA_ONSTACK);
    CHECK_EQ(sigaltstack(&off, &now), 0);
    raise(SIGUSR1);
    CHECK_EQ(inside.ss_flags, SS_DISABLE);
}
TEST(autodisarm) {
#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif
    use(SS_AUTODISARM);
    on_signal(SIGUSR1, look, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK(on_it());
    CHECK_EQ(inside.ss_flags, SS_DISABLE);
    stack_t now;
    CHECK_EQ(sigaltstack(NULL, &now), 0);
    CHECK_EQ((long)now.ss_sp, (long)stack); // the return restored it
    CHECK_EQ((unsigned)now.ss_flags, SS_AUTODISARM);
    on_signal(SIGUSR1, handler, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK_EQ(set_errno, 0); // setting it inside is allowed: it is disarmed
}
TEST(fork_keeps_it) {
    use(0);
    stack_t now;
    IN_CHILD(CHECK_EQ(sigaltstack(NULL, &now), 0); CHECK_EQ((long)now.ss_sp, (long)stack));
}
HELPER(no_altstack) {
    stack_t now;
    return sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_DISABLE ? 0 : 1;
}
TEST(exec_drops_it) {
    use(0);
    pid_t c = FORK();
    if (c == 0)
        execl(guest_self, guest_self, "--helper", "no_altstack", NULL), _exit(9);
    CHECK_EXIT(c, 0);
}
