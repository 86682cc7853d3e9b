// NUMA: mbind, set_mempolicy, get_mempolicy, migrate_pages, move_pages, set_mempolicy_home_node, as on a machine with one node.
#include <linux/capability.h>

#include <algorithm>
#include <vector>

#include "src/kernel/kernel.h"
#include "src/kernel/pid.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/thread_group.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

// include/uapi/linux/mempolicy.h
enum Mode : int { kDefault, kPreferred, kBind, kInterleave, kLocal, kPreferredMany, kWeightedInterleave, kModes };
constexpr int kStaticNodes = 1 << 15, kRelativeNodes = 1 << 14, kNumaBalancing = 1 << 13;
constexpr u64 kNode = 1, kAddr = 2, kMemsAllowed = 4;  // get_mempolicy
constexpr u64 kStrict = 1, kMove = 2, kMoveAll = 4;    // mbind, move_pages
constexpr u64 kMaxBits = kPageSize * 8;

// Node sets name node 0 or nothing; EINVAL for nodes that are not there.
Result<bool> node_set(Task& t, UserPtr<u64> mask, u64 max_node) {
    if (max_node != 0) max_node--;
    if (!mask || max_node == 0) return false;
    if (max_node > kMaxBits) return err(EINVAL);
    std::vector<u64> words = SBX_TRY(t.copy_in_array(mask, (max_node + 63) / 64));
    if (max_node % 64) words.back() &= (1ull << (max_node % 64)) - 1;
    bool zero = words[0] & 1;
    words[0] &= ~1ull;
    for (u64 w : words)
        if (w) return err(EINVAL);
    return zero;
}

// mpol_new() and mpol_set_nodemask() of mm/mempolicy.c: the policy as it is kept.
Result<int> check_policy(Task& t, int mode, UserPtr<u64> mask, u64 max_node) {
    int flags = mode & (kStaticNodes | kRelativeNodes | kNumaBalancing);
    int kept = mode;
    mode &= ~flags;
    if (mode < 0 || mode >= kModes) return err(EINVAL);
    if ((flags & kStaticNodes) && (flags & kRelativeNodes)) return err(EINVAL);
    if ((flags & kNumaBalancing) && mode != kBind && mode != kPreferredMany) return err(EINVAL);
    bool some = SBX_TRY(node_set(t, mask, max_node));
    switch (mode) {
    case kDefault:
    case kLocal:
        if (some || (mode == kLocal && flags)) return err(EINVAL);
        return mode;
    case kPreferred:
        if (!some && flags) return err(EINVAL);
        return some ? kept : kLocal;
    default:
        if (!some) return err(EINVAL);
        return kept;
    }
}

Result<long> sys_mbind(Task& t, u64 addr, u64 length, u64 mode, UserPtr<u64> mask, u64 max_node, u64 flags) {
    SBX_TRY(check_policy(t, static_cast<int>(mode), mask, max_node));
    if (flags & ~(kStrict | kMove | kMoveAll)) return err(EINVAL);
    if ((flags & kMoveAll) && !t.creds()->capable(CAP_SYS_NICE, t.kernel().user_ns())) return err(EPERM);
    if (addr & kPageMask) return err(EINVAL);
    u64 end = 0;
    length = page_up(length);
    if (!checked_add(addr, length, &end)) return err(EINVAL);
    if (end == addr) return 0;
    SBX_TRY(t.mm().check_mapped(addr, length));
    return 0;
}

Result<long> sys_set_mempolicy(Task& t, int mode, UserPtr<u64> mask, u64 max_node) {
    t.mempolicy = SBX_TRY(check_policy(t, mode, mask, max_node));
    return 0;
}

Result<long> sys_get_mempolicy(Task& t, UserPtr<int> mode, UserPtr<u64> mask, u64 max_node, u64 addr, u64 flags) {
    if (mask && max_node < 1) return err(EINVAL);
    if (flags & ~(kNode | kAddr | kMemsAllowed)) return err(EINVAL);
    bool allowed = flags & kMemsAllowed;
    if (allowed && (flags & (kNode | kAddr))) return err(EINVAL);
    int value = kDefault, own = t.mempolicy & ~(kStaticNodes | kRelativeNodes | kNumaBalancing);
    bool node = allowed;
    if (flags & kAddr) {
        SBX_TRY(t.mm().check_mapped(page_down(addr), kPageSize));
    } else if (!allowed) {
        if (addr) return err(EINVAL);
        // The next node to interleave on, which is node 0.
        if ((flags & kNode) && own != kInterleave && own != kWeightedInterleave) return err(EINVAL);
        if (!(flags & kNode)) value = t.mempolicy;
        node = own != kDefault && own != kLocal;
    }
    if (mode) SBX_TRY(t.copy_out(mode, value));
    if (mask) {
        u64 words = (max_node - 1 + 63) / 64;
        if (words > kMaxBits / 64) return err(EINVAL);
        std::vector<u64> bits(words, 0);
        if (node && words) bits[0] = 1;
        if (words) SBX_TRY(t.mm().copy_out(mask.addr, bits.data(), words * sizeof(u64)));
    }
    return 0;
}

// The memory of a process that the caller may move (kernel_move_pages, kernel_migrate_pages).
Result<Ref<mm::MemoryManager>> movable(Task& t, int pid) {
    if (pid == 0) return t.mm_ref();
    Ref<Task> target;
    {
        SharedLock l(tasks_of(t).mu);
        target = Ref<Task>(tasks_of(t).find_task(pid, t.pid_ns()));
    }
    if (!target) return err(ESRCH);
    if (target.get() != &t && !ptrace_may_access(t, *target, kPtraceRead)) return err(EPERM);
    Ref<mm::MemoryManager> mm = target->mm_of();
    if (!mm) return err(EINVAL);
    return mm;
}

Result<long> sys_migrate_pages(Task& t, int pid, u64 max_node, UserPtr<u64> from, UserPtr<u64> to) {
    SBX_TRY(node_set(t, from, max_node));
    bool some = SBX_TRY(node_set(t, to, max_node));
    SBX_TRY(movable(t, pid));
    if (!some) return err(EINVAL);
    return 0;
}

Result<long> sys_move_pages(Task& t, int pid, u64 count, UserPtr<u64> pages, UserPtr<int> nodes, UserPtr<int> status,
                            int flags) {
    if (static_cast<u32>(flags) & ~static_cast<u32>(kMove | kMoveAll)) return err(EINVAL);
    if ((flags & kMoveAll) && !t.creds()->capable(CAP_SYS_NICE, t.kernel().user_ns())) return err(EPERM);
    Ref<mm::MemoryManager> mm = SBX_TRY(movable(t, pid));
    for (u64 i = 0; i < count; i++) {
        if (t.killed()) return err(EINTR);
        u64 addr = SBX_TRY(t.copy_in(pages + i));
        int node = nodes ? SBX_TRY(t.copy_in(nodes + i)) : 0;
        if (node != 0) return err(ENODEV);
        SBX_TRY(t.copy_out(status + i, mm->page_status(addr)));
    }
    return 0;
}

Result<long> sys_set_mempolicy_home_node(Task& t, u64 addr, u64 length, u64 node, u64 flags) {
    if ((addr & kPageMask) || flags != 0 || node != 0) return err(EINVAL);
    u64 end = 0;
    length = page_up(length);
    if (!checked_add(addr, length, &end)) return err(EINVAL);
    if (end == addr) return 0;
    // No mapping has a policy of its own.
    static_cast<void>(t);
    return err(ENOENT);
}

constexpr SyscallRow kRows[] = {
    {237, "mbind", syscall<sys_mbind>, "ptr u d ptr u flags", Support::Partial,
     "one node; the policy is checked, not kept"},
    {238, "set_mempolicy", syscall<sys_set_mempolicy>, "d ptr u", Support::Partial,
     "one node; the policy is checked, not kept"},
    {239, "get_mempolicy", syscall<sys_get_mempolicy>, "ptr ptr u ptr flags", Support::Partial,
     "one node; always the default policy"},
    {256, "migrate_pages", syscall<sys_migrate_pages>, "d u ptr ptr", Support::Full, "one node"},
    {279, "move_pages", syscall<sys_move_pages>, "d u ptr ptr ptr flags", Support::Full, "one node"},
    {450, "set_mempolicy_home_node", syscall<sys_set_mempolicy_home_node>, "ptr u u flags", Support::Partial,
     "one node; no mapping has a policy"},
};

}  // namespace

const SyscallFamily kMempolicySyscalls(kRows);

}  // namespace sbx
