// overlay: a lower tree that is never changed under an upper one that takes all changes (Documentation/filesystems/overlayfs.rst).
// Used by the boot code for the default root: the host's / below, tmpfs or a host directory above.
//
// What is only below is copied up before its first change (data, mode, owner, times, extended attributes); data that stays the same is
// left below, unless the upper layer is kept (metacopy). A name that is gone is a whiteout in the upper layer (a character device 0/0, as
// on Linux). A lower directory in which the host's user may not search has no names that could be shown; its copy hides it (opaque).
// Differences from Linux's, all towards POSIX: names of one lower file stay names of one file after it is copied up; renaming a directory
// always works (redirect_dir), both while the overlay lives.
// st_dev is the overlay's, st_ino that of the lower file if there is one, else the upper's with a bit set: it never changes.
//
// Invariants: an overlay inode gets its upper inode once and keeps it. One overlay inode stands for one lower and one upper inode at
// most, and is found by either. An inode whose state is in neither layer (copied up, hard links counted) is kept until its last name is
// gone. Nobody else changes the upper layer.
// Locks: dir_mu of overlay directories (held by the VFS), then a *claim* of an inode (copy-up and changes of its names; see OverlayInode),
// then dir_mu of upper directories (two: by address), then dir_mu of lower ones. No claim is taken under a layer's lock.
#pragma once

#include "fs/vfs/file_system.h"

namespace sbx::overlay {

// `upper` is used by the overlay alone from now on. Both keep what they had: an upper host directory of an earlier run goes on.
Result<Ref<vfs::FileSystem>> create(Ref<vfs::FileSystem> lower, Ref<vfs::FileSystem> upper);

}  // namespace sbx::overlay
