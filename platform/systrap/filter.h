// The seccomp filter of all systrap stubs: one program, installed once in the process that they are copies of.
//
// Calls from outside of the stub's page are the application's: they trap (SIGSYS). From inside, anybody may wait, wake and return from a
// signal; whatever changes mappings or makes threads needs the password, which lives in a register of mappers only: as sixth argument,
// and for mmap(2), which has none to spare, in the upper halves of prot and fd, which the kernel does not look at. All else kills.
#pragma once

#include "platform/stub/program.h"

namespace sbx::platform::systrap {

constexpr unsigned long kProcessFlags = 0x00000400 /* FILES */ | 0x00008000 /* PARENT */ | 17 /* SIGCHLD */;
constexpr unsigned long kThreadFlags = 0x00000100 /* VM */ | 0x00000200 /* FS */ | 0x00000400 /* FILES */ |
                                       0x00000800 /* SIGHAND */ | 0x00010000 /* THREAD */ | 0x00040000 /* SYSVSEM */;

void build_filter(stub::Program& p, u64 password);
// Installs it on the calling thread, for good. Async-signal-safe; returns 0 or -errno.
long install_filter(u64 password);

}  // namespace sbx::platform::systrap
