// hostfs: a directory (or one file) of the host as a file system. Used by the boot code; overlay takes what create() makes.
//
// Every inode stands for one host file (device and inode number) and is one object while it lives. It is reached by an O_PATH
// descriptor, found one component at a time below its directory, never through a symlink; descriptors are closed when there are
// too many and found again by name, which must then be the same file (ESTALE otherwise). Host FIFOs, sockets and devices are
// never opened. Files are created as the host user; the host's refusals are the guest's errno.
// Not supported: host file locks (locks are the sentry's own), O_DIRECT (ignored), device nodes other than overlay whiteouts.
#pragma once

#include "fs/hostfs/hidden.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/open_file.h"
#include "src/host/unique_fd.h"

namespace sbx::hostfs {

// Names may change behind our back and are checked at every use, or nobody else changes anything.
enum class Cache { Revalidate, Exclusive };

// The owner of a host file as the host's own user namespace sees it, for a sentry in a namespace that shows 65534. False: not known.
using OwnerHook = bool (*)(int fd, u32* uid, u32* gid);

struct Options {
    bool read_only = true;
    Cache cache = Cache::Revalidate;
    OwnerHook owner = nullptr;
    Ref<Hidden> hidden;  // may be null: nothing is hidden
    int source = -1;     // which of the configured directories this is, for a process that loads what was saved
};

// `root`: an O_PATH descriptor. Call it before the sentry loses its root: it keeps /proc/self/fd (see host_calls.h).
Result<Ref<vfs::FileSystem>> create(host::UniqueFd root, const Options& options);

// The host file systems and descriptors of a process that loads a kernel, by Options::source and by number; given to the Loader.
struct Sources {
    std::vector<Ref<vfs::FileSystem>> file_systems;
    // Open files over the inherited descriptors, as open_inherited() made them.
    std::vector<std::pair<int, Ref<vfs::OpenFile>>> streams;
};

// An open file over an inherited host descriptor of any kind (stdin, --pass-fd), which it owns and closes. 0 and 1 are /dev/null to the
// sentry afterwards, 2 stays what it was for messages. EBADF.
Result<Ref<vfs::OpenFile>> open_inherited(int fd);

// Between the two, files over inherited descriptors tell nobody what became of them: for who saves them. One thread's.
void hold_events();
void let_events_go();

// Lets the sentry have as many descriptors as the host allows at all. After the program's own limits were taken from the process's.
void raise_descriptor_limit();

// Makes the sentry's process remember /proc/self/fd; create() does it too.
void prepare();

}  // namespace sbx::hostfs
