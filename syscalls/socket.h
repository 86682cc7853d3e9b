// What the socket calls share. Used by socket.cc and socket_msg.cc.
#pragma once

#include "fs/sockfs/socket.h"
#include "src/kernel/task.h"

namespace sbx {

// EBADF, ENOTSOCK.
Result<Ref<sockfs::SocketFile>> get_socket(Task& t, int fd);
// A sockaddr in and out (move_addr_to_kernel(), move_addr_to_user()). EINVAL, EFAULT.
Result<std::string> copy_in_address(Task& t, u64 addr, int len);
Result<> copy_out_address(Task& t, const std::string& a, u64 addr, u64 len_addr);

// A call with a timeout is not restarted after a signal (sock_intr_errno()).
inline Errno interrupted(Errno e, Nanos deadline) { return e == ERESTARTSYS && deadline != kNever ? Errno{EINTR} : e; }

}  // namespace sbx
