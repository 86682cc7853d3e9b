// What the operations that add and remove names share: checks of fs/namei.c's may_create() and may_delete(), ownership of new files.
#pragma once

#include "fs/vfs/dentry.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/posix_acl.h"
#include "fs/vfs/types.h"
#include "fs/vfs/walk.h"

namespace sbx::vfs {

// Search and write permission on a directory that is still there. Its dir_mu is held.
Result<> may_create(const Caller& c, const Path& dir);
// `victim` may be removed from `dir` as a directory (rmdir) or as something else. The directory's dir_mu is held.
Result<> may_delete(const Caller& c, const Path& dir, const Dentry& victim, bool as_dir);
// Owner, group and mode of a new node in `dir` (inode_init_owner). `mode`: type and permissions, before the umask.
// A default ACL of the directory takes the umask's place: *acls is for set_acls().
Result<NewNode> new_node(const Caller& c, const Path& dir, u32 mode, dev_t rdev, InheritedAcls* acls);
Result<> set_acls(Inode& made, const InheritedAcls& acls, const Caller& c);
NewNode new_node_masked(const Caller& c, const Attr& dir, u32 mode, dev_t rdev);
// Makes a regular file, FIFO, socket, device or directory under the negative dentry `d`, dir_mu held; tells watchers.
Result<> make_at(const Caller& c, const Path& dir, Dentry& d, u32 mode, dev_t rdev);

}  // namespace sbx::vfs
