// The harness itself: fork, wait, shared counters, fresh directories, --helper.
#include "guest.h"

static int touched;

TEST(isolated_1) { touched++; CHECK_EQ(touched, 1); }
TEST(isolated_2) { touched++; CHECK_EQ(touched, 1); }
TEST(child_checks_count) {
    int before = guest->checks;
    IN_CHILD(CHECK(true); CHECK(true));
    CHECK_GE(guest->checks, before + 2);
}
TEST_DIR(directory_is_fresh) {
    DIR *d = opendir(".");
    CHECK(d);
    int n = 0;
    while (readdir(d))
        n++;
    CHECK_EQ(n, 2);
    write_file("a", "text");
    CHECK_STR(read_file("a"), "text");
    OK(mkdir("sub", 0700));
    write_file("sub/b", "");
}
HELPER(seven) { return argc == 1 && !strcmp(argv[0], "x y") ? 7 : 1; }
TEST(helper) {
    pid_t p = FORK();
    if (p == 0) {
        execl(guest_self, guest_self, "--helper", "seven", "x y", NULL);
        FAIL("execl: %s", errno_name(errno));
    }
    CHECK_EXIT(p, 7);
}
TEST(fault_is_caught) { CHECK_FAULT(*(volatile int *)16 = 1, SIGSEGV, SEGV_MAPERR, 16); }
TEST(gate) {
    gate_t g = gate_new();
    pid_t p = FORK();
    if (p == 0) {
        gate_wait(g);
        _exit(3);
    }
    gate_open(g);
    CHECK_EXIT(p, 3);
}
