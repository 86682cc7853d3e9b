// A file system under test as a caller sees it: one mount, root's credentials, paths in, errno out. Used by the tests of hostfs and overlay.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "fs/hostfs/hostfs.h"
#include "fs/vfs/dentry.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/fs_context.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/open_file.h"
#include "fs/vfs/operations.h"
#include "src/mm/io_buf.h"

namespace sbx::host_test {

// A host directory that goes with everything in it.
class TempDir {
public:
    TempDir() {
        char name[] = "/tmp/sbx-unit-XXXXXX";
        path_ = mkdtemp(name);
    }
    ~TempDir() { (void)!system(("chmod -R u+rwx " + path_ + " 2>/dev/null; rm -rf " + path_).c_str()); }
    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    void write(const std::string& name, const std::string& text) const {
        int fd = open((path_ + "/" + name).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
        (void)!::write(fd, text.data(), text.size());
        close(fd);
    }
    std::string read(const std::string& name) const {
        int fd = open((path_ + "/" + name).c_str(), O_RDONLY);
        if (fd < 0) return "?";
        std::string s(65536, '\0');
        ssize_t n = ::read(fd, s.data(), s.size());
        s.resize(n < 0 ? 0 : static_cast<size_t>(n));
        close(fd);
        return s;
    }
    bool has(const std::string& name) const {
        struct stat st;
        return lstat((path_ + "/" + name).c_str(), &st) == 0;
    }
    host::UniqueFd open_path() const { return host::UniqueFd(open(path_.c_str(), O_PATH | O_CLOEXEC)); }

private:
    std::string path_;
};

inline Ref<vfs::FileSystem> hostfs_of(const TempDir& dir, bool read_only,
                                      hostfs::Cache cache = hostfs::Cache::Revalidate) {
    hostfs::Options o;
    o.read_only = read_only;
    o.cache = cache;
    auto fs = hostfs::create(dir.open_path(), o);
    return fs ? *fs : Ref<vfs::FileSystem>();
}

// Errno of a result, 0 if it is fine.
template <class T>
int code(const Result<T>& r) {
    return r ? 0 : r.error().value;
}

class FsWorld {
public:
    explicit FsWorld(Ref<vfs::FileSystem> fs) : mount_(vfs::Mount::create(fs, nullptr, 0, "test")) {
        Ref<Creds> creds = make_ref<Creds>();
        creds->user_ns = UserNamespace::create_initial();
        creds->effective = creds->permitted = creds->bounding = CapSet::all();
        creds_ = creds;
        context_ = make_ref<vfs::FsContext>(mount_->root_path(), mount_->root_path(), 022);
        c.creds = creds_.get();
        c.fs = context_.get();
    }
    vfs::Caller c;
    Ref<vfs::Mount> mount() const { return mount_; }

    Result<vfs::Path> walk(std::string_view path, bool follow = true) {
        vfs::WalkFlags f;
        f.follow = follow;
        return vfs::walk(c, {}, path, f);
    }
    Result<Ref<vfs::OpenFile>> open(std::string_view path, int flags, u32 mode = 0666) {
        return vfs::open(c, {}, path, vfs::OpenHow{flags, mode, 0});
    }
    Result<vfs::Attr> stat(std::string_view path) { return vfs::get_attr(SBX_TRY(walk(path, false))); }
    Result<std::string> read(vfs::OpenFile& f, i64 pos = 0, size_t n = 65536) {
        std::string s(n, '\0');
        mm::KernelIoBuf b(Bytes(reinterpret_cast<u8*>(s.data()), s.size()));
        s.resize(SBX_TRY(f.read(b, &pos, 0, c)));
        return s;
    }
    Result<size_t> write(vfs::OpenFile& f, std::string_view text, i64 pos = 0) {
        mm::KernelIoBuf b(ConstBytes(reinterpret_cast<const u8*>(text.data()), text.size()));
        return f.write(b, &pos, 0, c);
    }
    // The content, or "!ENOENT".
    std::string cat(std::string_view path) {
        auto f = open(path, O_RDONLY);
        if (!f) return std::string("!") + errno_name(f.error().value);
        auto s = read(**f);
        return s ? *s : std::string("!") + errno_name(s.error().value);
    }
    int put(std::string_view path, std::string_view text, int flags = O_CREAT | O_TRUNC) {
        auto f = open(path, O_WRONLY | flags);
        if (!f) return f.error().value;
        return code(write(**f, text));
    }
    // Names in a directory but `.` and `..`, sorted, blank-separated; read `step` entries a call.
    std::string ls(std::string_view path, size_t step = 1000) {
        auto f = open(path, O_RDONLY | O_DIRECTORY);
        if (!f) return std::string("!") + errno_name(f.error().value);
        return ls(**f, step);
    }
    std::string ls(vfs::OpenFile& f, size_t step = 1000) {
        struct Sink : vfs::DirSink {
            std::vector<std::string> names;
            size_t room = 0;
            bool entry(std::string_view name, u64, u8, i64) override {
                if (room == 0) return false;
                room--;
                names.emplace_back(name);
                return true;
            }
        } sink;
        i64 pos = 0;
        for (;;) {
            sink.room = step;
            i64 before = pos;
            auto r = f.read_dir(sink, &pos, c);
            if (!r) return std::string("!") + errno_name(r.error().value);
            if (pos == before) break;
        }
        std::sort(sink.names.begin(), sink.names.end());
        std::string all;
        for (const std::string& n : sink.names)
            if (n != "." && n != "..") all += (all.empty() ? "" : " ") + n;
        return all;
    }
    int mkdir(std::string_view path, u32 mode = 0755) { return code(vfs::mkdir(c, {}, path, mode)); }
    int unlink(std::string_view path) { return code(vfs::unlink(c, {}, path)); }
    int rmdir(std::string_view path) { return code(vfs::rmdir(c, {}, path)); }
    int rename(std::string_view a, std::string_view b, u32 flags = 0) {
        return code(vfs::rename(c, {}, a, {}, b, flags));
    }
    int link(std::string_view a, std::string_view b) {
        auto p = walk(a, false);
        return p ? code(vfs::link(c, *p, {}, b)) : p.error().value;
    }
    int symlink(std::string_view target, std::string_view path) { return code(vfs::symlink(c, target, {}, path)); }
    int chmod(std::string_view path, u32 mode) {
        auto p = walk(path);
        return p ? code(vfs::chmod(c, *p, mode)) : p.error().value;
    }
    int chown(std::string_view path, u32 uid, u32 gid) {
        auto p = walk(path, false);
        return p ? code(vfs::chown(c, *p, uid, gid)) : p.error().value;
    }
    std::string readlink(std::string_view path) {
        auto p = walk(path, false);
        if (!p) return "!";
        auto r = vfs::read_link(c, *p);
        return r ? *r : std::string("!");
    }

private:
    Ref<vfs::Mount> mount_;
    CredsRef creds_;
    Ref<vfs::FsContext> context_;
};

}  // namespace sbx::host_test
