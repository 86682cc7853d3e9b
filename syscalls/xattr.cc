// Extended attributes: the setxattr, getxattr, listxattr and removexattr families.
#include <fcntl.h>
#include <sys/xattr.h>

#include "fs/vfs/operations.h"
#include "syscalls/families.h"
#include "syscalls/path_arg.h"

namespace sbx {
namespace {

constexpr size_t kNameSize = 256;  // XATTR_NAME_MAX + 1
constexpr u64 kValueMax = 65536;   // XATTR_SIZE_MAX
constexpr u64 kListMax = 65536;    // XATTR_LIST_MAX

// strncpy_from_user() of fs/xattr.c: a name that is empty or too long is ERANGE.
Result<std::string> name_arg(Task& t, UserString name) {
    Result<std::string> s = t.mm().copy_in_string(name.addr, kNameSize);
    if (!s) return err(s.error() == ENAMETOOLONG ? Errno{ERANGE} : s.error());
    if (s->empty()) return err(ERANGE);
    return s;
}

Result<vfs::Path> file_of(Task& t, int fd) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->is_path_only()) return err(EBADF);
    return f->path();
}
Result<vfs::Path> path_arg(Task& t, UserString path) { return walk_at(t, AT_FDCWD, path, 0); }
Result<vfs::Path> link_arg(Task& t, UserString path) { return walk_at(t, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW); }

struct SetArgs {
    std::string name, value;
    int flags;
};
Result<SetArgs> set_args(Task& t, UserString name, u64 value, u64 size, int flags) {
    if (flags & ~(XATTR_CREATE | XATTR_REPLACE)) return err(EINVAL);
    SetArgs a;
    a.name = SBX_TRY(name_arg(t, name));
    if (size > kValueMax) return err(E2BIG);
    a.value.resize(size);
    if (size) SBX_TRY(t.mm().copy_in(value, a.value.data(), size));
    a.flags = flags;
    return a;
}
Result<long> set(Task& t, Result<vfs::Path> (*find)(Task&, UserString), UserString path, UserString name, u64 value,
                 u64 size, int flags) {
    SetArgs a = SBX_TRY(set_args(t, name, value, size, flags));
    vfs::Path p = SBX_TRY(find(t, path));
    SBX_TRY(vfs::set_xattr(t.caller(), p, a.name, a.value, a.flags));
    return 0;
}
Result<long> sys_setxattr(Task& t, UserString path, UserString name, u64 v, u64 n, int flags) {
    return set(t, path_arg, path, name, v, n, flags);
}
Result<long> sys_lsetxattr(Task& t, UserString path, UserString name, u64 v, u64 n, int flags) {
    return set(t, link_arg, path, name, v, n, flags);
}
Result<long> sys_fsetxattr(Task& t, int fd, UserString name, u64 v, u64 n, int flags) {
    vfs::Path p = SBX_TRY(file_of(t, fd));
    SetArgs a = SBX_TRY(set_args(t, name, v, n, flags));
    SBX_TRY(vfs::set_xattr(t.caller(), p, a.name, a.value, a.flags));
    return 0;
}

// Copies out what fits, or gives the size for a size of 0.
Result<long> put(Task& t, const std::string& bytes, u64 out, u64 size) {
    if (size == 0) return static_cast<long>(bytes.size());
    if (bytes.size() > size) return err(ERANGE);
    SBX_TRY(t.mm().copy_out(out, bytes.data(), bytes.size()));
    return static_cast<long>(bytes.size());
}

Result<long> get(Task& t, const vfs::Path& p, UserString name, u64 value, u64 size) {
    std::string n = SBX_TRY(name_arg(t, name));
    std::string v = SBX_TRY(vfs::get_xattr(t.caller(), p, n));
    return put(t, v, value, size);
}
Result<long> sys_getxattr(Task& t, UserString path, UserString name, u64 v, u64 n) {
    return get(t, SBX_TRY(path_arg(t, path)), name, v, n);
}
Result<long> sys_lgetxattr(Task& t, UserString path, UserString name, u64 v, u64 n) {
    return get(t, SBX_TRY(link_arg(t, path)), name, v, n);
}
Result<long> sys_fgetxattr(Task& t, int fd, UserString name, u64 v, u64 n) {
    return get(t, SBX_TRY(file_of(t, fd)), name, v, n);
}

Result<long> list(Task& t, const vfs::Path& p, u64 out, u64 size) {
    std::vector<std::string> names = SBX_TRY(vfs::list_xattr(t.caller(), p));
    std::string all;
    for (const std::string& n : names) all.append(n.c_str(), n.size() + 1);
    if (all.size() > kListMax) return err(E2BIG);
    return put(t, all, out, size);
}
Result<long> sys_listxattr(Task& t, UserString path, u64 out, u64 n) {
    return list(t, SBX_TRY(path_arg(t, path)), out, n);
}
Result<long> sys_llistxattr(Task& t, UserString path, u64 out, u64 n) {
    return list(t, SBX_TRY(link_arg(t, path)), out, n);
}
Result<long> sys_flistxattr(Task& t, int fd, u64 out, u64 n) { return list(t, SBX_TRY(file_of(t, fd)), out, n); }

Result<long> remove(Task& t, const vfs::Path& p, UserString name) {
    std::string n = SBX_TRY(name_arg(t, name));
    SBX_TRY(vfs::remove_xattr(t.caller(), p, n));
    return 0;
}
Result<long> sys_removexattr(Task& t, UserString path, UserString name) {
    return remove(t, SBX_TRY(path_arg(t, path)), name);
}
Result<long> sys_lremovexattr(Task& t, UserString path, UserString name) {
    return remove(t, SBX_TRY(link_arg(t, path)), name);
}
Result<long> sys_fremovexattr(Task& t, int fd, UserString name) { return remove(t, SBX_TRY(file_of(t, fd)), name); }

constexpr SyscallRow kRows[] = {
    {188, "setxattr", syscall<sys_setxattr>, "p s ptr u flags", Support::Full, ""},
    {189, "lsetxattr", syscall<sys_lsetxattr>, "p s ptr u flags", Support::Full, ""},
    {190, "fsetxattr", syscall<sys_fsetxattr>, "fd s ptr u flags", Support::Full, ""},
    {191, "getxattr", syscall<sys_getxattr>, "p s ptr u", Support::Full, ""},
    {192, "lgetxattr", syscall<sys_lgetxattr>, "p s ptr u", Support::Full, ""},
    {193, "fgetxattr", syscall<sys_fgetxattr>, "fd s ptr u", Support::Full, ""},
    {194, "listxattr", syscall<sys_listxattr>, "p ptr u", Support::Full, ""},
    {195, "llistxattr", syscall<sys_llistxattr>, "p ptr u", Support::Full, ""},
    {196, "flistxattr", syscall<sys_flistxattr>, "fd ptr u", Support::Full, ""},
    {197, "removexattr", syscall<sys_removexattr>, "p s", Support::Full, ""},
    {198, "lremovexattr", syscall<sys_lremovexattr>, "p s", Support::Full, ""},
    {199, "fremovexattr", syscall<sys_fremovexattr>, "fd s", Support::Full, ""},
};

}  // namespace

const SyscallFamily kXattrSyscalls(kRows);

}  // namespace sbx
