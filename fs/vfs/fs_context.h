// FsContext: root, working directory and umask (fs_struct). Shared by CLONE_FS.
#pragma once

#include "fs/vfs/dentry.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/types.h"
#include "src/base/mutex.h"

namespace sbx::vfs {

class FsContext final : public RefCounted {
public:
    FsContext(Path root, Path cwd, u32 umask) : root_(std::move(root)), cwd_(std::move(cwd)), umask_(umask) {}
    Ref<FsContext> clone() const {
        SharedLock l(mu_);
        return make_ref<FsContext>(root_, cwd_, umask_);
    }
    Path root() const {
        SharedLock l(mu_);
        return root_;
    }
    Path cwd() const {
        SharedLock l(mu_);
        return cwd_;
    }
    void set_root(Path p) {
        Lock l(mu_);
        std::swap(root_, p);
    }
    void set_cwd(Path p) {
        Lock l(mu_);
        std::swap(cwd_, p);
    }
    u32 umask() const {
        SharedLock l(mu_);
        return umask_;
    }
    // Returns the old one.
    u32 set_umask(u32 m) {
        Lock l(mu_);
        return std::exchange(umask_, m & 0777);
    }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const SBX_NO_TSA {
        return a.args(Path(), Path(), 0u);
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(root_, cwd_, umask_);
    }
    mutable RwMutex<Rank::FsContext> mu_;
    Path root_ SBX_GUARDED_BY(mu_), cwd_ SBX_GUARDED_BY(mu_);
    u32 umask_ SBX_GUARDED_BY(mu_);
};

}  // namespace sbx::vfs
