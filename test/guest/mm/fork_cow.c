// Memory over fork: copy-on-write of private memory both ways, shared anonymous memory, chains, madvise DONTFORK and WIPEONFORK.
#include "../guest.h"
#define RW (PROT_READ | PROT_WRITE)

TEST(private_is_copied) {
    int *p = OK(mmap(NULL, 64 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (int i = 0; i < 64; i++)
        p[i * 1024] = i;
    gate_t g = gate_new(), h = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        gate_wait(g); // the parent has written
        for (int i = 0; i < 64; i++)
            CHECK_EQ(p[i * 1024], i);
        for (int i = 0; i < 64; i += 2)
            p[i * 1024] = -i;
        gate_open(h);
        gate_wait(g);
        for (int i = 0; i < 64; i++)
            CHECK_EQ(p[i * 1024], i & 1 ? i : -i);
        _exit(0);
    }
    for (int i = 0; i < 64; i += 3)
        p[i * 1024] = 1000 + i;
    gate_open(g);
    gate_wait(h);
    for (int i = 0; i < 64; i++)
        CHECK_EQ(p[i * 1024], i % 3 ? i : 1000 + i);
    memset(p, 1, 64 * PAGE);
    gate_open(g);
    CHECK_EXIT(c, 0);
}
TEST(kernel_writes_copy_too) {
    char *p = OK(mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    strcpy(p, "parent");
    int fd[2];
    OK(pipe(fd));
    CHECK_EQ(write(fd[1], "child", 6), 6);
    IN_CHILD(CHECK_EQ(read(fd[0], p, 6), 6); CHECK_STR(p, "child"));
    CHECK_STR(p, "parent");
}
TEST(stack_data_bss_heap) {
    static int data = 1, bss;
    int stack = 1, *heap = malloc(sizeof(int));
    *heap = 1;
    IN_CHILD(data = 2; bss = 2; stack = 2; *heap = 2);
    CHECK_EQ(data, 1), CHECK_EQ(bss, 0), CHECK_EQ(*(volatile int *)&stack, 1), CHECK_EQ(*heap, 1);
}
TEST(shared_anonymous) {
    volatile int *p = OK(mmap(NULL, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    p[0] = 1;
    pid_t c = FORK();
    if (c == 0) {
        CHECK_EQ(p[0], 1);
        p[2048] = 77; // a page that nobody had touched before the fork
        IN_CHILD(p[1] = 5);
        _exit(0);
    }
    CHECK_EXIT(c, 0);
    CHECK_EQ(p[2048], 77), CHECK_EQ(p[1], 5);
    CHECK_EQ(munmap((void *)p, 4 * PAGE), 0);
}
TEST(chain_of_forks) {
    volatile char *p = OK(mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    p[0] = 0;
    for (int depth = 0; depth < 6; depth++) {
        pid_t c = FORK();
        if (c != 0) {
            int st;
            CHECK_EQ(waitpid(c, &st, 0), c);
            CHECK_EQ(st, 0);
            CHECK_EQ(p[0], depth);
            _exit(0);
        }
        CHECK_EQ(p[0], depth);
        p[0] = depth + 1;
        p[(depth + 1) * PAGE] = depth;
    }
    for (int i = 0; i < 6; i++)
        CHECK_EQ(p[(i + 1) * PAGE], i);
}
TEST(protection_is_inherited_and_separate) {
    char *p = OK(mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    p[0] = 1;
    CHECK_EQ(mprotect(p + PAGE, PAGE, PROT_READ), 0);
    IN_CHILD(
        CHECK_FAULT(p[PAGE] = 1, SIGSEGV, SEGV_ACCERR, p + PAGE);
        CHECK_EQ(mprotect(p, 2 * PAGE, PROT_NONE), 0);
    );
    p[0] = 2;
    IN_CHILD(CHECK_EQ(munmap(p, 2 * PAGE), 0));
    CHECK_EQ(p[0], 2);
}
TEST(madvise_fork_flags) {
    char *p = OK(mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    memset(p, 1, 3 * PAGE);
    CHECK_EQ(madvise(p, PAGE, MADV_DONTFORK), 0);
    CHECK_EQ(madvise(p + PAGE, PAGE, MADV_WIPEONFORK), 0);
    IN_CHILD(
        CHECK_FAULT((void)*(volatile char *)p, SIGSEGV, SEGV_MAPERR, p);
        CHECK_EQ(p[PAGE], 0);
        CHECK_EQ(p[2 * PAGE], 1);
    );
    CHECK_EQ(p[PAGE], 1);
    CHECK_EQ(madvise(p, PAGE, MADV_DOFORK), 0);
    CHECK_EQ(madvise(p + PAGE, PAGE, MADV_KEEPONFORK), 0);
    IN_CHILD(CHECK_EQ(p[0], 1); CHECK_EQ(p[PAGE], 1));
    char *s = OK(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    CHECK_ERR(madvise(s, PAGE, MADV_WIPEONFORK), EINVAL);
}
TEST(many_children_share) {
    volatile atomic_int *n = OK(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t c[8];
    for (int i = 0; i < 8; i++)
        if ((c[i] = FORK()) == 0) {
            for (int j = 0; j < 1000; j++)
                atomic_fetch_add(n, 1);
            _exit(0);
        }
    for (int i = 0; i < 8; i++)
        CHECK_EXIT(c[i], 0);
    CHECK_EQ(*n, 8000);
}
