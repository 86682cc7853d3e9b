// ExeRef: what a memory manager holds as its executable (MemoryManager::set_exe). Made by the loader, read by procfs and prctl.
#pragma once

#include "fs/vfs/open_file.h"

namespace sbx {

// While a program runs, its file cannot be opened for writing (ETXTBSY).
class ExeRef final : public RefCounted {
public:
    // ETXTBSY if somebody has it open for writing.
    static Result<Ref<ExeRef>> create(Ref<vfs::OpenFile> f) {
        SBX_TRY(f->inode().real().deny_write_access());
        return adopt_ref(new ExeRef(std::move(f)));
    }
    const Ref<vfs::OpenFile> file;

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(file);
    }
    // What the file's inode counts is saved there.
    template <class A>
    void state(A&) {}
    explicit ExeRef(Ref<vfs::OpenFile> f) : file(std::move(f)) {}
    ~ExeRef() override { file->inode().real().allow_write_access(); }
};

}  // namespace sbx
