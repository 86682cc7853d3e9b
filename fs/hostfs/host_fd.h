// Open files over inherited host descriptors (stdin, stdout, stderr, --pass-fd): any kind of host file. Made by open_inherited().
//
// Regular files are read and written at the descriptor's own position, which the caller of sbx shares: `(sbx run cat; cat) < file` works
// as without sbx. Pipes, terminals and devices are opened a second time through /proc/self/fd with O_NONBLOCK, before the sentry loses
// its /proc: the private description never blocks, the caller's keeps its flags, and another reader can take the data at any time. Where
// that is refused, preadv2(RWF_NOWAIT) is tried; where the host does not know that for the file either, poll and then read: then a second
// reader outside the sandbox that takes the data in between can make one task (and nothing else) wait inside the sentry. Sockets use
// MSG_DONTWAIT.
// Not supported: socket calls on an inherited socket (it can be read, written and polled); changing mode or owner of the host file.
#pragma once

#include "fs/hostfs/host_calls.h"
#include "fs/hostfs/host_mapping.h"
#include "fs/hostfs/host_poller.h"
#include "fs/vfs/dentry.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/open_file.h"

namespace sbx::hostfs {

// How a stream is kept from blocking.
enum class StreamMode : u8 { Private, NoWait, Socket, PollFirst };

// The descriptors behind an inherited one; shared by all open files over it.
struct Inherited : PolledFd {
    Inherited();
    ~Inherited() override;
    UniqueFd fd;  // as inherited
    // no state: the loading process has opened it.
    UniqueFd stream_fd;  // opened again with O_NONBLOCK (StreamMode::Private)
    u32 type = 0;
    int access = 0;                           // O_RDONLY, O_WRONLY, O_RDWR
    bool terminal = false;                    // no state: what fd is now
    StreamMode mode = StreamMode::PollFirst;  // no state: what fd allows now
    bool append = false;
    int number_outside = -1;  // the descriptor's number when sbx was started
    bool again = false;       // a regular file opened once more, with a position of its own
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(number_outside, again, access, append);
    }
    // The stream of that number of the new process.
    template <class H>
    static Inherited* state_make(state::Loader& ar, H& head);
    template <class A>
    void state(A&) {}
    bool is_regular() const { return type == S_IFREG; }
    int io_fd() const { return stream_fd ? stream_fd.get() : fd.get(); }
    // Registers with the poller at first use.
    void watch();
    EventMask ready(EventMask mask) const;

    Mutex<Rank::Leaf> mu;
    u64 number = 0;                         // at the poller; written once, by watch()
    bool tried SBX_GUARDED_BY(mu) = false;  // no state: watched again when somebody waits
};

Result<Ref<vfs::OpenFile>> open_inherited_file(const vfs::Path& path, int flags, Ref<Inherited> host);

// The calls that programs may make on an inherited terminal, on its own descriptor: modes, size, queues. Never TIOCSTI, nothing that
// names processes of the host. ENOTTY for the rest.
Result<long> terminal_ioctl(int fd, u32 cmd, u64 arg, const vfs::Caller& c);

}  // namespace sbx::hostfs
