// nsfs: nodes are made anew whenever a link is followed; st_dev and st_ino say that two are the same namespace (namespaces(7)).
#include "fs/nsfs/nsfs.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>

#include <utility>

#include "fs/vfs/dentry.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/operations.h"
#include "src/base/archive.h"
#include "src/kernel/ns/cgroup.h"
#include "src/kernel/ns/ipc.h"
#include "src/kernel/ns/net.h"
#include "src/kernel/ns/ns_file.h"
#include "src/kernel/ns/uts.h"
#include "src/kernel/thread_group.h"

namespace sbx::nsfs {
namespace {

UserNamespace* owner_of(u64 type, RefCounted& ns) {
    switch (type) {
    case CLONE_NEWUTS: return &static_cast<UtsNamespace&>(ns).owner();
    case CLONE_NEWIPC: return &static_cast<IpcNamespace&>(ns).owner();
    case CLONE_NEWNET: return &static_cast<NetNamespace&>(ns).owner();
    case CLONE_NEWCGROUP: return &static_cast<CgroupNamespace&>(ns).owner();
    case CLONE_NEWNS: return &static_cast<vfs::MountNamespace&>(ns).owner();
    case CLONE_NEWPID: return &static_cast<PidNamespace&>(ns).owner();
    default: return static_cast<UserNamespace&>(ns).parent();
    }
}

// ns_get_owner(), pidns_get_parent(): what is not below the caller's own namespace is none of its business.
template <class Ns>
Result<long> open_visible(Ns* ns, const Ns* own, u64 type, std::string_view name, const vfs::Caller& c) {
    const Ns* above = ns;
    while (above && above != own) above = above->parent();
    if (!above) return err(EPERM);
    vfs::Path p = ns_path(type, name, ns->id(), Ref<RefCounted>(ns));
    Ref<vfs::OpenFile> f = SBX_TRY(vfs::open_path(c, p, O_RDONLY));
    return SBX_TRY(c.task->files().add(std::move(f), true, c.task->rlimit(RLIMIT_NOFILE)));
}

class NsFile final : public NamespaceFile {
public:
    using NamespaceFile::NamespaceFile;
    Result<long> ioctl(u32 cmd, u64 arg, const vfs::Caller& c) override {
        const UserNamespace* own = c.creds->user_ns.get();
        switch (cmd) {
        case NS_GET_NSTYPE: return static_cast<long>(type());
        case NS_GET_USERNS: return open_visible(owner_of(type(), *ns()), own, CLONE_NEWUSER, "user", c);
        case NS_GET_PARENT:
            if (type() == CLONE_NEWUSER)
                return open_visible(static_cast<UserNamespace&>(*ns()).parent(), own, CLONE_NEWUSER, "user", c);
            if (type() != CLONE_NEWPID) return err(EINVAL);
            return open_visible(static_cast<PidNamespace&>(*ns()).parent(), &std::as_const(c.task->pid_ns()),
                                CLONE_NEWPID, "pid", c);
        case NS_GET_OWNER_UID: {
            if (type() != CLONE_NEWUSER) return err(EINVAL);
            u32 uid = own->from_kuid_munged(static_cast<UserNamespace&>(*ns()).owner());
            SBX_TRY(c.mm->copy_out(arg, &uid, sizeof uid));
            return 0;
        }
        default: return NamespaceFile::ioctl(cmd, arg, c);
        }
    }
    template <class A>
    auto state_head(A a) const {
        return a.args(vfs::Path(), 0, type(), ns());
    }
};

class NsInode final : public vfs::Inode {
public:
    NsInode(vfs::FileSystem& fs, u64 id, u64 type, Ref<RefCounted> ns)
        : Inode(fs, id, S_IFREG), ns_type_(type), ns_(std::move(ns)) {}
    Result<vfs::Attr> attr() override {
        vfs::Attr a;
        a.mode = S_IFREG | 0444;
        a.ino = ino();
        return a;
    }
    // Nobody but the kernel owns a namespace's node.
    Result<> set_attr(const vfs::SetAttr&, const vfs::Caller&) override { return err(EPERM); }
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs& a) override {
        return Ref<vfs::OpenFile>(make_ref<NsFile>(a.path, a.flags, ns_type_, ns_));
    }
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(fs()), ino(), ns_type_, ns_);
    }

private:
    const u64 ns_type_;
    const Ref<RefCounted> ns_;
};

class NsFs final : public vfs::FileSystem {
public:
    std::string_view type_name() const override { return "nsfs"; }
    Ref<vfs::Inode> root() override { return {}; }
    Result<vfs::StatFs> statfs() override {
        vfs::StatFs s;
        s.type = 0x6e736673;  // NSFS_MAGIC
        return s;
    }
    // There is one, in every process.
    static NsFs* state_make(state::Loader&);
};

NsFs& ns_fs() {
    static NsFs& fs = *make_ref<NsFs>().release();  // no state: there is one in every process
    return fs;
}

NsFs* NsFs::state_make(state::Loader&) { return Ref<NsFs>(ns_fs()).release(); }

SBX_SAVABLE(NsFile);
SBX_SAVABLE(NsInode);
SBX_SAVABLE(NsFs);

}  // namespace

vfs::Path ns_path(u64 type, std::string_view name, u64 id, Ref<RefCounted> ns) {
    NsFs& fs = ns_fs();
    static const Ref<vfs::Mount>& mount = *new Ref<vfs::Mount>(vfs::Mount::create(
        Ref<vfs::FileSystem>(fs), vfs::Dentry::create_root(make_ref<NsInode>(fs, 0, 0, Ref<RefCounted>()), "nsfs:"), 0,
        "none"));
    std::string shown = std::string(name) + ":[" + std::to_string(id) + "]";
    return {mount, vfs::Dentry::create_root(make_ref<NsInode>(fs, id, type, std::move(ns)), std::move(shown))};
}

}  // namespace sbx::nsfs
