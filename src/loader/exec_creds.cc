// The transformation of credentials at execve.
#include "src/loader/exec_creds.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/mount.h>

#include "fs/vfs/mount.h"
#include "src/kernel/task.h"

namespace sbx::loader {
namespace {

struct FileCaps {
    bool present = false, effective = false;
    CapSet permitted, inheritable;
};

// security.capability, versions 2 and 3 (include/uapi/linux/capability.h). Anything else counts as absent, as a broken one does on Linux
// only for other versions (EINVAL); here it gives nothing.
FileCaps read_file_caps(vfs::OpenFile& f, const vfs::Caller& c, const UserNamespace& ns) {
    FileCaps caps;
    Result<std::string> x = f.inode().get_xattr("security.capability", c);
    if (!x || x->size() < sizeof(vfs_cap_data)) return caps;
    vfs_ns_cap_data d{};
    memcpy(&d, x->data(), std::min(x->size(), sizeof d));
    u32 revision = d.magic_etc & VFS_CAP_REVISION_MASK;
    if (revision == VFS_CAP_REVISION_3) {
        if (x->size() != sizeof d || ns.to_kuid(0) != d.rootid) return caps;
    } else if (revision != VFS_CAP_REVISION_2 || x->size() != sizeof(vfs_cap_data)) {
        return caps;
    }
    caps.present = true;
    caps.effective = (d.magic_etc & VFS_CAP_FLAGS_EFFECTIVE) != 0;
    caps.permitted.bits = (d.data[0].permitted | static_cast<u64>(d.data[1].permitted) << 32) & CapSet::all().bits;
    caps.inheritable.bits =
        (d.data[0].inheritable | static_cast<u64>(d.data[1].inheritable) << 32) & CapSet::all().bits;
    return caps;
}

// bprm_fill_uid(): set-id bits count unless the mount is nosuid, the task has no_new_privs, or the owner has no id in the user namespace.
void apply_set_ids(Creds& c, vfs::OpenFile& f, bool allowed) {
    if (!allowed) return;
    Result<vfs::Attr> a = f.inode().attr();
    if (!a || c.user_ns->from_kuid(a->uid) == kInvalidId || c.user_ns->from_kgid(a->gid) == kInvalidId) return;
    if (a->mode & S_ISUID) c.euid = a->uid;
    if ((a->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP)) c.egid = a->gid;
}

}  // namespace

Result<ExecCreds> exec_creds(const Creds& old, vfs::OpenFile& file, const vfs::Caller& caller) {
    bool no_new_privs = caller.task && caller.task->no_new_privs;
    bool may_gain = !no_new_privs && !(file.path().mount->flags() & MS_NOSUID);
    Ref<Creds> c = old.clone();
    apply_set_ids(*c, file, may_gain);
    bool id_changed = c->euid != old.euid || c->egid != old.egid;
    c->suid = c->fsuid = c->euid;
    c->sgid = c->fsgid = c->egid;

    // capabilities(7), "Transformation of capabilities during execve()".
    FileCaps f = may_gain ? read_file_caps(file, caller, *c->user_ns) : FileCaps{};
    Kuid root = c->user_ns->to_kuid(0);
    bool root_rules = !(c->securebits & SECBIT_NOROOT) && root != kInvalidId;
    if (root_rules && (c->euid == root || c->uid == root)) {
        f.permitted = f.inheritable = CapSet::all();
        f.present = true;
        f.effective = c->euid == root;
    }
    bool file_gives = f.present && !root_rules;
    if (id_changed || file_gives || (f.present && c->uid != root && c->euid != root)) c->ambient = CapSet{};
    u64 permitted =
        (old.inheritable.bits & f.inheritable.bits) | (f.permitted.bits & old.bounding.bits) | c->ambient.bits;
    if (f.present && f.effective && c->euid != root && (f.permitted.bits & ~permitted)) return err(EPERM);
    c->permitted.bits = permitted;
    c->effective.bits = f.effective ? permitted : c->ambient.bits;
    c->securebits &= ~static_cast<u32>(SECBIT_KEEP_CAPS);

    ExecCreds r;
    bool gained = (c->permitted.bits & ~old.permitted.bits) != 0;
    r.privileged = id_changed || (gained && c->uid != root);
    r.secure =
        c->uid != c->euid || c->gid != c->egid || (c->uid != root && (f.effective || (permitted & ~c->ambient.bits)));
    r.creds = c;
    return r;
}

}  // namespace sbx::loader
