// Extended attributes of host files.
#include "fs/hostfs/host_inode.h"

namespace sbx::hostfs {

template <class Op>
auto HostInode::with_xattr_fd(Op op) -> decltype(op(0, false)) {
    for (bool write : {false, true})
        if (Ref<HostFile> f = shared_file(false, write)) return op(f->fd(), false);
    {
        Pin p = SBX_TRY(pin());
        auto r = op(p.fd(), true);
        // EOPNOTSUPP also stands for a host without getxattrat(2).
        if (r || !(r.error() == EOPNOTSUPP) || (!is_regular() && !is_dir())) return r;
    }
    UniqueFd fd = SBX_TRY(open_real(O_RDONLY));
    return op(fd.get(), false);
}

Result<std::string> HostInode::get_xattr(std::string_view name, const vfs::Caller&) {
    std::string n(name);
    return with_xattr_fd([&](int fd, bool path_only) { return hostfs::get_xattr(fd, path_only, n.c_str()); });
}

Result<> HostInode::set_xattr(std::string_view name, std::string_view value, int flags, const vfs::Caller&) {
    SBX_TRY(writable_fs());
    std::string n(name);
    return with_xattr_fd(
        [&](int fd, bool path_only) { return hostfs::set_xattr(fd, path_only, n.c_str(), value, flags); });
}

Result<> HostInode::remove_xattr(std::string_view name, const vfs::Caller&) {
    SBX_TRY(writable_fs());
    std::string n(name);
    return with_xattr_fd([&](int fd, bool path_only) { return hostfs::remove_xattr(fd, path_only, n.c_str()); });
}

Result<std::vector<std::string>> HostInode::list_xattr(const vfs::Caller&) {
    auto all = with_xattr_fd([&](int fd, bool path_only) { return hostfs::list_xattr(fd, path_only); });
    std::vector<std::string> names;
    if (!all) {
        if (all.error() == EOPNOTSUPP) return names;
        return err(all.error());
    }
    for (size_t at = 0; at < all->size();) {
        size_t end = all->find('\0', at);
        if (end == std::string::npos) end = all->size();
        if (end > at) names.push_back(all->substr(at, end - at));
        at = end + 1;
    }
    return names;
}

}  // namespace sbx::hostfs
