// The seccomp filter of ptrace stubs: what injected calls need, made from the stub's own page, and nothing else. Used by
// platform/ptrace.
#pragma once

namespace sbx::platform::stub {

// Flags of the two clones that a stub may make.
constexpr unsigned long kSpaceCloneFlags =
    0x00000400 /* FILES */ | 0x00008000 /* PARENT */ | 0x00002000 /* PTRACE */ | 17 /* SIGCHLD */;
constexpr unsigned long kThreadCloneFlags = 0x00000100 /* VM */ | 0x00000200 /* FS */ | 0x00000400 /* FILES */ |
                                            0x00000800 /* SIGHAND */ | 0x00010000 /* THREAD */ |
                                            0x00040000 /* SYSVSEM */;

// Installs it on the calling thread, for good. Async-signal-safe; returns 0 or -errno.
long install_ptrace_filter();

}  // namespace sbx::platform::stub
