// procfs: /proc of the sandbox (proc(5)). Used by the boot code and mount(2).
//
// Nothing is kept: directories are tables and views of the kernel's objects, files are text made when they are opened and again when they
// are read from their start. What a task may see of another follows ptrace's rules (kernel/ptrace.h) as on Linux.
// Not supported: pagemap, kcore, kmsg, per-thread clear_refs, /proc/PID/attr, hidepid=.
#pragma once

#include "fs/vfs/open_file.h"

namespace sbx {
class Kernel;
class Pid;
}  // namespace sbx

namespace sbx::procfs {

// Registers the file system type "proc". After the kernel was made.
void init(Kernel& k);

// The process whose /proc/PID is open as f; null if f is anything else. pidfd_send_signal(2) takes it for a pidfd.
Ref<Pid> process_of(const vfs::OpenFile& f);

}  // namespace sbx::procfs
