// Fuzz target: ancillary data of socket messages (syscalls/socket_msg.cc), sent in any form and received into any room.
#include <sys/socket.h>

#include "test/fuzz/task.h"

using namespace sbx;
using namespace sbx::test;

namespace {

struct Message {
    u64 name = 0;
    u32 name_length = 0, pad = 0;
    u64 iov = 0, iov_count = 0, control = 0, control_length = 0;
    u32 flags = 0, pad2 = 0;
};

// The ends of a pair of each type at 0 to 5, with credentials asked for at one end.
void make_pairs(Sandbox& s) {
    int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}, on = 1;
    u64 ends = s.put(u64{0}), value = s.put(on);
    for (int i = 0; i < 3; i++) {
        s.call(SYS_socketpair, AF_UNIX, types[i] | SOCK_NONBLOCK, 0, ends);
        s.call(SYS_setsockopt, 2 * i + 1, SOL_SOCKET, SO_PASSCRED, value, sizeof on);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
    Sandbox& s = fuzz_sandbox();
    Task& t = s.task();
    static const u64 at = s.put(std::string(16384, 0).data(), 16384);
    static const u64 iov = s.put(std::array<u64, 2>{at + 8192, 4096}), message = s.put(Message{});
    make_pairs(s);
    Input in(data, size);
    while (in.more()) {
        u8 op = in.take<u8>(), room = in.take<u8>();
        std::string control = in.take(op & 0x80 ? room : 0);
        Message m;
        m.iov = iov, m.iov_count = op >> 4 & 1;
        m.control = at, m.control_length = room;
        (void)t.mm().copy_out(at, control.data(), control.size());
        (void)t.mm().copy_out(message, &m, sizeof m);
        int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (in.take<u8>() & (MSG_PEEK | MSG_TRUNC | MSG_WAITALL));
        if (op & 0x40) flags |= MSG_CMSG_CLOEXEC;
        s.call(op & 8 ? SYS_sendmsg : SYS_recvmsg, op & 7, message, flags);
        Message after = s.get<Message>(message);
        if (!(op & 8) && after.control_length > room) __builtin_trap();
    }
    s.call(SYS_close_range, 0, ~0u, 0);
    return 0;
}
