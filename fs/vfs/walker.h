// Walker: one path resolution under way (struct nameidata of fs/namei.c). Used by walk.cc and by open, which may go on at a symlink that
// stands in the last place.
#pragma once

#include "fs/vfs/dentry.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/walk.h"

namespace sbx::vfs {

class Walker {
public:
    Walker(const Caller& c, u64 resolve) : c_(c), resolve_(resolve) {}
    // Takes the path and where it starts; "" is ENOENT.
    Result<> start(const Path& start, std::string_view path);
    // Goes to the directory of the last component, which last() then names.
    Result<> to_last();
    LastComponent::Kind kind() const { return kind_; }
    std::string_view last() const { return last_; }
    bool trailing_slash() const { return trailing_slash_; }
    // The directory of the last component (or the result itself for Root and Dot).
    const Path& at() const { return cur_; }
    // The child `last()` of at(), with what is mounted there; negative if there is none.
    Result<Path> step(std::string_view name);
    // Goes up one level.
    Result<> up();
    // Follows a symlink found in the last place; to_last() goes on from there.
    Result<> follow_last(const Path& link);

private:
    Result<> follow(const Path& link, std::string_view rest);
    void need_root();
    Result<> jump_to_root();
    Path mounted_on(Path p) const;

    const Caller& c_;
    u64 resolve_;
    Path root_;  // empty until needed
    Path cur_;
    std::string buffer_;  // what rest_ points to once a symlink was followed
    std::string_view rest_;
    std::string_view last_;
    std::string last_buffer_;
    LastComponent::Kind kind_ = LastComponent::Kind::Root;
    bool trailing_slash_ = false;
    unsigned links_ = 0;
};

}  // namespace sbx::vfs
