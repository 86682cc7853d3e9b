// HostMapping: mmap of a host file: its pages are mapped straight from a descriptor of the host. Used by HostInode and open files.
//
// Beyond the end of file the host itself raises SIGBUS in the application; a truncation through us also drops private copies there.
#pragma once

#include "fs/hostfs/host_inode.h"
#include "src/mm/mappable.h"
#include "src/mm/mapping_set.h"

namespace sbx::hostfs {

// The descriptor that pages are mapped from. Its number never changes while anything is mapped: when the file comes to be open for
// writing, the number is given the other open file description.
class HostBacking final : public mm::BackingFile {
public:
    HostBacking(UniqueFd fd, bool writable);
    ~HostBacking() override;
    int fd() const override { return fd_.get(); }
    u8* window(Range) override { return nullptr; }
    void inc_ref(Range) override {}
    void dec_ref(Range) override {}
    bool writable() const { return writable_.load(std::memory_order_acquire); }
    Result<> make_writable(int from);
    void set_fd(UniqueFd fd) { fd_ = std::move(fd); }

private:
    friend struct state::Access;
    explicit HostBacking(bool writable) : HostBacking(UniqueFd(), writable) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(writable());
    }
    // Its mapping opens the file again.
    template <class A>
    void state(A&) {}
    UniqueFd fd_;  // no state: opened again
    std::atomic<bool> writable_;
};

class HostMapping final : public mm::Mappable {
public:
    static Result<Ref<HostMapping>> create(HostInode& inode, HostFile& file);
    // Of a descriptor without an inode of hostfs (inherited).
    static Result<Ref<HostMapping>> create(int fd, bool writable);
    // `file` is about to be mapped too: if it is open for writing, so is the backing from now on.
    Result<> add_file(HostFile& file);
    void invalidate(u64 from);
    // Of an inherited descriptor, in a process that loaded it.
    void open_from(int fd, state::Loader& ar);

    Result<mm::Translation> translate(u64 offset, u64 length, bool write) override;
    void add_mapping(mm::MemoryManager& mm, Range addr, u64 offset, bool writable_shared) override;
    void remove_mapping(mm::MemoryManager& mm, Range addr, u64 offset, bool writable_shared) override;
    mm::MappableName name() override;
    Result<> sync(Range file_range) override;

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(inode_.get(), backing_);
    }
    template <class A>
    void state(A&) {}
    void state_loaded(state::Loader& ar);
    HostMapping(HostInode* inode, Ref<HostBacking> backing) : inode_(inode), backing_(std::move(backing)) {}
    void on_last_unref() override;
    Ref<HostInode> inode_;  // or null
    Ref<HostBacking> backing_;
    mm::MappingSet mappings_;  // no state: address spaces map it again
};

}  // namespace sbx::hostfs
