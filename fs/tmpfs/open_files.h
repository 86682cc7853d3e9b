// Open files of tmpfs: regular ones and directories.
#pragma once

#include "fs/tmpfs/inode.h"
#include "fs/vfs/open_file.h"

namespace sbx::tmpfs {

class RegularFile final : public vfs::OpenFile {
public:
    RegularFile(vfs::Path path, int flags) : OpenFile(std::move(path), flags) {}
    Result<size_t> read(mm::IoBuf& dst, i64* pos, u32 rwf, const vfs::Caller& c) override;
    Result<size_t> write(mm::IoBuf& src, i64* pos, u32 rwf, const vfs::Caller& c) override;
    bool seekable() const override { return true; }
    Result<i64> seek(i64 current, i64 offset, int whence, const vfs::Caller& c) override;
    Result<Ref<mm::Mappable>> mappable(int prot, int map_flags, const vfs::Caller& c) override;
    bool may_write_shared() const override;
    Result<> sync(bool, Range) override { return {}; }
    Result<> allocate(int mode, u64 offset, u64 length, const vfs::Caller& c) override;
    bool epoll_allowed() const override { return false; }
    TmpfsInode& node() const { return static_cast<TmpfsInode&>(inode()); }
};

class DirectoryFile final : public vfs::OpenFile {
public:
    DirectoryFile(vfs::Path path, int flags) : OpenFile(std::move(path), flags) {}
    bool seekable() const override { return true; }
    Result<i64> seek(i64 current, i64 offset, int whence, const vfs::Caller& c) override;
    Result<> read_dir(vfs::DirSink& sink, i64* pos, const vfs::Caller& c) override;
    Result<> sync(bool, Range) override { return {}; }
    bool epoll_allowed() const override { return false; }

private:
    friend struct state::Access;
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        OpenFile::state(ar);
        ar(end_);
    }
    // Entries made after the reading began are not shown, or a program that makes one for each it reads would never end.
    std::atomic<i64> end_{0};
};

}  // namespace sbx::tmpfs
