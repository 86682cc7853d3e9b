// Seccomp programs written by hand: libseccomp cannot compare the instruction pointer. Used by the filters of stubs.
#pragma once

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "platform/stub/layout.h"

namespace sbx::platform::stub {

constexpr u32 lo(u64 x) { return static_cast<u32>(x); }
constexpr u32 hi(u64 x) { return static_cast<u32>(x >> 32); }
// The low half, which flags and protections fit.
constexpr u32 arg(unsigned i) { return offsetof(seccomp_data, args) + 8 * i; }
constexpr u32 kIp = offsetof(seccomp_data, instruction_pointer);
constexpr u32 kKill = SECCOMP_RET_KILL_PROCESS;

static_assert(hi(kCode) == hi(kCode + kPageSize));

// A program under construction; on the stack, because it is built between fork and the first injected call.
struct Program {
    sock_filter code[96];
    unsigned short n = 0;

    void emit(sock_filter f) { code[n++] = f; }
    void load(u32 offset) { emit(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)); }
    void mask(u32 k) { emit(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, k)); }
    void ret(u32 action) { emit(BPF_STMT(BPF_RET | BPF_K, action)); }
    // Kills unless the comparison `op` (BPF_JEQ, BPF_JGE ...) with k has the outcome `wanted`.
    void require(u16 op, u32 k, bool wanted) {
        emit(BPF_JUMP(static_cast<u16>(BPF_JMP | op | BPF_K), k, static_cast<u8>(wanted), static_cast<u8>(!wanted)));
        ret(kKill);
    }
    void returns_if_equal(u32 k, u32 action) {
        emit(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 0, 1));
        ret(action);
    }
    // Begins rules for one system call; they end in a return. `n` of the result is patched by end_call.
    unsigned short begin_call(u32 nr) {
        load(offsetof(seccomp_data, nr));
        emit(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 0));
        return static_cast<unsigned short>(n - 1);
    }
    void end_call(unsigned short at) {
        ret(SECCOMP_RET_ALLOW);
        code[at].jf = static_cast<u8>(n - at - 1);
    }
    void require_prot(unsigned index) {
        load(arg(index));
        require(BPF_JSET, ~7u, false);
    }
    // Flags of an mmap that puts pages of the memory file in place.
    void require_shared_fixed(unsigned index) {
        load(arg(index));
        mask(~static_cast<u32>(MAP_POPULATE));
        require(BPF_JEQ, MAP_SHARED | MAP_FIXED, true);
    }

    // Holds the calling thread by it, and all that it makes. 0 or -errno.
    long install() {
        sock_fprog prog{n, code};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -errno;
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) != 0 ? -errno : 0;
    }
};

}  // namespace sbx::platform::stub
