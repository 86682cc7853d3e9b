// One instance of devpts: its pseudo-terminals by number. Used inside devpts.
#pragma once

#include <map>

#include "fs/devpts/pty.h"
#include "fs/vfs/file_system.h"

namespace sbx::devpts {

struct Options {
    u32 mode = 0600, ptmx_mode = 0;
    bool has_uid = false, has_gid = false;
    Kuid uid = 0;
    Kgid gid = 0;
    u32 max = 4096;  // kernel.pty.max
    template <class A>
    void state(A& ar) {
        ar(mode, ptmx_mode, has_uid, has_gid, uid, gid, max);
    }
};

// What nodes have; the rest of the attributes is fixed for terminals.
template <class A>
void attr_state(A& ar, vfs::Attr& a) {
    ar(a.mode, a.uid, a.gid, a.rdev, a.ino, a.blksize);
    ar.raw(a.atime);
    ar.raw(a.mtime);
    ar.raw(a.ctime);
}

// A slave's node: its attributes outlive each inode that shows them.
struct Slave {
    Ref<Pty> pty;
    vfs::Attr attr;
    template <class A>
    void state(A& ar) {
        ar(pty);
        attr_state(ar, attr);
    }
};

class DevptsFs final : public vfs::FileSystem {
public:
    DevptsFs(TaskSet& tasks, const Options& o);
    std::string_view type_name() const override { return "devpts"; }
    Ref<vfs::Inode> root() override;
    Result<vfs::StatFs> statfs() override;
    std::string options() const override;
    bool dentries_stable() const override { return false; }

    // A new pty, opened: ENOSPC.
    Result<Ref<vfs::OpenFile>> open_ptmx(const vfs::OpenArgs& a);
    void remove(unsigned index);
    Ref<Pty> find(unsigned index) const;
    Result<vfs::Attr> attr_of(const Pty& pty) const;
    Result<> set_attr_of(const Pty& pty, const vfs::SetAttr& s);
    std::vector<unsigned> list() const;
    vfs::Attr ptmx_attr() const;
    Result<> set_ptmx_attr(const vfs::SetAttr& s);

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(a.given(tasks_), options_);
    }
    template <class A>
    void state(A& ar);
    TaskSet& tasks_;
    const Options options_;
    mutable Mutex<Rank::Leaf> mu_;
    std::map<unsigned, Slave> slaves_ SBX_GUARDED_BY(mu_);
    vfs::Attr ptmx_ SBX_GUARDED_BY(mu_);
};

}  // namespace sbx::devpts
