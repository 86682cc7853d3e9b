// Calls on memory: an arena at a fixed address that is mapped, protected, moved, read and written, by calls and by accesses.
#include "seq.h"

#include <setjmp.h>

static sigjmp_buf back;
static void on_fault(int sig, siginfo_t *info, void *context) {
    (void)context;
    long where = (char *)info->si_addr - ARENA;
    note(" {signal %d code %d at %lx}", sig, info->si_code, where >= 0 && where < ARENA_PAGES * PAGE ? where & ~4095l : -1l);
    siglongjmp(back, 1);
}

void end_memory(void) { munmap(ARENA, ARENA_PAGES * PAGE); }

// What each page is to a call that reads it.
static void show_pages(void) {
    int ends[2];
    if (pipe(ends) != 0) return;
    for (int i = 0; i < ARENA_PAGES; i++) {
        unsigned char b[16] = {0};
        if (write(ends[1], ARENA + i * PAGE, 16) != 16) note(" -");
        else if (read(ends[0], b, 16) == 16) note(" %x", bytes_hash(b, 16) & 0xffff);
    }
    close(ends[0]), close(ends[1]);
}

void family_memory(void) {
    unsigned first = pick(ARENA_PAGES), n = 1 + pick(ARENA_PAGES - first < 5 ? ARENA_PAGES - first : 5);
    char *at = ARENA + first * PAGE;
    size_t length = n * PAGE;
    int f = some_fd(), prot = ONE_OF(0, 1, 3, 3, 3, 5, 2, 7);
    switch (pick(16)) {
    case 0 ... 2: {
        int flags = ONE_OF(MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, MAP_ANONYMOUS);
        int place = ONE_OF(MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE);
        note("mmap(%u, %u, prot %d, flags %x)", first, n, prot, flags | place);
        void *p = mmap(at, length, prot, flags | place, -1, 0);
        result(p == MAP_FAILED ? -1 : p == at ? 0 : 1);
        break;
    }
    case 3: case 4: {
        int flags = ONE_OF(MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE);
        long offset = (long)pick(3) * PAGE;
        // Some kernels let no pseudo file system be executable, and a socket refuses when what was there is gone.
        struct stat s;
        prot &= ~PROT_EXEC;
        if (fstat(f, &s) == 0 && S_ISSOCK(s.st_mode)) break;
        note("mmap(%u, %u, prot %d, flags %x, %d, %ld)", first, n, prot, flags, f, offset);
        void *p = mmap(at, length, prot, flags | MAP_FIXED, f, offset);
        result(p == MAP_FAILED ? -1 : p == at ? 0 : 1);
        break;
    }
    case 5: note("munmap(%u, %u)", first, n); result(munmap(at, length)); break;
    case 6: note("mprotect(%u, %u, %d)", first, n, prot); result(mprotect(at, length, prot)); break;
    case 7: {
        unsigned to = pick(ARENA_PAGES), m = 1 + pick(ARENA_PAGES - to < 5 ? ARENA_PAGES - to : 5);
        int flags = ONE_OF(MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, MREMAP_FIXED);
        note("mremap(%u, %u, %u, flags %d, %u)", first, n, m, flags, to);
        void *p = mremap(at, length, m * PAGE, flags, ARENA + to * PAGE);
        result(p == MAP_FAILED ? -1 : p == ARENA + to * PAGE ? 0 : 1);
        break;
    }
    case 8: { unsigned m = 1 + pick(ARENA_PAGES - first); note("mremap(%u, %u, %u)", first, n, m); void *p = mremap(at, length, m * PAGE, 0); result(p == MAP_FAILED ? -1 : p == at ? 0 : 1); break; }
    case 9: { int k = ONE_OF(MADV_DONTNEED, MADV_DONTNEED, MADV_WILLNEED, MADV_REMOVE, MADV_DONTFORK, MADV_NORMAL, MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_RANDOM, MADV_WIPEONFORK, MADV_DOFORK, 99); note("madvise(%u, %u, %d)", first, n, k); result(madvise(at, length, k)); break; }
    case 10: { int k = (int)pick(8); note("msync(%u, %u, %d)", first, n, k); result(msync(at, length, k)); break; }
    case 11: case 12: {
        struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER}, segv, bus;
        int write = (int)pick(3);
        volatile char *p = at + pick(PAGE);
        sigaction(SIGSEGV, &action, &segv), sigaction(SIGBUS, &action, &bus);
        note("%s(%u)", write ? "store" : "load", first);
        if (sigsetjmp(back, 1) == 0) {
            if (write) *p = (char)(first * 7 + n), result(0);
            else result(*p);
        } else note("\n");
        sigaction(SIGSEGV, &segv, NULL), sigaction(SIGBUS, &bus, NULL);
        break;
    }
    case 13: { size_t k = some_size(), o = pick(PAGE); if (k > length) k = length; note("write(%d, arena %zu, %zu)", f, first * PAGE + o, k); result(write(f, at + o, k)); break; }
    case 14: { size_t k = some_size(), o = pick(PAGE); if (k > length) k = length; note("read(%d, arena %zu, %zu)", f, first * PAGE + o, k); result(read(f, at + o, k)); break; }
    case 15: note("pages"); show_pages(); note("\n"); break;
    }
}
