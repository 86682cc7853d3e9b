// Fuzz target: the VFS on a tmpfs: each line of the input is a call on paths (fs/vfs, fs/tmpfs).
#include <string_view>

#include "test/unit/vfs/world.h"

using namespace sbx;
using namespace sbx::test;

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
    World w;
    User root = w.user(0), other = w.user(1000);
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    Ref<vfs::OpenFile> file;
    while (!rest.empty()) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        if (line.size() < 2) continue;
        auto& c = line[0] & 0x20 ? root.c : other.c;
        auto n = static_cast<unsigned char>(line[1]);
        std::string_view paths = line.substr(2), one = paths.substr(0, paths.find('\t'));
        std::string_view two = one.size() < paths.size() ? paths.substr(one.size() + 1) : std::string_view{};
        switch (line[0] & 0x1f) {
        case 'a' & 0x1f: (void)vfs::mkdir(c, {}, one, n); break;
        case 'b' & 0x1f: (void)touch(c, one, n); break;
        case 'c' & 0x1f: (void)vfs::symlink(c, std::string(two), {}, one); break;
        case 'd' & 0x1f:
            if (Result<vfs::Path> p = vfs::walk(c, {}, one); p) (void)vfs::link(c, *p, {}, two);
            break;
        case 'e' & 0x1f: (void)vfs::unlink(c, {}, one); break;
        case 'f' & 0x1f: (void)vfs::rmdir(c, {}, one); break;
        case 'g' & 0x1f: (void)vfs::rename(c, {}, one, {}, two, n & 3); break;
        case 'h' & 0x1f: {
            Result<Ref<vfs::OpenFile>> f = open(c, one, static_cast<int>(n) * 64 | (n & 3), n * 3u, n >> 3);
            if (f) file = std::move(*f);
            break;
        }
        case 'i' & 0x1f:
            if (file && file->writable()) write_at(c, *file, n * 100, two);
            break;
        case 'j' & 0x1f:
            if (file && file->readable()) read_at(c, *file, n * 10, n);
            break;
        case 'k' & 0x1f:
            if (file && file->inode().is_dir()) names(c, *file);
            break;
        case 'l' & 0x1f: {
            vfs::WalkFlags flags;
            flags.follow = n & 1;
            flags.directory = n & 2;
            flags.resolve = n >> 2;
            Result<vfs::Path> p = vfs::walk(c, {}, one, flags);
            if (p) (void)vfs::path_name(*p, w.root);
            break;
        }
        case 'm' & 0x1f: {
            Result<vfs::Path> p = vfs::walk(c, {}, one);
            if (p && p->dentry->inode()->is_dir()) c.fs->set_cwd(*p);
            break;
        }
        default: break;
        }
    }
    return 0;
}
