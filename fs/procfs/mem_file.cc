// /proc/PID/mem: another process's memory as a file.
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "fs/procfs/node.h"

namespace sbx::procfs {
namespace {

class MemFile final : public vfs::OpenFile {
public:
    MemFile(vfs::Path path, int flags, mm::MemoryManager& mm) : OpenFile(std::move(path), flags), mm_(mm) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(vfs::Path(), 0, a.by_ref(*mm_));
    }
    bool seekable() const override { return true; }
    Result<i64> seek(i64 current, i64 offset, int whence, const vfs::Caller&) override {
        if (whence == SEEK_SET) return offset;
        if (whence == SEEK_CUR) return static_cast<i64>(static_cast<u64>(current) + static_cast<u64>(offset));
        return err(EINVAL);
    }
    Result<size_t> read(mm::IoBuf& dst, i64* pos, u32, const vfs::Caller&) override { return move(dst, pos, false); }
    Result<size_t> write(mm::IoBuf& src, i64* pos, u32, const vfs::Caller&) override { return move(src, pos, true); }

private:
    Result<size_t> move(mm::IoBuf& buf, i64* pos, bool write) {
        auto page = std::make_unique<u8[]>(kPageSize);
        size_t done = 0;
        while (buf.remaining() != 0) {
            size_t n = std::min<u64>(buf.remaining(), kPageSize);
            if (write) n = SBX_TRY(buf.get(page.get(), n));
            Result<size_t> moved = mm_->access_remote(static_cast<u64>(*pos), page.get(), n, write);
            if (moved && *moved && !write) moved = buf.put(page.get(), *moved);
            if (!moved || *moved == 0) return done ? Result<size_t>(done) : err(EIO);
            done += *moved;
            *pos = static_cast<i64>(static_cast<u64>(*pos) + *moved);
            if (*moved < n) break;
        }
        return done;
    }
    // The memory stays as long as the file is open, also after the process is gone: Linux reads 0 bytes then.
    Ref<mm::MemoryManager> mm_;
};

class MemNode final : public Node {
public:
    MemNode(ProcFs& fs, const Subject& s) : Node(fs, s, "mem", S_IFREG | 0600) {}
    using Node::Node;
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs& a) override {
        SBX_TRY(check_access(Context{proc(), subject(), a.caller}));
        Ref<mm::MemoryManager> mm = task().mm_of();
        if (!mm) return err(ESRCH);
        return Ref<vfs::OpenFile>(make_ref<MemFile>(a.path, a.flags, *mm));
    }
};

SBX_SAVABLE(MemFile);
SBX_SAVABLE(MemNode);

}  // namespace

Ref<vfs::Inode> make_mem_file(ProcFs& fs, const Subject& s) { return make_ref<MemNode>(fs, s); }

}  // namespace sbx::procfs
