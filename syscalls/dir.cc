// Directories: getdents, getcwd, chdir, fchdir, chroot.
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>

#include "fs/vfs/dentry.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/walk.h"
#include "syscalls/families.h"
#include "syscalls/path_arg.h"

namespace sbx {
namespace {

// Collects entries as struct linux_dirent64 (or linux_dirent, whose type is the last byte), to be copied out in one piece.
class Entries final : public vfs::DirSink {
public:
    Entries(size_t room, bool old_layout) : room_(room), old_(old_layout) {}
    bool entry(std::string_view name, u64 ino, u8 dtype, i64 next) override {
        constexpr size_t kHeader = 19;     // ino, off, reclen, type
        constexpr size_t kOldHeader = 18;  // ino, off, reclen
        size_t length = old_ ? kOldHeader + name.size() + 2 : kHeader + name.size() + 1;
        length = (length + 7) & ~size_t{7};
        if (bytes_.size() + length > room_) {
            full_ = true;
            return false;
        }
        size_t at = bytes_.size();
        bytes_.resize(at + length);
        u8* p = bytes_.data() + at;
        u16 reclen = static_cast<u16>(length);
        memcpy(p, &ino, 8);
        memcpy(p + 8, &next, 8);
        memcpy(p + 16, &reclen, 2);
        if (old_) {
            memcpy(p + kOldHeader, name.data(), name.size());
            p[length - 1] = dtype;
        } else {
            p[18] = dtype;
            memcpy(p + kHeader, name.data(), name.size());
        }
        return true;
    }
    const std::vector<u8>& bytes() const { return bytes_; }
    bool too_small() const { return full_ && bytes_.empty(); }

private:
    const size_t room_;
    const bool old_;
    bool full_ = false;
    std::vector<u8> bytes_;
};

Result<long> get_entries(Task& t, int fd, u64 buf, u32 count, bool old_layout) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->is_path_only()) return err(EBADF);
    // iterate_dir(): a directory that was removed has no entries, not even its own.
    if (f->inode().is_dir() && f->path().dentry->unlinked()) return err(ENOENT);
    // More than this in one piece gains nothing; a short result is not an end.
    Entries sink(std::min<size_t>(count, 256 << 10), old_layout);
    Lock l(f->pos_mu());
    i64 before = f->pos(), pos = before;
    SBX_TRY(f->read_dir(sink, &pos, t.caller()));
    if (sink.too_small()) return err(EINVAL);
    if (Result<> r = t.mm().copy_out(buf, sink.bytes().data(), sink.bytes().size()); !r) return err(r.error());
    f->set_pos(pos);
    return static_cast<long>(sink.bytes().size());
}
Result<long> sys_getdents(Task& t, int fd, u64 buf, u32 count) { return get_entries(t, fd, buf, count, true); }
Result<long> sys_getdents64(Task& t, int fd, u64 buf, u32 count) { return get_entries(t, fd, buf, count, false); }

Result<long> sys_getcwd(Task& t, u64 buf, u64 size) {
    vfs::Path cwd = t.fs().cwd();
    if (cwd.dentry->unlinked()) return err(ENOENT);
    std::string name = vfs::path_name(cwd, t.fs().root());
    if (name.size() + 1 > vfs::kPathMax) return err(ENAMETOOLONG);
    if (name.size() + 1 > size) return err(ERANGE);
    SBX_TRY(t.mm().copy_out(buf, name.c_str(), name.size() + 1));
    return static_cast<long>(name.size() + 1);
}

Result<vfs::Path> directory_at(Task& t, UserString path) {
    std::string name = SBX_TRY(t.copy_in_path(path));
    vfs::WalkFlags w;
    w.directory = true;
    vfs::Path p = SBX_TRY(vfs::walk(t.caller(), {}, name, w));
    SBX_TRY(vfs::check_permission(t.caller(), p, vfs::kMayExec));
    return p;
}

Result<long> sys_chdir(Task& t, UserString path) {
    t.fs().set_cwd(SBX_TRY(directory_at(t, path)));
    return 0;
}

Result<long> sys_fchdir(Task& t, int fd) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (!f->inode().is_dir()) return err(ENOTDIR);
    SBX_TRY(vfs::check_permission(t.caller(), f->path(), vfs::kMayExec));
    t.fs().set_cwd(f->path());
    return 0;
}

Result<long> sys_chroot(Task& t, UserString path) {
    vfs::Path p = SBX_TRY(directory_at(t, path));
    if (!t.creds()->capable(CAP_SYS_CHROOT)) return err(EPERM);
    t.fs().set_root(std::move(p));
    return 0;
}

constexpr SyscallRow kRows[] = {
    {78, "getdents", syscall<sys_getdents>, "fd ptr u", Support::Full, ""},
    {79, "getcwd", syscall<sys_getcwd>, "ptr u", Support::Full, ""},
    {80, "chdir", syscall<sys_chdir>, "p", Support::Full, ""},
    {81, "fchdir", syscall<sys_fchdir>, "fd", Support::Full, ""},
    {161, "chroot", syscall<sys_chroot>, "p", Support::Full, ""},
    {217, "getdents64", syscall<sys_getdents64>, "fd ptr u", Support::Full, ""},
};

}  // namespace

const SyscallFamily kDirSyscalls(kRows);

}  // namespace sbx
