// The program's own terminal: a pty of the sandbox in place of the caller's, which the program never gets hold of. Used by boot.
#pragma once

#include "src/cli/boot_files.h"
#include "src/cli/relay.h"

namespace sbx::boot {

// The caller's terminal. Taken before open_streams() and the confinement; empty if the program is to get none of its own.
struct HostTerminal {
    host::UniqueFd in, out;
    unsigned streams = 0;  // which of the descriptors 0-2 are terminals, as bits
    explicit operator bool() const { return static_cast<bool>(in); }
};
// Throws UserError if there is to be one (run.tty = "always") and the caller has none.
HostTerminal take_host_terminal(const Config& config);

// Makes a pty and puts its slave in place of the streams that are the caller's terminal. Null if there are no ptys in the sandbox.
Ref<vfs::OpenFile> make_terminal(const HostTerminal& host, const Creds& owner, Kernel& kernel, vfs::MountNamespace& ns,
                                 Streams& streams);

// Connects both. Null if the caller's terminal is gone.
std::unique_ptr<Relay> make_relay(const HostTerminal& host, Ref<vfs::OpenFile> master);

}  // namespace sbx::boot
