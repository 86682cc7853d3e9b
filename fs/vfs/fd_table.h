// FdTable: descriptors of a process (files_struct): numbers to open files with the close-on-exec flag. Shared by CLONE_FILES.
#pragma once

#include <vector>

#include "fs/vfs/open_file.h"
#include "fs/vfs/types.h"
#include "src/base/mutex.h"

namespace sbx::vfs {

class FdTable final : public RefCounted {
public:
    FdTable() = default;
    ~FdTable() override;
    // A copy for fork, or for close_range(CLOSE_RANGE_UNSHARE) and unshare(CLONE_FILES).
    Ref<FdTable> clone() const;

    // EBADF.
    Result<Ref<OpenFile>> get(int fd) const;
    Result<Ref<OpenFile>> get(int fd, bool* cloexec) const;
    // The lowest free number >= min and < limit (RLIMIT_NOFILE). EMFILE, EINVAL for min >= limit.
    Result<int> add(Ref<OpenFile> f, bool cloexec, u64 limit, int min = 0);
    // EMFILE if add() would find no number now: for calls that must not have done their work before it fails.
    Result<> has_room(u64 limit) const;
    // Two at once, or none (pipe, socketpair).
    Result<> add2(Ref<OpenFile> a, Ref<OpenFile> b, bool cloexec, u64 limit, int out[2]);
    // dup2, dup3: replaces; the old file is flushed and dropped after the lock. EBADF if fd >= limit.
    Result<> set(int fd, Ref<OpenFile> f, bool cloexec, u64 limit, const Caller& c);
    // close(2): removes, then flush()es outside the lock and returns its error. Drops POSIX record locks of this table on the inode. EBADF.
    Result<> close(int fd, const Caller& c);
    void close_range(unsigned first, unsigned last, const Caller& c);
    void set_cloexec_range(unsigned first, unsigned last);
    Result<bool> cloexec(int fd) const;
    Result<> set_cloexec(int fd, bool on);
    // execve: closes what is close-on-exec.
    void close_on_exec(const Caller& c);
    void close_all(const Caller& c);
    // Numbers in use, ascending; for /proc/PID/fd.
    std::vector<int> numbers() const;
    size_t count() const;

private:
    friend struct state::Access;
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(slots_, next_free_);
    }
    struct Slot {
        Ref<OpenFile> file;
        bool cloexec = false;
        template <class A>
        void state(A& ar) {
            ar(file, cloexec);
        }
    };
    Result<int> add_locked(Ref<OpenFile>& f, bool cloexec, u64 limit, size_t min) SBX_REQUIRES(mu_);
    Ref<OpenFile> take_locked(size_t n) SBX_REQUIRES(mu_);
    // What closing a descriptor does besides dropping it; no lock held.
    Result<> end_descriptor(Ref<OpenFile> f, const Caller& c) const;
    void end_ownership(OpenFile& f) const;
    mutable RwMutex<Rank::FdTable> mu_;
    std::vector<Slot> slots_ SBX_GUARDED_BY(mu_);
    size_t next_free_ SBX_GUARDED_BY(mu_) = 0;  // no free slot below
};

}  // namespace sbx::vfs
