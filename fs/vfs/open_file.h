// OpenFile: an open file description (Linux's struct file): offset, status flags and the operations behind read, write, poll and so on.
// Base class of every kind of open file.
//
// Contract: no method blocks on guests or the outside world: what cannot go on returns EAGAIN, and the system call waits on poll_add()
// and tries again, whatever O_NONBLOCK says. Locks: none held by the caller, except that read/write with a file position run under
// the position lock (Rank::OpenFile). Methods may be called from several threads at once.
#pragma once

#include "fs/vfs/dentry.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/types.h"
#include "src/base/mutex.h"
#include "src/base/wait_queue.h"
#include "src/mm/io_buf.h"
#include "src/mm/mappable.h"

namespace sbx::vfs {

// Who is sent signals about a file (F_SETOWN, O_ASYNC): kernel/fasync.
class FileSignals : public RefCounted {
public:
    // The file's last descriptor is gone; it still works, for the last time.
    virtual void file_gone(OpenFile& f) = 0;
    // Sends a signal about its descriptor fd, for the reason POLL_*. Under any lock but leaves.
    virtual void tell(int fd, int reason) = 0;
};

// Who watches a file without keeping it open (epoll). Set once, at the first watch.
class FileWatchers : public RefCounted {
public:
    // The file's last descriptor is gone; it still works, for the last time: everything registered on it is to be taken off.
    virtual void file_gone(OpenFile& f) = 0;
};

class OpenFile : public RefCounted {
public:
    // flags: O_* as open(2) got them; creation flags are dropped.
    OpenFile(Path path, int flags);
    ~OpenFile() override;

    const Path& path() const { return path_; }
    Inode& inode() const;
    int flags() const { return flags_.load(std::memory_order_relaxed); }
    // F_SETFL: replaces O_APPEND, O_NONBLOCK, O_ASYNC, O_DIRECT, O_NOATIME; the file may refuse (EINVAL, EPERM).
    virtual Result<> set_flags(int flags, const Caller& c);
    // Made by O_TMPFILE, which F_GETFL tells.
    void made_as_tmpfile(int bits) { flags_.fetch_or(bits, std::memory_order_relaxed); }
    bool readable() const { return mode_readable_; }
    bool writable() const { return mode_writable_; }
    bool nonblocking() const { return flags() & 04000; }
    bool is_path_only() const { return path_only_; }
    // Which class it is, for calls that take one kind only (signalfd4, waitid, epoll_ctl): the address of a static of that class.
    virtual const void* kind() const { return nullptr; }

    // Reads into dst at *pos and advances it, or from the stream if pos is null (files without a position). 0 at end of file. EAGAIN: nothing
    // yet. rwf: RWF_*. At least one byte unless dst is empty.
    virtual Result<size_t> read(mm::IoBuf& dst, i64* pos, u32 rwf, const Caller& c);
    // Writes all or a part of src; EAGAIN if nothing can be taken now; EPIPE (the system call raises SIGPIPE).
    // O_APPEND is honoured here: *pos is set to the end first, atomically with the write.
    virtual Result<size_t> write(mm::IoBuf& src, i64* pos, u32 rwf, const Caller& c);
    // True if the file has a position (regular files, directories, block devices, most of procfs).
    virtual bool seekable() const { return false; }
    // False: pread and pwrite give ESPIPE. Default: seekable().
    virtual bool positional() const { return seekable(); }
    // False: the file can be neither side of splice(2) and sendfile(2) (directories, anonymous files).
    virtual bool can_splice() const { return true; }
    // New position for lseek(2), given the current one. Default: SEEK_SET, CUR, END, DATA, HOLE by the inode's size; ESPIPE if not seekable.
    virtual Result<i64> seek(i64 current, i64 offset, int whence, const Caller& c);
    // Directory entries from *pos on; advances *pos. ENOTDIR.
    virtual Result<> read_dir(DirSink& sink, i64* pos, const Caller& c);
    // cmd-specific; memory arguments through c.mm. ENOTTY by default. FIONBIO, FIOCLEX and the like are the system call's.
    virtual Result<long> ioctl(u32 cmd, u64 arg, const Caller& c);
    // The memory behind it, for mmap(2); null for anonymous memory (/dev/zero). ENODEV.
    virtual Result<Ref<mm::Mappable>> mappable(int prot, int map_flags, const Caller& c);
    // False: a shared mapping can never be made writable, by mprotect(2) either (not open for writing; sealed).
    virtual bool may_write_shared() const { return writable(); }
    virtual Result<> sync(bool data_only, Range range);  // fsync, fdatasync, sync_file_range; EINVAL
    virtual Result<> allocate(int mode, u64 offset, u64 length, const Caller& c);  // fallocate(2): EOPNOTSUPP, ENODEV
    // Called at every close(2) of a descriptor (not only the last); errors are reported by close.
    virtual Result<> flush(const Caller& c);
    // Extra lines of /proc/PID/fdinfo/N.
    virtual std::string fdinfo(const Caller& c) const;

    // Readiness among `mask` now. Default: always readable and writable.
    virtual EventMask poll(EventMask mask, const Caller& c);
    // Registers for changes of readiness. Default: no queue (always ready).
    virtual void poll_add(Waiter& w, const Caller& c);
    virtual void poll_remove(Waiter& w);
    // False: epoll_ctl gives EPERM (regular files, directories).
    virtual bool epoll_allowed() const { return true; }

    // False while an open(2) without O_NONBLOCK must still wait (a FIFO's other side): the system call waits on poll_add for kEventInternal.
    virtual bool open_complete() { return true; }
    // The wait was interrupted: takes this end back, so that the other side does not meet it any more. False if it has met it: the open is complete.
    virtual bool abandon_open() { return true; }

    // Descriptor-passing rules: true for a unix socket or epoll that could form cycles.
    virtual bool may_hold_files() const { return false; }

    // The file position lock and value for read, write, lseek, getdents.
    Mutex<Rank::OpenFile>& pos_mu() { return pos_mu_; }
    i64 pos() const { return pos_; }
    void set_pos(i64 p) { pos_ = p; }
    // F_SETOWN, F_SETSIG, O_ASYNC state; created at first use by the kernel (kernel/fasync).
    std::atomic<FileSignals*> signals{nullptr};
    // F_SET_FILE_RW_HINT.
    std::atomic<u64> rw_hint{0};
    // Creds at open time (f_cred): who may write through it.
    const CredsRef& creds() const { return creds_; }
    void set_creds(CredsRef c) { creds_ = std::move(c); }
    // open() counted this file among the writers of its inode and mount; the end of the file takes that back.
    void hold_write_access();
    // Counts this file among the inode's readers; likewise.
    void count_reader();
    // Landlock of who opened it: no ftruncate(2).
    void deny_truncation() { truncation_denied_ = true; }
    bool truncation_denied() const { return truncation_denied_; }
    // IN_ACCESS, IN_MODIFY and IN_CLOSE_* are told for it (not for pipes, sockets and anonymous files).
    void watch_events() { watched_ = true; }
    bool watched() const { return watched_; }

    std::atomic<FileWatchers*> watchers{nullptr};  // owned
    // The part of every open file, what its constructor takes included; called by the state() of each kind.
    template <class A>
    auto state_head(A a) const {
        return a.args(Path(), 0);
    }
    template <class A>
    void state(A& ar);

protected:
    void on_last_unref() override;
    std::atomic<int> flags_;

private:
    friend Result<Ref<OpenFile>> open_path_only(const Path& p, int flags);
    Path path_;
    bool mode_readable_, mode_writable_, path_only_ = false;
    bool holds_write_access_ = false, counted_reader_ = false, watched_ = false, truncation_denied_ = false;
    Mutex<Rank::OpenFile> pos_mu_;
    i64 pos_ = 0;
    CredsRef creds_;
};

// An O_PATH descriptor: EBADF for everything but names.
Result<Ref<OpenFile>> open_path_only(const Path& p, int flags);

}  // namespace sbx::vfs
