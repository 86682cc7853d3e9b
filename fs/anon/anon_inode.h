// The one anonymous inode that descriptors without a name of their own share (anon_inodes, fs/anon_inodes.c): eventfd, epoll, signalfd,
// timerfd, inotify, pidfd.
#pragma once

#include "fs/vfs/open_file.h"

namespace sbx::anon {

// A path for a new open file; shown as "anon_inode:NAME", e.g. "[eventfd]".
vfs::Path anon_path(std::string_view name);

// What their open files share: lseek(2) is taken and does nothing (noop_llseek), splice(2) is not.
class AnonFile : public vfs::OpenFile {
public:
    AnonFile(std::string_view name, int flags) : OpenFile(anon_path(name), flags) {}
    Result<i64> seek(i64 current, i64, int, const vfs::Caller&) override { return current; }
    bool can_splice() const override { return false; }
};

}  // namespace sbx::anon
