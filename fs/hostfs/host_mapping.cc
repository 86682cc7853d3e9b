// mmap of host files.
#include "fs/hostfs/host_mapping.h"
#include "src/base/archive.h"

#include <fcntl.h>
#include <unistd.h>

namespace sbx::hostfs {

HostBacking::HostBacking(UniqueFd fd, bool writable) : fd_(std::move(fd)), writable_(writable) {
    FdBudget::get().hold(1);
}

HostBacking::~HostBacking() { FdBudget::get().hold(-1); }

Result<> HostBacking::make_writable(int from) {
    if (writable()) return {};
    if (dup3(from, fd_.get(), O_CLOEXEC) < 0) return err(errno);
    writable_.store(true, std::memory_order_release);
    return {};
}

namespace {
Result<Ref<HostBacking>> backing_of(int fd, bool writable) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0 && errno == EMFILE && FdBudget::get().evict(16)) copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return err(errno == EMFILE ? ENFILE : errno);
    return make_ref<HostBacking>(UniqueFd(copy), writable);
}
}  // namespace

Result<Ref<HostMapping>> HostMapping::create(HostInode& inode, HostFile& file) {
    return adopt_ref(new HostMapping(&inode, SBX_TRY(backing_of(file.fd(), file.writable()))));
}

Result<Ref<HostMapping>> HostMapping::create(int fd, bool writable) {
    return adopt_ref(new HostMapping(nullptr, SBX_TRY(backing_of(fd, writable))));
}

Result<> HostMapping::add_file(HostFile& file) {
    if (!file.writable() || !file.readable()) return {};
    return backing_->make_writable(file.fd());
}

SBX_SAVABLE(HostBacking);
SBX_SAVABLE(HostMapping);

void HostMapping::state_loaded(state::Loader& ar) {
    // Of an inherited descriptor: its inode calls open_from().
    if (inode_) backing_->set_fd(inode_->open_again(backing_->writable() ? O_RDWR : O_RDONLY, ar));
}

void HostMapping::open_from(int fd, state::Loader& ar) {
    UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy) ar.fail(std::string("a mapped inherited descriptor: ") + errno_text(errno));
    backing_->set_fd(std::move(copy));
}

void HostMapping::on_last_unref() {
    if (inode_) {
        Lock l(inode_->mu_);
        if (inode_->mapping_ == this) inode_->mapping_ = nullptr;
    }
    delete this;
}

Result<mm::Translation> HostMapping::translate(u64 offset, u64, bool write) {
    auto s = stat_fd(backing_->fd());
    if (!s) return err(EFAULT);
    if (offset >= page_up(s->size)) return err(EFAULT);
    if (write && !backing_->writable()) return err(EFAULT);
    mm::Translation t;
    t.file = backing_;
    t.offset = offset;
    t.length = page_up(s->size) - offset;  // nothing is gained by giving less
    t.writable = backing_->writable();
    return t;
}

void HostMapping::add_mapping(mm::MemoryManager& mm, Range addr, u64 offset, bool writable_shared) {
    mappings_.add(mm, addr, offset, writable_shared);
}

void HostMapping::remove_mapping(mm::MemoryManager& mm, Range addr, u64 offset, bool writable_shared) {
    mappings_.remove(mm, addr, offset, writable_shared);
}

void HostMapping::invalidate(u64 from) { mappings_.invalidate(*this, Range{page_up(from), ~0ull}); }

mm::MappableName HostMapping::name() {
    mm::MappableName n;
    if (!inode_) return n;
    n.dev = inode_->fs().dev();
    n.ino = inode_->ino();
    return n;
}

Result<> HostMapping::sync(Range r) {
    if (!backing_->writable()) return {};
    if (sync_file_range(backing_->fd(), static_cast<off_t>(r.start), static_cast<off_t>(r.length()), 7) != 0 &&
        fdatasync(backing_->fd()) != 0)
        return err(errno);
    return {};
}

}  // namespace sbx::hostfs
