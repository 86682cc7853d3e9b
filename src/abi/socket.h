// The kernel's own message structures (include/linux/socket.h): a C library's may have padding where these have long fields. Used by the
// socket calls.
#pragma once

#include "src/base/types.h"

namespace sbx::abi {

struct msghdr {
    u64 name;
    i32 namelen, pad0;
    u64 iov, iovlen;
    u64 control, controllen;
    u32 flags, pad1;
};
static_assert(sizeof(msghdr) == 56);

struct mmsghdr {
    msghdr hdr;
    u32 len, pad;
};
static_assert(sizeof(mmsghdr) == 64);

struct cmsghdr {
    u64 len;
    i32 level, type;
};
static_assert(sizeof(cmsghdr) == 16);

constexpr u64 cmsg_align(u64 n) { return (n + 7) & ~7ull; }

struct ucred {
    i32 pid;
    u32 uid, gid;
};

constexpr u32 kMsgCmsgCloexec = 0x40000000;
constexpr int kScmRights = 1, kScmCredentials = 2;
constexpr int kScmMaxFd = 253;

}  // namespace sbx::abi
