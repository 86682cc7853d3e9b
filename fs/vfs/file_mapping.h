// FileMapping: a Mappable under the name of the open file it was mapped through, for /proc/PID/maps. Used by hostfs and overlay, whose
// inodes have one mapping object for all names.
#pragma once

#include "src/mm/mappable.h"

namespace sbx::vfs {

class FileMapping final : public mm::Mappable {
public:
    FileMapping(Ref<mm::Mappable> inner, mm::MappableName name) : inner_(std::move(inner)), name_(std::move(name)) {}
    Result<mm::Translation> translate(u64 offset, u64 length, bool write) override {
        return inner_->translate(offset, length, write);
    }
    void add_mapping(mm::MemoryManager& mm, Range addr, u64 offset, bool writable_shared) override {
        inner_->add_mapping(mm, addr, offset, writable_shared);
    }
    void remove_mapping(mm::MemoryManager& mm, Range addr, u64 offset, bool writable_shared) override {
        inner_->remove_mapping(mm, addr, offset, writable_shared);
    }
    mm::MappableName name() override { return name_; }
    const mm::Mappable& target() const override { return inner_->target(); }
    Result<> remove(Range file_range) override { return inner_->remove(file_range); }
    Result<> sync(Range file_range) override { return inner_->sync(file_range); }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(inner_, name_);
    }
    template <class A>
    void state(A&) {}
    const Ref<mm::Mappable> inner_;
    const mm::MappableName name_;
};

}  // namespace sbx::vfs
