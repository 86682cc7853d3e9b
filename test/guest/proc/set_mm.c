// PR_SET_MM of prctl(2): what a process says of its own memory's layout.
#include "../guest.h"
#include <linux/prctl.h>
#include <sys/prctl.h>

static int set_mm(unsigned long what, unsigned long addr, unsigned long more) { return prctl(PR_SET_MM, what, addr, more, 0); }

// The layout as it is, from /proc/self/stat.
static struct prctl_mm_map current(void) {
    struct prctl_mm_map m;
    unsigned size = 0;
    if (set_mm(PR_SET_MM_MAP_SIZE, (unsigned long)&size, 0) != 0) // a kernel without CONFIG_CHECKPOINT_RESTORE
        skip("no PR_SET_MM_MAP");
    CHECK_EQ(size, sizeof m);
    memset(&m, 0, sizeof m);
    unsigned long long f[53] = {0};
    char *p = strrchr(read_file("/proc/self/stat"), ')') + 4; // behind the state, field 3
    for (int i = 4; i <= 51; i++)
        f[i] = strtoull(p, &p, 10);
    m.start_code = f[26], m.end_code = f[27], m.start_stack = f[28];
    m.start_data = f[45], m.end_data = f[46], m.start_brk = f[47];
    m.arg_start = f[48], m.arg_end = f[49], m.env_start = f[50], m.env_end = f[51];
    m.brk = syscall(SYS_brk, 0);
    m.exe_fd = -1;
    return m;
}
static int map(struct prctl_mm_map m) { return set_mm(PR_SET_MM_MAP, (unsigned long)&m, sizeof m); }

TEST(everybody_may_set_all_at_once) {
    static char title[20];
    strcpy(title, "another name"); // Linux shows anonymous pages only
    struct prctl_mm_map m = current();
    CHECK_EQ(map(m), 0); // nothing changes
    m.arg_start = (unsigned long)title, m.arg_end = m.arg_start + strlen(title) + 1;
    CHECK_EQ(map(m), 0);
    CHECK_STR(read_file("/proc/self/cmdline"), title);
}
TEST(sizes_and_pointers) {
    struct prctl_mm_map m = current();
    CHECK_ERR(set_mm(PR_SET_MM_MAP, (unsigned long)&m, sizeof m - 8), EINVAL);
    CHECK_ERR(set_mm(PR_SET_MM_MAP, 8, sizeof m), EFAULT);
    CHECK_ERR(set_mm(PR_SET_MM_MAP_SIZE, 8, 0), EFAULT);
    CHECK_ERR(prctl(PR_SET_MM, PR_SET_MM_MAP, &m, sizeof m, 1), EINVAL);
}
TEST(addresses_are_checked) {
    struct prctl_mm_map good = current(), m;
#define REFUSED(...)                                                                                                     \
    do {                                                                                                                 \
        m = good;                                                                                                        \
        __VA_ARGS__;                                                                                                     \
        CHECK_ERR(map(m), EINVAL);                                                                                       \
    } while (0)
    REFUSED(m.start_code = m.end_code);
    REFUSED(m.start_data = m.end_data + 1);
    REFUSED(m.start_brk = m.brk + 1);
    REFUSED(m.arg_start = m.arg_end + 1);
    REFUSED(m.env_start = m.env_end + 1);
    REFUSED(m.start_stack = 0);
    REFUSED(m.start_stack = 1ul << 63);
    REFUSED(m.env_end = -1);
    REFUSED(m.auxv = NULL, m.auxv_size = 16);
    REFUSED(m.auxv = (void *)&good, m.auxv_size = 1 << 20);
    m = good, m.auxv = (void *)8, m.auxv_size = 16;
    CHECK_ERR(map(m), EFAULT);
    struct rlimit was, none = {0, 0};
    OK(getrlimit(RLIMIT_DATA, &was));
    none.rlim_max = was.rlim_max;
    OK(setrlimit(RLIMIT_DATA, &none));
    REFUSED(m.end_data = m.start_data + 4096);
    OK(setrlimit(RLIMIT_DATA, &was));
}
TEST(auxiliary_vector) {
    struct prctl_mm_map m = current();
    unsigned long v[4] = {6, 4096, 0, 0}, got[4] = {9, 9, 9, 9};
    m.auxv = (void *)v, m.auxv_size = sizeof v;
    CHECK_EQ(map(m), 0);
    int fd = OK(open("/proc/self/auxv", O_RDONLY));
    CHECK_GE(read(fd, got, sizeof got), sizeof got);
    CHECK_EQ(memcmp(v, got, sizeof v), 0);
}
TEST(single_fields) {
    struct prctl_mm_map m = current();
    if (set_mm(PR_SET_MM_ARG_START, m.arg_start, 0) != 0) {
        CHECK_EQ(errno, EPERM); // CAP_SYS_RESOURCE
        CHECK_ERR(set_mm(PR_SET_MM_AUXV, 8, 16), EPERM);
        return;
    }
    CHECK_ERR(set_mm(PR_SET_MM_ARG_START, m.arg_start, 1), EINVAL);
    CHECK_ERR(set_mm(PR_SET_MM_ARG_START, m.arg_end + 1, 0), EINVAL);
    CHECK_ERR(set_mm(PR_SET_MM_START_STACK, 0, 0), EINVAL);
    CHECK_ERR(set_mm(PR_SET_MM_END_CODE, m.start_code, 0), EINVAL);
    CHECK_ERR(set_mm(99, m.arg_start, 0), EINVAL);
    CHECK_ERR(set_mm(PR_SET_MM_AUXV, (unsigned long)&m, 1 << 20), EINVAL);
    CHECK_ERR(set_mm(PR_SET_MM_AUXV, 8, 16), EFAULT);
}
