// Credentials: get*id, set*id, groups, capget, capset.
#include <linux/capability.h>

#include <algorithm>

#include "src/kernel/change_creds.h"
#include "src/kernel/kernel.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

constexpr u64 kMaxGroups = 65536;

Result<long> sys_getuid(Task& t) { return t.creds()->user_ns->from_kuid_munged(t.creds()->uid); }
Result<long> sys_geteuid(Task& t) { return t.creds()->user_ns->from_kuid_munged(t.creds()->euid); }
Result<long> sys_getgid(Task& t) { return t.creds()->user_ns->from_kgid_munged(t.creds()->gid); }
Result<long> sys_getegid(Task& t) { return t.creds()->user_ns->from_kgid_munged(t.creds()->egid); }

Result<long> sys_getresuid(Task& t, UserPtr<u32> r, UserPtr<u32> e, UserPtr<u32> s) {
    const Creds& c = *t.creds();
    SBX_TRY(t.copy_out(r, c.user_ns->from_kuid_munged(c.uid)));
    SBX_TRY(t.copy_out(e, c.user_ns->from_kuid_munged(c.euid)));
    SBX_TRY(t.copy_out(s, c.user_ns->from_kuid_munged(c.suid)));
    return 0;
}

Result<long> sys_getresgid(Task& t, UserPtr<u32> r, UserPtr<u32> e, UserPtr<u32> s) {
    const Creds& c = *t.creds();
    SBX_TRY(t.copy_out(r, c.user_ns->from_kgid_munged(c.gid)));
    SBX_TRY(t.copy_out(e, c.user_ns->from_kgid_munged(c.egid)));
    SBX_TRY(t.copy_out(s, c.user_ns->from_kgid_munged(c.sgid)));
    return 0;
}

// Ids given as -1 mean "unchanged"; others must be known to the caller's user namespace.
Result<Kuid> uid_arg(const Creds& c, u32 id) {
    if (id == kInvalidId) return kInvalidId;
    Kuid k = c.user_ns->to_kuid(id);
    if (k == kInvalidId) return err(EINVAL);
    return k;
}
Result<Kgid> gid_arg(const Creds& c, u32 id) {
    if (id == kInvalidId) return kInvalidId;
    Kgid k = c.user_ns->to_kgid(id);
    if (k == kInvalidId) return err(EINVAL);
    return k;
}

Result<long> commit_ids(Task& t, Ref<Creds> n) {
    fix_caps_after_setuid(*t.creds(), *n);
    commit_creds(t, std::move(n));
    return 0;
}

Result<long> sys_setuid(Task& t, u32 uid) {
    const Creds& old = *t.creds();
    if (uid == kInvalidId) return err(EINVAL);
    Kuid k = SBX_TRY(uid_arg(old, uid));
    Ref<Creds> n = old.clone();
    if (old.capable(CAP_SETUID))
        n->uid = n->suid = k;
    else if (k != old.uid && k != old.suid)
        return err(EPERM);
    n->euid = n->fsuid = k;
    return commit_ids(t, std::move(n));
}

Result<long> sys_setgid(Task& t, u32 gid) {
    const Creds& old = *t.creds();
    if (gid == kInvalidId) return err(EINVAL);
    Kgid k = SBX_TRY(gid_arg(old, gid));
    Ref<Creds> n = old.clone();
    if (old.capable(CAP_SETGID))
        n->gid = n->sgid = k;
    else if (k != old.gid && k != old.sgid)
        return err(EPERM);
    n->egid = n->fsgid = k;
    commit_creds(t, std::move(n));
    return 0;
}

Result<long> sys_setreuid(Task& t, u32 ruid, u32 euid) {
    const Creds& old = *t.creds();
    Kuid r = SBX_TRY(uid_arg(old, ruid))
    , e = SBX_TRY(uid_arg(old, euid));
    Ref<Creds> n = old.clone();
    bool privileged = old.capable(CAP_SETUID);
    if (r != kInvalidId) {
        if (r != old.uid && r != old.euid && !privileged) return err(EPERM);
        n->uid = r;
    }
    if (e != kInvalidId) {
        if (e != old.uid && e != old.euid && e != old.suid && !privileged) return err(EPERM);
        n->euid = e;
    }
    if (r != kInvalidId || (e != kInvalidId && e != old.uid)) n->suid = n->euid;
    n->fsuid = n->euid;
    return commit_ids(t, std::move(n));
}

Result<long> sys_setregid(Task& t, u32 rgid, u32 egid) {
    const Creds& old = *t.creds();
    Kgid r = SBX_TRY(gid_arg(old, rgid))
    , e = SBX_TRY(gid_arg(old, egid));
    Ref<Creds> n = old.clone();
    bool privileged = old.capable(CAP_SETGID);
    if (r != kInvalidId) {
        if (r != old.gid && r != old.egid && !privileged) return err(EPERM);
        n->gid = r;
    }
    if (e != kInvalidId) {
        if (e != old.gid && e != old.egid && e != old.sgid && !privileged) return err(EPERM);
        n->egid = e;
    }
    if (r != kInvalidId || (e != kInvalidId && e != old.gid)) n->sgid = n->egid;
    n->fsgid = n->egid;
    commit_creds(t, std::move(n));
    return 0;
}

Result<long> sys_setresuid(Task& t, u32 ruid, u32 euid, u32 suid) {
    const Creds& old = *t.creds();
    Kuid want[3] = { SBX_TRY(uid_arg(old, ruid)), SBX_TRY(uid_arg(old, euid)), SBX_TRY(uid_arg(old, suid)) };
    bool privileged = old.capable(CAP_SETUID);
    for (Kuid k : want)
        if (k != kInvalidId && k != old.uid && k != old.euid && k != old.suid && !privileged) return err(EPERM);
    Ref<Creds> n = old.clone();
    if (want[0] != kInvalidId) n->uid = want[0];
    if (want[1] != kInvalidId) n->euid = want[1];
    if (want[2] != kInvalidId) n->suid = want[2];
    n->fsuid = n->euid;
    return commit_ids(t, std::move(n));
}

Result<long> sys_setresgid(Task& t, u32 rgid, u32 egid, u32 sgid) {
    const Creds& old = *t.creds();
    Kgid want[3] = { SBX_TRY(gid_arg(old, rgid)), SBX_TRY(gid_arg(old, egid)), SBX_TRY(gid_arg(old, sgid)) };
    bool privileged = old.capable(CAP_SETGID);
    for (Kgid k : want)
        if (k != kInvalidId && k != old.gid && k != old.egid && k != old.sgid && !privileged) return err(EPERM);
    Ref<Creds> n = old.clone();
    if (want[0] != kInvalidId) n->gid = want[0];
    if (want[1] != kInvalidId) n->egid = want[1];
    if (want[2] != kInvalidId) n->sgid = want[2];
    n->fsgid = n->egid;
    commit_creds(t, std::move(n));
    return 0;
}

// Both return the old id, whether anything changed or not.
Result<long> sys_setfsuid(Task& t, u32 uid) {
    const Creds& old = *t.creds();
    u32 was = old.user_ns->from_kuid_munged(old.fsuid);
    Kuid k = uid == kInvalidId ? kInvalidId : old.user_ns->to_kuid(uid);
    if (k == kInvalidId || k == old.fsuid) return was;
    if (k != old.uid && k != old.euid && k != old.suid && !old.capable(CAP_SETUID)) return was;
    Ref<Creds> n = old.clone();
    n->fsuid = k;
    fix_caps_after_setfsuid(old, *n);
    commit_creds(t, std::move(n));
    return was;
}

Result<long> sys_setfsgid(Task& t, u32 gid) {
    const Creds& old = *t.creds();
    u32 was = old.user_ns->from_kgid_munged(old.fsgid);
    Kgid k = gid == kInvalidId ? kInvalidId : old.user_ns->to_kgid(gid);
    if (k == kInvalidId || k == old.fsgid) return was;
    if (k != old.gid && k != old.egid && k != old.sgid && !old.capable(CAP_SETGID)) return was;
    Ref<Creds> n = old.clone();
    n->fsgid = k;
    commit_creds(t, std::move(n));
    return was;
}

Result<long> sys_getgroups(Task& t, int size, UserPtr<u32> list) {
    const Creds& c = *t.creds();
    if (size < 0) return err(EINVAL);
    int n = static_cast<int>(c.groups.size());
    if (size == 0) return n;
    if (n > size) return err(EINVAL);
    std::vector<u32> out;
    for (Kgid g : c.groups) out.push_back(c.user_ns->from_kgid_munged(g));
    SBX_TRY(t.mm().copy_out(list.addr, out.data(), out.size() * sizeof(u32)));
    return n;
}

Result<long> sys_setgroups(Task& t, int size, UserPtr<u32> list) {
    const Creds& old = *t.creds();
    // may_setgroups()
    if (!old.capable(CAP_SETGID) || !old.user_ns->setgroups_allowed() || old.user_ns->gid_map().empty())
        return err(EPERM);
    if (static_cast<unsigned>(size) > kMaxGroups) return err(EINVAL);
    std::vector<u32> ids = SBX_TRY(t.copy_in_array(list, static_cast<size_t>(size)));
    Ref<Creds> n = old.clone();
    n->groups.clear();
    for (u32 id : ids) {
        Kgid k = old.user_ns->to_kgid(id);
        if (k == kInvalidId) return err(EINVAL);
        n->groups.push_back(k);
    }
    std::sort(n->groups.begin(), n->groups.end());
    commit_creds(t, std::move(n));
    return 0;
}

struct CapHeader {
    u32 version;
    i32 pid;
};
struct CapData {
    u32 effective, permitted, inheritable;
};
static_assert(sizeof(CapHeader) == sizeof(__user_cap_header_struct) &&
              sizeof(CapData) == sizeof(__user_cap_data_struct));

// How many 32-bit words of each set; an unknown version is answered with the one we know.
Result<unsigned> cap_words(Task& t, UserPtr<CapHeader> header, const CapHeader& h) {
    switch (h.version) {
    case _LINUX_CAPABILITY_VERSION_1: return 1u;
    case _LINUX_CAPABILITY_VERSION_2:
    case _LINUX_CAPABILITY_VERSION_3: return 2u;
    default: break;
    }
    SBX_TRY(t.copy_out(UserPtr<u32>{header.addr}, u32{_LINUX_CAPABILITY_VERSION_3}));
    return err(EINVAL);
}

Result<long> sys_capget(Task& t, UserPtr<CapHeader> header, UserPtr<CapData> data) {
    CapHeader h = SBX_TRY(t.copy_in(header));
    Result<unsigned> words = cap_words(t, header, h);
    if (!words) {
        // Probing for the version is no error.
        if (!data && words.error() == EINVAL) return 0;
        return err(words.error());
    }
    if (h.pid < 0) return err(EINVAL);
    CredsRef c = t.creds();
    if (h.pid != 0 && h.pid != t.tid()) {
        SharedLock l(t.kernel().tasks().mu);
        Task* o = t.kernel().tasks().find_task(h.pid, t.pid_ns());
        if (!o) return err(ESRCH);
        c = o->creds_of();
    }
    if (!data) return 0;
    for (unsigned i = 0; i < *words; i++) {
        unsigned shift = 32 * i;
        CapData d{static_cast<u32>(c->effective.bits >> shift), static_cast<u32>(c->permitted.bits >> shift),
                  static_cast<u32>(c->inheritable.bits >> shift)};
        SBX_TRY(t.copy_out(data + i, d));
    }
    return 0;
}

// cap_capset()
Result<long> sys_capset(Task& t, UserPtr<CapHeader> header, UserPtr<CapData> data) {
    CapHeader h = SBX_TRY(t.copy_in(header));
    unsigned words = SBX_TRY(cap_words(t, header, h));
    if (h.pid != 0 && h.pid != t.tid()) return err(EPERM);
    u64 e = 0, p = 0, i = 0;
    for (unsigned w = 0; w < words; w++) {
        CapData d = SBX_TRY(t.copy_in(data + w));
        e |= static_cast<u64>(d.effective) << (32 * w);
        p |= static_cast<u64>(d.permitted) << (32 * w);
        i |= static_cast<u64>(d.inheritable) << (32 * w);
    }
    const u64 valid = CapSet::all().bits;
    e &= valid, p &= valid, i &= valid;
    const Creds& old = *t.creds();
    if (!old.capable(CAP_SETPCAP) && (i & ~(old.inheritable.bits | old.permitted.bits))) return err(EPERM);
    if (i & ~(old.inheritable.bits | old.bounding.bits)) return err(EPERM);
    if (p & ~old.permitted.bits) return err(EPERM);
    if (e & ~p) return err(EPERM);
    Ref<Creds> n = old.clone();
    n->effective.bits = e;
    n->permitted.bits = p;
    n->inheritable.bits = i;
    n->ambient.bits &= p & i;
    commit_creds(t, std::move(n));
    return 0;
}

constexpr SyscallRow kRows[] = {
    {102, "getuid", syscall<sys_getuid>, "", Support::Full, ""},
    {104, "getgid", syscall<sys_getgid>, "", Support::Full, ""},
    {105, "setuid", syscall<sys_setuid>, "u", Support::Full, ""},
    {106, "setgid", syscall<sys_setgid>, "u", Support::Full, ""},
    {107, "geteuid", syscall<sys_geteuid>, "", Support::Full, ""},
    {108, "getegid", syscall<sys_getegid>, "", Support::Full, ""},
    {113, "setreuid", syscall<sys_setreuid>, "d d", Support::Full, ""},
    {114, "setregid", syscall<sys_setregid>, "d d", Support::Full, ""},
    {115, "getgroups", syscall<sys_getgroups>, "d ptr", Support::Full, ""},
    {116, "setgroups", syscall<sys_setgroups>, "d ptr", Support::Full, ""},
    {117, "setresuid", syscall<sys_setresuid>, "d d d", Support::Full, ""},
    {118, "getresuid", syscall<sys_getresuid>, "ptr ptr ptr", Support::Full, ""},
    {119, "setresgid", syscall<sys_setresgid>, "d d d", Support::Full, ""},
    {120, "getresgid", syscall<sys_getresgid>, "ptr ptr ptr", Support::Full, ""},
    {122, "setfsuid", syscall<sys_setfsuid>, "u", Support::Full, ""},
    {123, "setfsgid", syscall<sys_setfsgid>, "u", Support::Full, ""},
    {125, "capget", syscall<sys_capget>, "ptr ptr", Support::Full, ""},
    {126, "capset", syscall<sys_capset>, "ptr ptr", Support::Full, ""},
};

}  // namespace

const SyscallFamily kCredSyscalls(kRows);

}  // namespace sbx
