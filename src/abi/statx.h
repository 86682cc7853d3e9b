// struct statx of the system call (include/uapi/linux/stat.h), which not every C library knows. Used by syscalls/stat.cc.
#pragma once

#include "src/base/types.h"

namespace sbx::abi {

struct StatxTimestamp {
    i64 sec;
    u32 nsec;
    i32 reserved;
};

struct Statx {
    u32 mask, blksize;
    u64 attributes;
    u32 nlink, uid, gid;
    u16 mode, pad1;
    u64 ino, size, blocks, attributes_mask;
    StatxTimestamp atime, btime, ctime, mtime;
    u32 rdev_major, rdev_minor, dev_major, dev_minor;
    u64 mnt_id;
    u32 dio_mem_align, dio_offset_align;
    u64 spare[12];
};
static_assert(sizeof(Statx) == 256);

constexpr u32 kStatxBasicStats = 0x7ff, kStatxBtime = 0x800, kStatxMntId = 0x1000, kStatxReserved = 0x80000000;
constexpr u64 kStatxAttrMountRoot = 0x2000;
constexpr int kAtStatxSyncType = 0x6000;

}  // namespace sbx::abi
