// Plain types of the VFS: attributes, paths, callers. Used by every file system and by the kernel.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "src/base/ref.h"
#include "src/base/result.h"
#include "src/base/time.h"
#include "src/base/types.h"
#include "src/cred/creds.h"

namespace sbx {
class Task;
namespace mm {
class MemoryManager;
class IoBuf;
class Mappable;
}  // namespace mm
}  // namespace sbx

namespace sbx::vfs {

class Dentry;
class FsContext;
class Inode;
class Mount;
class OpenFile;

// A dentry in a mount.
struct Path {
    Ref<Mount> mount;
    Ref<Dentry> dentry;
    explicit operator bool() const { return static_cast<bool>(dentry); }
    friend bool operator==(const Path&, const Path&) = default;
    template <class A>
    void state(A& ar) {
        ar(mount, dentry);
    }
};

// Who asks: what a VFS operation may need of the calling task. Plain pointers, valid for the call (the task keeps one up to date).
struct Caller {
    const Creds* creds = nullptr;
    FsContext* fs = nullptr;          // root, cwd, umask
    mm::MemoryManager* mm = nullptr;  // for ioctl arguments; null for kernel threads
    Task* task = nullptr;             // for layers above the kernel (tty, procfs); null during boot
    u64 file_size_limit =
        ~0ull;  // RLIMIT_FSIZE in bytes; exceeding it raises SIGXFSZ (the syscall layer does) and gives EFBIG
};

// Attributes of an inode, as statx(2) shows them. Ids are kernel ids.
struct Attr {
    u32 mode = 0;  // type and permissions
    u32 nlink = 1;
    Kuid uid = 0;
    Kgid gid = 0;
    dev_t rdev = 0;
    u64 ino = 0;
    u64 size = 0;
    u64 blocks = 0;  // of 512 bytes
    u32 blksize = 4096;
    timespec atime{}, mtime{}, ctime{}, btime{};
    bool has_btime = false;
    u64 attributes = 0;  // STATX_ATTR_*
};

// Changes of setattr. A time can be set to a value or to now.
struct SetAttr {
    enum : u32 {
        kMode = 1,
        kUid = 2,
        kGid = 4,
        kSize = 8,
        kAtime = 16,
        kMtime = 32,
        kAtimeNow = 64,
        kMtimeNow = 128,
        kCtime = 256
    };
    u32 valid = 0;
    u32 mode = 0;  // permission bits only
    Kuid uid = 0;
    Kgid gid = 0;
    u64 size = 0;
    timespec atime{}, mtime{};
};

// A new file's properties, final: umask, setgid directories and ownership are already applied by the VFS.
struct NewNode {
    u32 mode = 0;  // type and permissions
    Kuid uid = 0;
    Kgid gid = 0;
    dev_t rdev = 0;
    template <class A>
    void state(A& ar) {
        ar(mode, uid, gid, rdev);
    }
};

struct StatFs {
    u64 type = 0;  // f_type magic
    u64 bsize = 4096, blocks = 0, bfree = 0, bavail = 0, files = 0, ffree = 0, namelen = 255, frsize = 4096;
    u64 fsid = 0;
};

// Access wanted, as MAY_* of Linux.
enum : u32 { kMayExec = 1, kMayWrite = 2, kMayRead = 4 };

constexpr size_t kNameMax = 255;
constexpr size_t kPathMax = 4096;

// The current time for timestamps (the host's CLOCK_REALTIME_COARSE resolution or better).
timespec now();

}  // namespace sbx::vfs
