// Fuzz target: a damaged archive of real objects (src/base/archive.h): a tree, open files, locks, pipes. The input says where and how the
// archive of a small world is changed; loading it gives an error or objects, never a crash.
#include <string.h>

#include "fs/pipefs/pipe.h"
#include "fs/vfs/fd_table.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/locks.h"
#include "src/base/archive.h"
#include "test/unit/vfs/world.h"

using namespace sbx;
using namespace sbx::test;

namespace {

struct Process : RefCounted {
    Ref<vfs::MountNamespace> mounts;
    Ref<vfs::FsContext> fs;
    Ref<vfs::FdTable> files;
    template <class A>
    void state(A& ar) {
        ar(mounts, fs, files);
    }
};
SBX_SAVABLE(Process);

std::string make_archive() {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    (void)vfs::mkdir(c, {}, "/d", 0750);
    (void)vfs::symlink(c, "d/file", {}, "/link");
    auto f = *open(c, "/d/file", O_CREAT | O_RDWR, 0604);
    write_at(c, *f, 9000, "far");
    auto p = make_ref<Process>();
    p->mounts = w.mounts;
    p->fs = Ref<vfs::FsContext>(*c.fs);
    p->files = make_ref<vfs::FdTable>();
    (void)p->files->add(f, false, 100);
    (void)p->files->add(*open(c, "/d", O_RDONLY | O_DIRECTORY), true, 100);
    state::Saver ar;
    return ar.save(*p);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
    static const std::string good = make_archive();
    // Pieces of the input: a place (two bytes), a kind and a byte; what is left replaces the end.
    std::string bytes = good;
    if (bytes.empty()) __builtin_trap();
    while (size >= 4) {
        size_t at = (data[0] | data[1] << 8) % bytes.size();
        switch (data[2] & 7) {
        case 0: bytes[at] = static_cast<char>(data[3]); break;
        case 1: bytes[at] = static_cast<char>(bytes[at] + 1); break;
        case 2: bytes[at] = static_cast<char>(bytes[at] ^ 1 << (data[3] & 7)); break;
        case 3: bytes.resize(at + 1); break;
        case 4: bytes.insert(at, std::string(data[3] & 15, static_cast<char>(data[3]))); break;
        case 5: bytes.erase(at, 1 + (data[3] & 15)); break;
        case 6: memset(&bytes[at], 0xff, std::min<size_t>(8, bytes.size() - at)); break;
        case 7:
            memmove(&bytes[at], &bytes[data[3] % bytes.size()],
                    std::min<size_t>(8, bytes.size() - std::max<size_t>(at, data[3])));
            break;
        }
        data += 4, size -= 4;
        if (bytes.empty()) return 0;
    }
    state::Loader ar;
    ar.provide(init_tmpfs());
    Ref<RefCounted> root = ar.load(bytes);
    if (root && !ar.ok()) __builtin_trap();
    return 0;
}
