// FdTable: numbers to open files (fs/file.c).
#include "fs/vfs/fd_table.h"

#include <algorithm>

#include "fs/vfs/inotify_marks.h"
#include "fs/vfs/locks.h"

namespace sbx::vfs {
namespace {
constexpr u64 kMaxFds = 1 << 20;  // fs.nr_open
}  // namespace

FdTable::~FdTable() {
    // Record locks and dnotify's marks are owned by the table, which may go without close(2) having been called (exit, exec of an unshared copy).
    for (Slot& s : slots_)
        if (s.file) end_ownership(*s.file);
}

void FdTable::end_ownership(OpenFile& f) const {
    if (f.is_path_only()) return;
    if (FileLocks* locks = f.inode().real().existing_locks()) locks->clear_record(this);
    if (InotifyMarks* marks = f.inode().marks()) marks->end_of(f, *this);
}

Ref<FdTable> FdTable::clone() const {
    Ref<FdTable> t = make_ref<FdTable>();
    SharedLock l(mu_);
    Lock<decltype(t->mu_)> own(t->mu_, Lock<decltype(t->mu_)>::Nested{});  // nobody else knows the copy yet
    t->slots_ = slots_;
    t->next_free_ = next_free_;
    return t;
}

Result<Ref<OpenFile>> FdTable::get(int fd) const {
    SharedLock l(mu_);
    if (static_cast<size_t>(fd) >= slots_.size() || !slots_[static_cast<size_t>(fd)].file) return err(EBADF);
    return slots_[static_cast<size_t>(fd)].file;
}

Result<Ref<OpenFile>> FdTable::get(int fd, bool* cloexec) const {
    SharedLock l(mu_);
    if (static_cast<size_t>(fd) >= slots_.size() || !slots_[static_cast<size_t>(fd)].file) return err(EBADF);
    *cloexec = slots_[static_cast<size_t>(fd)].cloexec;
    return slots_[static_cast<size_t>(fd)].file;
}

Result<int> FdTable::add_locked(Ref<OpenFile>& f, bool cloexec, u64 limit, size_t min) {
    size_t n = std::max(next_free_, min);
    while (n < slots_.size() && slots_[n].file) n++;
    if (n >= std::min(limit, kMaxFds)) return err(EMFILE);
    if (n >= slots_.size()) slots_.resize(n + 1);
    slots_[n].file = std::move(f);
    slots_[n].cloexec = cloexec;
    if (min <= next_free_) next_free_ = n + 1;
    return static_cast<int>(n);
}

Result<int> FdTable::add(Ref<OpenFile> f, bool cloexec, u64 limit, int min) {
    if (min < 0 || static_cast<u64>(min) >= limit) return err(min == 0 ? EMFILE : EINVAL);
    Lock l(mu_);
    return add_locked(f, cloexec, limit, static_cast<size_t>(min));
}

Result<> FdTable::has_room(u64 limit) const {
    SharedLock l(mu_);
    size_t n = next_free_;
    while (n < slots_.size() && slots_[n].file) n++;
    if (n >= std::min(limit, kMaxFds)) return err(EMFILE);
    return {};
}

Result<> FdTable::add2(Ref<OpenFile> a, Ref<OpenFile> b, bool cloexec, u64 limit, int out[2]) {
    Ref<OpenFile> undone;
    Lock l(mu_);
    int first = SBX_TRY(add_locked(a, cloexec, limit, 0));
    Result<int> second = add_locked(b, cloexec, limit, 0);
    if (!second) {
        undone = take_locked(static_cast<size_t>(first));
        l.unlock();
        return err(second.error());
    }
    out[0] = first;
    out[1] = *second;
    return {};
}

Ref<OpenFile> FdTable::take_locked(size_t n) {
    Ref<OpenFile> f = std::move(slots_[n].file);
    slots_[n] = Slot{};
    if (n < next_free_) next_free_ = n;
    return f;
}

Result<> FdTable::end_descriptor(Ref<OpenFile> f, const Caller& c) const {
    if (f->is_path_only()) return {};
    Result<> r = f->flush(c);
    end_ownership(*f);
    return r;
}

Result<> FdTable::set(int fd, Ref<OpenFile> f, bool cloexec, u64 limit, const Caller& c) {
    if (fd < 0 || static_cast<u64>(fd) >= std::min(limit, kMaxFds)) return err(EBADF);
    size_t n = static_cast<size_t>(fd);
    Ref<OpenFile> old;
    Lock l(mu_);
    if (n >= slots_.size()) slots_.resize(n + 1);
    old = std::move(slots_[n].file);
    slots_[n].file = std::move(f);
    slots_[n].cloexec = cloexec;
    l.unlock();
    // dup2(2): errors of the silent close are lost.
    if (old) (void)end_descriptor(std::move(old), c);
    return {};
}

Result<> FdTable::close(int fd, const Caller& c) {
    Lock l(mu_);
    size_t n = static_cast<size_t>(fd);
    if (fd < 0 || n >= slots_.size() || !slots_[n].file) return err(EBADF);
    Ref<OpenFile> f = take_locked(n);
    l.unlock();
    return end_descriptor(std::move(f), c);
}

void FdTable::close_range(unsigned first, unsigned last, const Caller& c) {
    std::vector<Ref<OpenFile>> gone;
    Lock l(mu_);
    for (size_t n = first; n < slots_.size() && n <= last; n++)
        if (slots_[n].file) gone.push_back(take_locked(n));
    l.unlock();
    for (Ref<OpenFile>& f : gone) (void)end_descriptor(std::move(f), c);
}

void FdTable::set_cloexec_range(unsigned first, unsigned last) {
    Lock l(mu_);
    for (size_t n = first; n < slots_.size() && n <= last; n++)
        if (slots_[n].file) slots_[n].cloexec = true;
}

Result<bool> FdTable::cloexec(int fd) const {
    bool on = false;
    SBX_TRY(get(fd, &on));
    return on;
}

Result<> FdTable::set_cloexec(int fd, bool on) {
    Lock l(mu_);
    size_t n = static_cast<size_t>(fd);
    if (fd < 0 || n >= slots_.size() || !slots_[n].file) return err(EBADF);
    slots_[n].cloexec = on;
    return {};
}

void FdTable::close_on_exec(const Caller& c) {
    std::vector<Ref<OpenFile>> gone;
    Lock l(mu_);
    for (size_t n = 0; n < slots_.size(); n++)
        if (slots_[n].file && slots_[n].cloexec) gone.push_back(take_locked(n));
    l.unlock();
    for (Ref<OpenFile>& f : gone) (void)end_descriptor(std::move(f), c);
}

void FdTable::close_all(const Caller& c) { close_range(0, ~0u, c); }

std::vector<int> FdTable::numbers() const {
    std::vector<int> out;
    SharedLock l(mu_);
    for (size_t n = 0; n < slots_.size(); n++)
        if (slots_[n].file) out.push_back(static_cast<int>(n));
    return out;
}

size_t FdTable::count() const { return numbers().size(); }

}  // namespace sbx::vfs
