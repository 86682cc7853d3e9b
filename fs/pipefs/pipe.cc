// Pipes: buffer and ends.
#include "fs/pipefs/pipe.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <bit>

#include "src/mm/memory_manager.h"
#include "src/base/archive.h"

namespace sbx::pipefs {

size_t Pipe::readable() const {
    Lock l(mu_);
    return used_;
}

size_t Pipe::capacity() const {
    Lock l(mu_);
    return capacity_;
}

Result<size_t> Pipe::set_capacity(u64 bytes, const Creds& c) {
    if (bytes > (1ull << 31)) return err(EINVAL);
    size_t size = std::max<size_t>(std::bit_ceil(static_cast<size_t>(bytes)), kPageSize);
    if (size > kMaxUnprivileged && !c.capable(CAP_SYS_RESOURCE)) return err(EPERM);
    Lock l(mu_);
    if (size < used_) return err(EBUSY);
    // The ring may be larger than a smaller capacity: it is only ever filled up to the capacity.
    capacity_ = size;
    l.unlock();
    queue_.notify(kEventOut | kEventWrNorm);
    return size;
}

void Pipe::grow_locked(size_t need) {
    if (used_ == 0) head_ = 0;
    if (need <= ring_size_) return;
    size_t size = std::max<size_t>(std::bit_ceil(need), kPageSize);
    auto ring = std::make_unique_for_overwrite<u8[]>(size);
    size_t first = std::min(used_, ring_size_ - head_);
    if (used_) {
        memcpy(ring.get(), &ring_[head_], first);
        memcpy(ring.get() + first, &ring_[0], used_ - first);
    }
    ring_ = std::move(ring);
    ring_size_ = size;
    head_ = 0;
}

Bytes Pipe::free_span_locked() {
    size_t tail = (head_ + used_) % ring_size_;
    size_t end = tail < head_ ? head_ : ring_size_;
    return Bytes(&ring_[tail], std::min(end - tail, ring_size_ - used_));
}

Bytes Pipe::used_span_locked() { return Bytes(&ring_[head_], std::min(used_, ring_size_ - head_)); }

SBX_SAVABLE(Pipe);
SBX_SAVABLE(PipeFile);

template <class A>
void Pipe::state(A& ar) SBX_NO_TSA {
    std::string content;
    if constexpr (!A::kLoading)
        for (size_t i = 0; i < used_; i++) content += static_cast<char>(ring_[(head_ + i) % ring_size_]);
    ar(content, capacity_, packets_, readers_, writers_, reader_opens_, writer_opens_);
    if constexpr (A::kLoading) {
        if (content.size() > capacity_) return ar.fail("a pipe holds more than it can");
        grow_locked(content.size());
        content.copy(reinterpret_cast<char*>(ring_.get()), content.size());
        used_ = content.size();
    }
}

PipeFile::PipeFile(vfs::Path path, int flags, Ref<Pipe> pipe, bool fifo)
    : OpenFile(std::move(path), flags), pipe_(std::move(pipe)), fifo_(fifo) {
    Lock l(pipe_->mu_);
    seen_reader_opens_ = pipe_->reader_opens_;
    seen_writer_opens_ = pipe_->writer_opens_;
    met_ = OpenFile::readable() ? pipe_->writers_ != 0 : pipe_->readers_ != 0;
    if (OpenFile::readable()) {
        pipe_->readers_++;
        pipe_->reader_opens_++;
    }
    if (writable()) {
        pipe_->writers_++;
        pipe_->writer_opens_++;
    }
    l.unlock();
    pipe_->queue_.notify(kEventInternal);
}

PipeFile::~PipeFile() {
    Lock l(pipe_->mu_);
    if (!left_) leave_locked();
    l.unlock();
    pipe_->queue_.notify(kEventIn | kEventRdNorm | kEventOut | kEventWrNorm | kEventHup | kEventErr);
}

void PipeFile::leave_locked() SBX_NO_TSA {
    left_ = true;
    if (OpenFile::readable()) pipe_->readers_--;
    if (writable()) pipe_->writers_--;
    // The last end of a FIFO takes what was never read with it.
    if (pipe_->readers_ == 0 && pipe_->writers_ == 0) {
        pipe_->used_ = 0;
        pipe_->packets_.clear();
    }
}

// A FIFO's open waits for the other side; one that was there at first or came since counts, even if it is gone (wait_for_partner in fs/pipe.c).
bool PipeFile::open_complete_locked() const SBX_NO_TSA {
    bool r = OpenFile::readable(), w = writable();
    if (r == w || !fifo_) return true;
    if (r) return met_ || pipe_->writer_opens_ != seen_writer_opens_ || nonblocking();
    return met_ || pipe_->reader_opens_ != seen_reader_opens_;
}

bool PipeFile::open_complete() {
    Lock l(pipe_->mu_);
    return open_complete_locked();
}

bool PipeFile::abandon_open() {
    Lock l(pipe_->mu_);
    if (open_complete_locked()) return false;
    leave_locked();
    return true;
}

bool PipeFile::has_readers() const {
    Lock l(pipe_->mu_);
    return pipe_->readers_ != 0;
}

bool PipeFile::has_writers() const {
    Lock l(pipe_->mu_);
    return pipe_->writers_ != 0;
}

Result<size_t> PipeFile::read(mm::IoBuf& dst, i64*, u32, const vfs::Caller&) {
    if (dst.remaining() == 0) return 0;
    Pipe& p = *pipe_;
    Lock l(p.mu_);
    if (p.used_ == 0) return p.writers_ == 0 ? Result<size_t>(0) : err(EAGAIN);
    bool was_full = p.room_locked() < kPipeBuf;
    size_t limit = dst.remaining(), packet = 0;
    if (!p.packets_.empty()) {
        packet = p.packets_.front();
        limit = std::min(limit, packet);
    }
    size_t done = 0;
    Result<size_t> last = 0;
    while (done < limit && p.used_ != 0) {
        Bytes span = p.used_span_locked();
        last = dst.put(span.data(), std::min(span.size(), limit - done));
        if (!last || *last == 0) break;
        p.head_ = (p.head_ + *last) % p.ring_size_;
        p.used_ -= *last;
        done += *last;
    }
    if (done == 0) return last;
    if (packet) {
        // What did not fit of a packet is lost.
        p.head_ = (p.head_ + packet - done) % p.ring_size_;
        p.used_ -= packet - done;
        p.packets_.pop_front();
    }
    // An emptied pipe gives its memory back unless it is small.
    if (p.used_ == 0 && p.ring_size_ > kDefaultCapacity) {
        p.ring_.reset();
        p.ring_size_ = p.head_ = 0;
    }
    l.unlock();
    if (was_full) p.queue_.notify(kEventOut | kEventWrNorm);
    return done;
}

Result<size_t> PipeFile::write(mm::IoBuf& src, i64*, u32, const vfs::Caller&) {
    Pipe& p = *pipe_;
    bool packets = flags() & O_DIRECT;
    Lock l(p.mu_);
    if (src.remaining() == 0) return 0;
    if (p.readers_ == 0) return err(EPIPE);
    size_t want = src.remaining(), room = p.room_locked();
    // A write of at most PIPE_BUF bytes is done in one piece or not at all.
    if (room == 0 || (want <= kPipeBuf && room < want)) return err(EAGAIN);
    size_t n = std::min(want, room), done = 0, before = p.used_;
    // Each page of it is a packet, and goes whole.
    if (packets && n < want) n -= n % kPageSize;
    if (n == 0) return err(EAGAIN);
    p.grow_locked(before + n);
    Result<size_t> last = 0;
    while (done < n) {
        Bytes span = p.free_span_locked();
        last = src.get(span.data(), std::min(span.size(), n - done));
        if (!last || *last == 0) break;
        p.used_ += *last;
        done += *last;
    }
    if (done < n) {
        // A page is filled whole or not at all (copy_page_from_iter() in pipe_write()).
        done -= done % kPageSize;
        p.used_ = before + done;
        if (done == 0) return err(EFAULT);
    }
    if (packets)
        for (size_t at = 0; at < done; at += kPageSize) p.packets_.push_back(std::min(kPageSize, done - at));
    else if (!p.packets_.empty())
        p.packets_.push_back(done);
    l.unlock();
    // Each write is an edge for EPOLLET, also on a pipe that was readable before.
    p.queue_.notify(kEventIn | kEventRdNorm);
    return done;
}

Result<size_t> PipeFile::tee(PipeFile& to, size_t n) {
    // Copied out and in again: the two locks are never held together.
    Pipe &a = *pipe_, &b = *to.pipe_;
    std::unique_ptr<u8[]> copy;
    size_t have = 0;
    {
        Lock l(a.mu_);
        if (a.used_ == 0) {
            if (a.writers_ != 0) return err(EAGAIN);
            l.unlock();
            return to.has_readers() ? Result<size_t>(0) : err(EPIPE);  // link_pipe()
        }
        have = std::min(n, a.used_);
        copy = std::make_unique_for_overwrite<u8[]>(have);
        Bytes span = a.used_span_locked();
        size_t first = std::min(span.size(), have);
        memcpy(copy.get(), span.data(), first);
        memcpy(copy.get() + first, &a.ring_[0], have - first);
    }
    {
        Lock l(b.mu_);
        if (b.readers_ == 0) return err(EPIPE);
        size_t room = b.room_locked();
        if (room == 0) return err(EAGAIN);
        have = std::min(have, room);
        b.grow_locked(b.used_ + have);
        for (size_t done = 0; done < have;) {
            Bytes span = b.free_span_locked();
            size_t m = std::min(span.size(), have - done);
            memcpy(span.data(), copy.get() + done, m);
            b.used_ += m;
            done += m;
        }
    }
    b.queue_.notify(kEventIn | kEventRdNorm);
    return have;
}

Result<long> PipeFile::ioctl(u32 cmd, u64 arg, const vfs::Caller& c) {
    if (cmd != FIONREAD) return err(ENOTTY);
    int n = static_cast<int>(pipe_->readable());
    SBX_TRY(c.mm->copy_out(arg, &n, sizeof n));
    return 0;
}

EventMask PipeFile::poll(EventMask mask, const vfs::Caller&) {
    Pipe& p = *pipe_;
    Lock l(p.mu_);
    EventMask m = 0;
    if (OpenFile::readable()) {
        if (p.used_ != 0) m |= kEventIn | kEventRdNorm;
        // A FIFO that had no writer when this end was opened, and none since, is not hung up (f_pipe in fs/pipe.c).
        if (p.writers_ == 0 && p.writer_opens_ != (fifo_ && !met_ ? seen_writer_opens_ : 0)) m |= kEventHup;
    }
    if (writable()) {
        if (p.room_locked() >= kPipeBuf || (p.room_locked() != 0 && p.capacity_ < kPipeBuf))
            m |= kEventOut | kEventWrNorm;
        if (p.readers_ == 0) m |= kEventErr;
    }
    return m & (mask | kEventErr | kEventHup);
}

void PipeFile::poll_add(Waiter& w, const vfs::Caller&) { pipe_->queue_.add(w); }
void PipeFile::poll_remove(Waiter& w) { pipe_->queue_.remove(w); }

}  // namespace sbx::pipefs
