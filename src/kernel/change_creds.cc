// Publishing new credentials.
#include "src/kernel/change_creds.h"

#include <linux/capability.h>

#include "src/kernel/process_tree.h"
#include "src/kernel/thread_group.h"

namespace sbx {
namespace {
// CAP_FS_SET
constexpr u64 bit(unsigned c) { return 1ull << c; }
constexpr u64 kFsCaps = bit(CAP_CHOWN) | bit(CAP_MKNOD) | bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) |
                        bit(CAP_FOWNER) | bit(CAP_FSETID) | bit(CAP_MAC_OVERRIDE) | bit(CAP_LINUX_IMMUTABLE);
}  // namespace

void fix_caps_after_setuid(const Creds& old, Creds& n) {
    if (old.securebits & kSecNoSetuidFixup) return;
    Kuid root = old.user_ns->to_kuid(0);
    bool was_root = old.uid == root || old.euid == root || old.suid == root;
    bool is_root = n.uid == root || n.euid == root || n.suid == root;
    if (was_root && !is_root) {
        if (!(old.securebits & kSecKeepCaps)) n.permitted = n.effective = CapSet{};
        n.ambient = CapSet{};
    }
    if (old.euid == root && n.euid != root) n.effective = CapSet{};
    if (old.euid != root && n.euid == root) n.effective = n.permitted;
}

void fix_caps_after_setfsuid(const Creds& old, Creds& n) {
    if (old.securebits & kSecNoSetuidFixup) return;
    Kuid root = old.user_ns->to_kuid(0);
    if (old.fsuid == root && n.fsuid != root) n.effective.bits &= ~kFsCaps;
    if (old.fsuid != root && n.fsuid == root) n.effective.bits |= n.permitted.bits & kFsCaps;
}

namespace {
// cred_cap_issubset() of kernel/cred.c: the owner of a user namespace gains nothing over it by entering it.
bool caps_are_subset(const Creds& old, const Creds& n) {
    if (old.user_ns == n.user_ns) return (n.permitted.bits & ~old.permitted.bits) == 0;
    if (!old.user_ns->contains(*n.user_ns)) return false;
    for (const UserNamespace* ns = n.user_ns.get(); ns && ns != old.user_ns.get(); ns = ns->parent())
        if (ns->parent() == old.user_ns.get() && ns->owner() == old.euid) return true;
    return false;
}
}  // namespace

void commit_creds(Task& t, Ref<Creds> n) {
    const Creds& old = *t.creds();
    bool changed = old.euid != n->euid || old.egid != n->egid || old.fsuid != n->fsuid || old.fsgid != n->fsgid ||
                   !caps_are_subset(old, *n);
    if (changed) {
        // Its memory may hold what the new identity should not show (suid_dumpable is 0).
        if (t.mm_ref()) t.mm().dumpable.store(0);
        t.parent_death_signal = 0;
    }
    if (old.uid != n->uid) {
        Lock l(tasks_of(t).mu);
        count_process(t, n->uid);
    }
    t.set_creds(std::move(n));
}

}  // namespace sbx
