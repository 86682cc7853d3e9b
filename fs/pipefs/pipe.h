// Pipe: the buffer behind pipe(2) and FIFOs (pipe(7), fs/pipe.c). PipeFile: one end. Used by syscalls/pipe.cc, splice and the VFS (FIFOs).
//
// Lock: Rank::Pipe, held across copies from and to application memory (its rank is before Rank::Mm), so that a write of at most PIPE_BUF
// bytes is atomic and a read is one piece.
#pragma once

#include <deque>
#include <memory>

#include "fs/vfs/open_file.h"

namespace sbx::pipefs {

constexpr size_t kPipeBuf = 4096;  // PIPE_BUF
constexpr size_t kDefaultCapacity = 65536;
constexpr size_t kMaxUnprivileged = 1048576;  // /proc/sys/fs/pipe-max-size

class Pipe final : public RefCounted {
public:
    // Bytes to read now.
    size_t readable() const;
    size_t capacity() const;
    // F_SETPIPE_SZ: rounded up to a power of two of pages; EBUSY if more is queued, EPERM past the maximum without CAP_SYS_RESOURCE.
    Result<size_t> set_capacity(u64 bytes, const Creds& c);
    WaitQueue& queue() { return queue_; }

private:
    friend class PipeFile;
    friend struct state::Access;
    template <class A>
    void state(A& ar);
    size_t room_locked() const SBX_REQUIRES(mu_) { return capacity_ - used_; }
    void grow_locked(size_t need) SBX_REQUIRES(mu_);
    // The longest stretch without a wrap, to fill or to drain.
    Bytes free_span_locked() SBX_REQUIRES(mu_);
    Bytes used_span_locked() SBX_REQUIRES(mu_);

    mutable Mutex<Rank::Pipe> mu_;
    std::unique_ptr<u8[]> ring_ SBX_GUARDED_BY(mu_);
    size_t ring_size_ SBX_GUARDED_BY(mu_) = 0;  // allocated; grows on demand up to capacity_
    size_t head_ SBX_GUARDED_BY(mu_) = 0, used_ SBX_GUARDED_BY(mu_) = 0;
    size_t capacity_ SBX_GUARDED_BY(mu_) = kDefaultCapacity;
    std::deque<size_t> packets_ SBX_GUARDED_BY(mu_);  // lengths, if written in packet mode (O_DIRECT)
    unsigned readers_ SBX_GUARDED_BY(mu_) = 0, writers_ SBX_GUARDED_BY(mu_) = 0;
    u64 reader_opens_ SBX_GUARDED_BY(mu_) = 0, writer_opens_ SBX_GUARDED_BY(mu_) =
                                                   0;  // ever: a FIFO's open waits for the other side's
    WaitQueue queue_;
};

class PipeFile final : public vfs::OpenFile {
public:
    // `fifo`: opened by name, so that open(2) waits for the other side; a pipe opened again through /proc does not.
    PipeFile(vfs::Path path, int flags, Ref<Pipe> pipe, bool fifo);
    ~PipeFile() override;
    Pipe& pipe() const { return *pipe_; }
    static inline const char kKind = 0;
    const void* kind() const override { return &kKind; }

    Result<size_t> read(mm::IoBuf& dst, i64* pos, u32 rwf, const vfs::Caller& c) override;
    Result<size_t> write(mm::IoBuf& src, i64* pos, u32 rwf, const vfs::Caller& c) override;
    Result<long> ioctl(u32 cmd, u64 arg, const vfs::Caller& c) override;
    EventMask poll(EventMask mask, const vfs::Caller& c) override;
    void poll_add(Waiter& w, const vfs::Caller& c) override;
    void poll_remove(Waiter& w) override;
    bool open_complete() override;
    bool abandon_open() override;

    // tee(2): copies up to n bytes without consuming them into `to`. EAGAIN if there is nothing to read or no room.
    Result<size_t> tee(PipeFile& to, size_t n);
    bool has_readers() const;
    bool has_writers() const;

private:
    friend struct state::Access;
    // Made by the archive: the pipe was saved with this end counted.
    PipeFile(Ref<Pipe> pipe, bool fifo) : OpenFile({}, 0), pipe_(std::move(pipe)), fifo_(fifo) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(pipe_, fifo_);
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        OpenFile::state(ar);
        ar(seen_reader_opens_, seen_writer_opens_, met_);
    }
    bool open_complete_locked() const;  // the pipe's lock is held
    void leave_locked();

    Ref<Pipe> pipe_;
    const bool fifo_;
    bool left_ = false;  // no state: of an open that is not to be
    u64 seen_reader_opens_ = 0, seen_writer_opens_ = 0;
    bool met_ = false;  // the other side was open when this was opened
};

// Both ends of a new pipe; `flags`: O_NONBLOCK, O_DIRECT.
struct Ends {
    Ref<PipeFile> read, write;
};
Ends create_pipe(int flags, const vfs::Caller& c);
// FIFOs open through this: registers with the VFS. At start-up.
void register_fifos();

}  // namespace sbx::pipefs
