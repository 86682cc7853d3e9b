// The one anonymous inode that descriptors without a name of their own share (anon_inodes, fs/anon_inodes.c): eventfd, epoll, signalfd,
// timerfd, inotify, pidfd.
#pragma once

#include "fs/vfs/types.h"

namespace sbx::anon {

// A path for a new open file; shown as "anon_inode:NAME", e.g. "[eventfd]".
vfs::Path anon_path(std::string_view name);

}  // namespace sbx::anon
