// Permission helpers of the VFS's own operations; the public ones are in walk.h.
#pragma once

#include "fs/vfs/types.h"
#include "fs/vfs/walk.h"

namespace sbx::vfs {

// capable_wrt_inode_uidgid(): the capability, held over a file with these owners.
bool capable_over(const Caller& c, const Attr& a, unsigned cap);
// The part of generic_permission() that capabilities decide, once mode or ACL have refused. EACCES.
Result<> capability_permission(const Caller& c, const Attr& a, u32 may);
// __check_sticky(): the directory's sticky bit keeps the caller from removing the victim.
bool sticky_forbids(const Caller& c, const Attr& dir, const Attr& victim);

}  // namespace sbx::vfs
