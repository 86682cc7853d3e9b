// What is saved of the VFS: names, mounts, tables, and the parts of inodes, open files and file systems that all kinds have in common.
//
// Dentries are saved if something uses them; the rest of the cache is not.
#include "fs/vfs/dentry.h"
#include "fs/vfs/fd_table.h"
#include "fs/vfs/file_mapping.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/fs_context.h"
#include "fs/vfs/handles.h"
#include "fs/vfs/inotify_marks.h"
#include "fs/vfs/locks.h"
#include "fs/vfs/mount.h"
#include "src/base/archive.h"

namespace sbx::vfs {

SBX_SAVABLE(Dentry);
SBX_SAVABLE(Mount);
SBX_SAVABLE(MountNamespace);
SBX_SAVABLE(FdTable);
SBX_SAVABLE(FsContext);
SBX_SAVABLE(FileMapping);

template <class A>
void Dentry::state(A& ar) SBX_NO_TSA {
    if constexpr (!A::kLoading) was_hashed_ = hashed_;
    ar.holding(inode_);
    ar(unlinked_, root_, stable_, was_hashed_, parent_, name_, fs_);
}

void Dentry::state_loaded(state::Loader&) SBX_NO_TSA {
    if (was_hashed_ && parent_) hash_locked();
}

template <class A>
void Mount::state(A& ar) SBX_NO_TSA {
    ar(fs_, root_, id_, flags_, writers_, source_, expiring_, locked_, locked_flags_, unbindable_, ns_, parent_,
       mountpoint_, hanging_);
}

void Mount::state_loaded(state::Loader&) SBX_NO_TSA {
    if (parent_) attach_to_locked(Path{parent_, mountpoint_});
}

template <class A>
void MountNamespace::state(A& ar) SBX_NO_TSA {
    ar(id_, owner_, root_, mounts_, events_);
}

template <class A>
void FileSystem::state(A& ar) SBX_NO_TSA {
    HandleList handles;
    if constexpr (!A::kLoading) handles = handles_of(*this);
    ar(dev_, root_dentry_, mounts_, read_only, writers, handles);
    ar.all_there(handles);
    if constexpr (A::kLoading)
        if (ar.ok()) restore_handles(*this, handles);
}
SBX_STATE_HERE(FileSystem);

template <class A>
void FileLocks::state(A& ar) SBX_NO_TSA {
    auto list = [&ar](std::vector<FileLock>& locks, bool flock) {
        u64 n = locks.size();
        ar(n);
        for (u64 i = 0; i < n; i++) {
            if constexpr (A::kLoading) {
                if (!ar.ok()) return;
                locks.emplace_back();
            }
            FileLock& l = locks[i];
            ar(l.type, l.start, l.end, l.pid, l.dev, l.ino);
            if (flock || l.pid == -1) {
                auto* f = static_cast<OpenFile*>(const_cast<void*>(l.owner));
                ar(f);
                l.owner = f;
            } else {
                auto* t = static_cast<FdTable*>(const_cast<void*>(l.owner));
                ar(t);
                l.owner = t;
            }
        }
    };
    list(records_, false);
    list(flocks_, true);
    ar(leases);
}
SBX_STATE_HERE(FileLocks);

template <class A>
void Leases::state(A& ar) SBX_NO_TSA {
    u64 n = leases_.size();
    ar(n);
    for (u64 i = 0; i < n && ar.ok(); i++) {
        if constexpr (A::kLoading) leases_.emplace_back();
        Lease& l = leases_[i];
        auto* owner = const_cast<OpenFile*>(l.owner);
        // Clocks of two hosts have nothing in common.
        Nanos now = host_monotonic();
        Nanos left[] = {l.ends == kNever ? kNever : l.ends - now, l.downgraded == kNever ? kNever : l.downgraded - now};
        ar(owner, l.type, l.signals, l.fd, left[0], left[1]);
        if constexpr (A::kLoading) {
            l.owner = owner;
            l.ends = add_sat(now, left[0]);
            l.downgraded = add_sat(now, left[1]);
        }
    }
}
SBX_STATE_HERE(Leases);

template <class A>
void Inode::state(A& ar) SBX_NO_TSA {
    bool has_locks = locks_.load() != nullptr;
    ar(has_locks);
    if constexpr (A::kLoading)
        if (has_locks && ar.ok()) locks_.store(new FileLocks(*this));
    if (has_locks && ar.ok()) ar(*locks_.load());
    ar.owning(marks_);
    ar(attached_, write_count, read_count, linkable_tmpfile);
}
SBX_STATE_HERE(Inode);

template <class A>
void OpenFile::state(A& ar) SBX_NO_TSA {
    ar.holding(signals);
    ar.holding(watchers);
    ar(flags_, path_, mode_readable_, mode_writable_, path_only_, holds_write_access_, counted_reader_, watched_,
       truncation_denied_, pos_, creds_, rw_hint);
}
SBX_STATE_HERE(OpenFile);

}  // namespace sbx::vfs
