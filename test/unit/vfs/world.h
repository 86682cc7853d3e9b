// A kernel-less world for tests of the VFS: a tmpfs as root, and callers with credentials of their own.
#pragma once

#include <fcntl.h>

#include <string>

#include "fs/tmpfs/tmpfs.h"
#include "fs/vfs/dentry.h"
#include "fs/vfs/fs_context.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/operations.h"

namespace sbx::test {

// Where all files' data is.
inline mm::MemoryFile& init_tmpfs() {
    static mm::MemoryFile& memory =
        *[] {
            Ref<mm::MemoryFile> m = *mm::MemoryFile::create(1ull << 34);
            tmpfs::init(m, 1ull << 32);
            return m;
        }()
             .release();
    return memory;
}

class User {
public:
    User(vfs::Path root, Ref<UserNamespace> ns, Kuid uid) : fs_(make_ref<vfs::FsContext>(root, root, 022)) {
        Ref<Creds> k = make_ref<Creds>();
        k->uid = k->euid = k->suid = k->fsuid = uid;
        k->gid = k->egid = k->sgid = k->fsgid = uid;
        k->user_ns = std::move(ns);
        if (uid == 0) k->effective = k->permitted = k->bounding = CapSet::all();
        creds_ = k;
        c.creds = creds_.get();
        c.fs = fs_.get();
    }
    vfs::Caller c;

private:
    Ref<vfs::FsContext> fs_;
    CredsRef creds_;
};

class World {
public:
    World() {
        init_tmpfs();
        Ref<vfs::Mount> m = vfs::Mount::create(tmpfs::create({.mode = 0755}), nullptr, 0, "tmpfs");
        root = m->root_path();
        mounts = vfs::MountNamespace::create(m, ns);
    }
    User user(Kuid uid) { return User(root, ns, uid); }
    Ref<UserNamespace> ns = UserNamespace::create_initial();
    vfs::Path root;
    Ref<vfs::MountNamespace> mounts;
};

// 0 or the errno.
template <class T>
int code(const Result<T>& r) {
    return r ? 0 : r.error().value;
}

inline Result<Ref<vfs::OpenFile>> open(const vfs::Caller& c, std::string_view path, int flags, u32 mode = 0644,
                                       u64 resolve = 0) {
    return vfs::open(c, {}, path, vfs::OpenHow{flags, mode, resolve});
}
inline int touch(const vfs::Caller& c, std::string_view path, u32 mode = 0644) {
    return code(open(c, path, O_CREAT | O_WRONLY | O_EXCL, mode));
}
inline int write_at(const vfs::Caller& c, vfs::OpenFile& f, i64 pos, std::string_view s) {
    mm::KernelIoBuf b(ConstBytes(reinterpret_cast<const u8*>(s.data()), s.size()));
    auto r = f.write(b, &pos, 0, c);
    return r ? static_cast<int>(*r) : -r.error().value;
}
inline std::string read_at(const vfs::Caller& c, vfs::OpenFile& f, i64 pos, size_t n) {
    std::string s(n, '?');
    mm::KernelIoBuf b(Bytes(reinterpret_cast<u8*>(s.data()), n));
    auto r = f.read(b, &pos, 0, c);
    s.resize(r ? *r : 0);
    return s;
}
inline std::vector<std::string> names(const vfs::Caller& c, vfs::OpenFile& f) {
    struct Sink final : vfs::DirSink {
        std::vector<std::string> out;
        bool entry(std::string_view name, u64, u8, i64) override {
            out.emplace_back(name);
            return true;
        }
    } sink;
    i64 pos = 0;
    (void)f.read_dir(sink, &pos, c);
    return sink.out;
}
inline std::string where(const vfs::Caller& c, std::string_view path) {
    auto p = vfs::walk(c, {}, path);
    return p ? vfs::path_name(*p, c.fs->root()) : std::string("!") + errno_name(p.error().value);
}

}  // namespace sbx::test
