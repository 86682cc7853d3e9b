// What the boot takes from the host before the sentry is confined. Used by boot.cc.
#pragma once

#include <vector>

#include "src/config/config.h"
#include "src/cred/creds.h"
#include "src/host/unique_fd.h"
#include "src/kernel/thread_group.h"
#include "src/mm/memory_file.h"

namespace sbx::boot {

// Makes the platforms of this build known to platform/registry.h.
void register_platforms();
// Makes the file systems, devices and FIFOs of this build known to the VFS.
void register_file_systems(const Config& config, const Ref<mm::MemoryFile>& memory);
std::vector<Kgid> host_groups();
u32 host_umask();
std::string host_name();
// To be called before anything of sbx changes a disposition of its own (SIGPIPE).
void note_inherited_dispositions();
// Signals that sbx's caller ignores are ignored by prog too (nohup), as across execve.
void apply_inherited_dispositions(SignalHandlers& h);
// The host's limits where they make sense inside, then those of the configuration.
void set_limits(ThreadGroup& g, const Config& config);
void set_log(const Config& config);
// Opens the trace's file and starts the trace, if there is to be one.
void set_trace(const Config& config);

}  // namespace sbx::boot
