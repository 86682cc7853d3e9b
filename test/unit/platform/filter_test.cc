// The filter of systrap stubs, run by an interpreter of our own for the part of classic BPF that it uses.
#include "platform/systrap/filter.h"

#include <doctest/doctest.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

using namespace sbx;
using namespace sbx::platform;

namespace {
constexpr u64 kPassword = 0x123456789abcdef0;
constexpr u32 kTrap = SECCOMP_RET_TRAP, kAllow = SECCOMP_RET_ALLOW, kKill = SECCOMP_RET_KILL_PROCESS;

u32 interpret(const stub::Program& p, const seccomp_data& data) {
    u32 a = 0;
    for (unsigned pc = 0; pc < p.n; pc++) {
        const sock_filter& f = p.code[pc];
        switch (f.code) {
        case BPF_LD | BPF_W | BPF_ABS: {
            REQUIRE(f.k + 4 <= sizeof data);
            memcpy(&a, reinterpret_cast<const char*>(&data) + f.k, 4);
            break;
        }
        case BPF_ALU | BPF_AND | BPF_K: a &= f.k; break;
        case BPF_JMP | BPF_JEQ | BPF_K: pc += a == f.k ? f.jt : f.jf; break;
        case BPF_JMP | BPF_JGT | BPF_K: pc += a > f.k ? f.jt : f.jf; break;
        case BPF_JMP | BPF_JGE | BPF_K: pc += a >= f.k ? f.jt : f.jf; break;
        case BPF_JMP | BPF_JSET | BPF_K: pc += a & f.k ? f.jt : f.jf; break;
        case BPF_RET | BPF_K: return f.k;
        default: FAIL("an instruction that the filter does not need");
        }
    }
    FAIL("the program has no end");
    return 0;
}

struct Filter {
    stub::Program program;
    Filter() { systrap::build_filter(program, kPassword); }
    u32 operator()(long nr, u64 a = 0, u64 b = 0, u64 c = 0, u64 d = 0, u64 e = 0, u64 f = 0,
                   u64 ip = stub::kCode + 100, u32 arch = AUDIT_ARCH_X86_64) const {
        return interpret(program, seccomp_data{static_cast<int>(nr), arch, ip, {a, b, c, d, e, f}});
    }
};
constexpr u64 kProtPart = kPassword & 0xffffffff00000000, kFdPart = kPassword << 32;
constexpr u64 kFixed = MAP_SHARED | MAP_FIXED;
constexpr u64 kThread = systrap::kThreadFlags;
}  // namespace

TEST_CASE("systrap filter: calls from outside of the stub's page trap, with the password too") {
    Filter f;
    for (long nr = 0; nr < 600; nr++)
        for (u64 ip : {u64{0}, u64{0x400000}, stub::kCode, stub::kCode + kPageSize + 1, stub::kHostVdso + 10,
                       u64{0xffffffffff600000}, stub::kCode + (u64{1} << 32), stub::kCode & 0xffffffff})
            CHECK(f(nr, 1, 1, 1, kFixed, 1, kPassword, ip) == kTrap);
    CHECK(f(SYS_munmap, 0, 1, 0, 0, 0, kPassword, stub::kCode + 100, AUDIT_ARCH_I386) == kTrap);
}

TEST_CASE("systrap filter: without the password the stub's page waits, wakes and returns") {
    Filter f;
    for (long nr = 0; nr < 600; nr++) {
        bool harmless = nr == SYS_futex || nr == SYS_rt_sigreturn;
        for (u64 guess : {u64{0}, kPassword + 1, kPassword ^ (u64{1} << 63), kPassword & 0xffffffff, kProtPart}) {
            CHECK(f(nr, 0, 0, 7, kFixed, 3, guess) == (harmless ? kAllow : kKill));
            CHECK(f(nr, kThread, 0, 7, kFixed, 3, guess) == (harmless ? kAllow : kKill));
        }
    }
    CHECK(f(SYS_futex, 0, 1) == kAllow);
    for (u64 op = 2; op < 300; op++) CHECK(f(SYS_futex, 0, op) == kKill);
}

TEST_CASE("systrap filter: mappers map shared files at fixed addresses, and little else") {
    Filter f;
    auto map = [&](u64 prot, u64 flags, u64 fd) { return f(SYS_mmap, 0x1000, 0x1000, prot, flags, fd, 0); };
    CHECK(map(kProtPart | 7, kFixed, kFdPart | 5) == kAllow);
    CHECK(map(kProtPart | 7, kFixed | MAP_POPULATE, kFdPart | 5) == kAllow);
    CHECK(map(kProtPart | 8, kFixed, kFdPart | 5) == kKill);
    CHECK(map(kProtPart | 7, MAP_SHARED, kFdPart | 5) == kKill);
    CHECK(map(kProtPart | 7, kFixed | MAP_ANONYMOUS, kFdPart | 5) == kKill);
    CHECK(map(7, kFixed, kFdPart | 5) == kKill);
    CHECK(map(kProtPart | 7, kFixed, 5) == kKill);
    for (unsigned bit = 32; bit < 64; bit++) {
        CHECK(map((kProtPart ^ (1ull << bit)) | 7, kFixed, kFdPart | 5) == kKill);
        CHECK(map(kProtPart | 7, kFixed, (kFdPart ^ (1ull << bit)) | 5) == kKill);
    }
    CHECK(f(SYS_munmap, 0, 1, 0, 0, 0, kPassword) == kAllow);
    CHECK(f(SYS_mprotect, 0, 1, 7, 0, 0, kPassword) == kAllow);
    CHECK(f(SYS_mprotect, 0, 1, 8, 0, 0, kPassword) == kKill);
    CHECK(f(SYS_clone, kThread, 0, 0, 0, 0, kPassword) == kAllow);
    CHECK(f(SYS_clone, systrap::kProcessFlags, 0, 0, 0, 0, kPassword) == kAllow);
    CHECK(f(SYS_clone, kThread | 0x10000000, 0, 0, 0, 0, kPassword) == kKill);
    CHECK(f(SYS_clone, 17, 0, 0, 0, 0, kPassword) == kKill);
    for (long nr : {SYS_open, SYS_execve, SYS_ptrace, SYS_process_vm_writev, SYS_mremap, SYS_dup, SYS_kill})
        CHECK(f(nr, 0, 0, 0, 0, 0, kPassword) == kKill);
    for (unsigned bit = 0; bit < 64; bit++) CHECK(f(SYS_munmap, 0, 1, 0, 0, 0, kPassword ^ (1ull << bit)) == kKill);
}
