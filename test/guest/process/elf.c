// Loading: interpreters of scripts and ELF, nested scripts, bad program headers, the stack that a program finds, AT_SECURE, the vDSO
// and the vsyscall page.
#include "../guest.h"
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

static char image[PAGE];
static int load(void) { // the first page of this program
    int fd = OK(open(guest_self, O_RDONLY));
    CHECK_EQ(read(fd, image, PAGE), PAGE);
    close(fd);
    return 0;
}
static int try_image(const char *name, size_t n) {
    int fd = OK(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755));
    CHECK_EQ(write(fd, image, n), n);
    close(fd);
    char *argv[] = {"x", NULL};
    execve(name, argv, NULL);
    return errno;
}
TEST_DIR(nested_scripts) {
    char name[16], text[64];
    write_file("s0", "#!/bin/true\n");
    OK(chmod("s0", 0755));
    for (int i = 1; i < 8; i++) {
        snprintf(name, 16, "s%d", i);
        snprintf(text, 64, "#!./s%d\n", i - 1);
        write_file(name, text);
        OK(chmod(name, 0755));
    }
    pid_t c = FORK();
    if (c == 0) {
        execl("./s4", "s4", NULL); // five levels
        _exit(9);
    }
    CHECK_EXIT(c, 0);
    char *argv[] = {"x", NULL};
    CHECK_ERR(execve("./s6", argv, NULL), ELOOP);
}
TEST_DIR(script_oddities) {
    char *argv[] = {"x", NULL}, longline[400];
    write_file("nonl", "#!/bin/true"); // no newline at the end
    OK(chmod("nonl", 0755));
    pid_t c = FORK();
    if (c == 0) {
        execve("./nonl", argv, NULL);
        _exit(9);
    }
    CHECK_EXIT(c, 0);
    memset(longline, 'x', sizeof longline);
    memcpy(longline, "#!/", 3);
    longline[399] = 0;
    write_file("long", longline); // the name itself is cut
    OK(chmod("long", 0755));
    CHECK_ERR(execve("./long", argv, NULL), ENOEXEC);
    write_file("noexec", "#!./data\n"), write_file("data", "");
    OK(chmod("noexec", 0755));
    CHECK_ERR(execve("./noexec", argv, NULL), EACCES); // the interpreter may not be run
    OK(mkdir("d", 0755));
    write_file("dir", "#!./d\n");
    OK(chmod("dir", 0755));
    CHECK_ERR(execve("./dir", argv, NULL), EACCES);
    OK(chmod("nonl", 0111)); // unreadable is no obstacle for the kernel, but for the interpreter
}
TEST_DIR(missing_elf_interpreter) {
    load();
    Elf64_Ehdr *h = (void *)image;
    Elf64_Phdr *p = (void *)(image + h->e_phoff);
    int found = 0;
    for (int i = 0; i < h->e_phnum; i++)
        if (p[i].p_type == PT_INTERP) {
            found = 1;
            strcpy(image + p[i].p_offset, "/nonexistent");
        }
    if (!found)
        skip("a static build");
    CHECK_EQ(try_image("bad", PAGE), ENOENT);
}
TEST_DIR(cut_and_damaged_files) {
    load();
    CHECK_EQ(try_image("a", 4), ENOEXEC);
    CHECK_EQ(try_image("b", 63), ENOEXEC);
    CHECK_NE(try_image("c", 64), 0); // the header alone: ENOEXEC or EIO
    Elf64_Ehdr *h = (void *)image;
    Elf64_Ehdr good = *h;
    h->e_phoff = -1;
    CHECK_NE(try_image("d", PAGE), 0);
    *h = good, h->e_phnum = 0xffff;
    CHECK_NE(try_image("e", PAGE), 0);
    *h = good, h->e_ident[EI_CLASS] = ELFCLASS32;
    pid_t c = FORK(); // Linux does not look at the class at all
    if (c == 0)
        try_image("f", PAGE), _exit(1);
    int st;
    CHECK_EQ(guest_waitpid(c, &st, 0), c);
}
static int run_segments(void (*edit)(Elf64_Phdr *, int)) { // in a child: what comes of it
    load();
    Elf64_Ehdr *h = (void *)image;
    edit((void *)(image + h->e_phoff), h->e_phnum);
    struct rlimit r = {0, 0};
    setrlimit(RLIMIT_CORE, &r);
    pid_t c = FORK();
    if (c == 0)
        _exit(try_image("x", PAGE) ? 1 : 0);
    int st;
    CHECK_EQ(guest_waitpid(c, &st, 0), c);
    unlink("x");
    return st;
}
#define EACH_LOAD(p, n, what)                                                                                            \
    for (int i = 0; i < n; i++)                                                                                          \
        if (p[i].p_type == PT_LOAD) {                                                                                    \
            what;                                                                                                        \
        }
static void huge(Elf64_Phdr *p, int n) { EACH_LOAD(p, n, p[i].p_memsz = 1UL << 60) }
static void wraps(Elf64_Phdr *p, int n) { EACH_LOAD(p, n, p[i].p_vaddr = -PAGE) }
static void file_over_mem(Elf64_Phdr *p, int n) { EACH_LOAD(p, n, p[i].p_filesz = p[i].p_memsz + 1) }
static void kernel_half(Elf64_Phdr *p, int n) { EACH_LOAD(p, n, p[i].p_vaddr = 0xffffffff80000000) }
static void unaligned(Elf64_Phdr *p, int n) { EACH_LOAD(p, n, p[i].p_vaddr += 1) }
static void no_load(Elf64_Phdr *p, int n) { EACH_LOAD(p, n, p[i].p_type = PT_NOTE) }
static void past_end(Elf64_Phdr *p, int n) { EACH_LOAD(p, n, p[i].p_offset += 1L << 40) }
static void interp_huge(Elf64_Phdr *p, int n) {
    for (int i = 0; i < n; i++)
        if (p[i].p_type == PT_INTERP)
            p[i].p_filesz = 1L << 40;
}
TEST_DIR(hostile_segments) {
    void (*edits[])(Elf64_Phdr *, int) = {huge, wraps, file_over_mem, kernel_half, unaligned, no_load, past_end, interp_huge};
    for (unsigned i = 0; i < sizeof edits / sizeof *edits; i++) {
        int st = run_segments(edits[i]);
        if (st == 0)
            FAIL("case %u ran to a good end", i); // it may fail in execve or die of a signal
        GUEST_COUNT();
    }
}
HELPER(stack) {
    // The strings of argv and envp lie above the vectors; AT_EXECFN, AT_RANDOM and AT_PLATFORM point into the stack too.
    extern char **environ;
    char **v = argv - 3;
    if ((char *)v > v[0] || environ != v + argc + 3 + 1)
        return 1;
    if (strcmp((char *)getauxval(AT_EXECFN), guest_self))
        return 2;
    char *last = NULL;
    for (char **e = environ; *e; e++)
        last = *e;
    if ((char *)getauxval(AT_EXECFN) < last)
        return 3;
    uintptr_t at_entry;
    __asm__("mov %%rsp,%0" : "=r"(at_entry));
    return (uintptr_t)v > at_entry ? 0 : 4;
}
TEST(initial_stack) {
    pid_t c = FORK();
    if (c == 0) {
        execl(guest_self, guest_self, "--helper", "stack", "a", NULL);
        _exit(9);
    }
    CHECK_EXIT(c, 0);
}
HELPER(secure) { return getauxval(AT_SECURE) == 1 && getauxval(AT_EUID) == 77 && getauxval(AT_UID) == 1234 ? 0 : 1; }
TEST_DIR(at_secure) {
    NEED_ROOT();
    char cmd[PATH_MAX + 32];
    snprintf(cmd, sizeof cmd, "cp %s ./copy", guest_self);
    CHECK_EQ(system(cmd), 0);
    OK(chmod(".", 0755)), OK(chown("copy", 77, -1)), OK(chmod("copy", 04755));
    pid_t c = FORK();
    if (c == 0) {
        become(1234);
        execl("./copy", "copy", "--helper", "secure", NULL);
        _exit(9);
    }
    CHECK_EXIT(c, 0);
}
TEST(addresses_are_random) {
    // Two runs of the same program differ in stack and mappings (unless the machine says otherwise).
    if (atoi(read_file("/proc/sys/kernel/randomize_va_space")) == 0)
        skip("randomization is off");
    char a[128], b[128];
    for (int i = 0; i < 2; i++) {
        FILE *f = popen("grep -m1 'libc\\|ld-' /proc/self/maps", "r");
        CHECK(f && fgets(i ? b : a, 128, f));
        pclose(f);
    }
    CHECK_NE(strcmp(a, b), 0);
}
TEST(vdso) {
    const Elf64_Ehdr *h = (void *)getauxval(AT_SYSINFO_EHDR);
    CHECK(h);
    CHECK_MEM(h, "\177ELF", 4);
    const Elf64_Phdr *p = (void *)((char *)h + h->e_phoff);
    const Elf64_Dyn *dyn = NULL;
    long base = 0;
    for (int i = 0; i < h->e_phnum; i++) {
        if (p[i].p_type == PT_LOAD)
            base = (long)h + p[i].p_offset - p[i].p_vaddr;
        if (p[i].p_type == PT_DYNAMIC)
            dyn = (void *)((char *)h + p[i].p_offset);
    }
    CHECK(dyn);
    const char *str = NULL;
    const Elf64_Sym *sym = NULL;
    for (; dyn->d_tag; dyn++) {
        if (dyn->d_tag == DT_STRTAB)
            str = (void *)(base + dyn->d_un.d_ptr);
        if (dyn->d_tag == DT_SYMTAB)
            sym = (void *)(base + dyn->d_un.d_ptr);
    }
    CHECK(str && sym);
    int found = 0;
    for (int i = 1; i < 32 && (char *)&sym[i] < str; i++) {
        found |= !strcmp(str + sym[i].st_name, "__vdso_clock_gettime");
        found |= !strcmp(str + sym[i].st_name, "__vdso_gettimeofday") << 1;
        found |= !strcmp(str + sym[i].st_name, "__vdso_time") << 2;
        found |= !strcmp(str + sym[i].st_name, "__vdso_getcpu") << 3;
    }
    CHECK_EQ(found, 15);
    CHECK_FAULT(*(volatile char *)h = 1, SIGSEGV, SEGV_ACCERR, h);
}
TEST(vsyscall_page) {
    long (*get_time)(time_t *) = (void *)0xffffffffff600400;
    if (!strstr(read_file("/proc/self/maps"), "[vsyscall]"))
        skip("no vsyscall page");
    time_t t = time(NULL), v = 0;
    siginfo_t si = FAULT(v = get_time(NULL));
    if (si.si_signo)
        skip("vsyscall=none");
    CHECK_GE(v, t), CHECK_LE(v, t + 1);
}
