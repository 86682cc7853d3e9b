// File handles (name_to_handle_at(2); fs/fhandle.c, fs/exportfs): numbers that name a file without a path. File systems here find files by
// name alone, so the VFS remembers the files that had a handle made: the last kMaxHandles, until their name goes or they are unmounted.
// A handle of any other file is stale, which Linux allows at any time.
#pragma once

#include <utility>
#include <vector>

#include "fs/vfs/types.h"

namespace sbx::vfs {

class Dentry;
class FileSystem;

constexpr size_t kMaxHandles = 4096;

// What is in a handle's bytes.
struct FileHandle {
    u32 ino[2];
    u32 generation;
};

// The handle of the file at p; the same one each time. EOPNOTSUPP where files have no identity of their own (pipes, procfs).
Result<FileHandle> make_handle(const Path& p);
// ESTALE.
Result<Ref<Dentry>> find_handle(const FileSystem& fs, const FileHandle& h);
// The name of a file is gone, or the last mount of a file system.
void forget_handles(const Dentry& d);
void forget_handles(const FileSystem& fs);
// For saving and loading: the files of a file system that have handles, by number, oldest first.
using HandleList = std::vector<std::pair<u64, Ref<Dentry>>>;
HandleList handles_of(const FileSystem& fs);
void restore_handles(const FileSystem& fs, const HandleList& list);

}  // namespace sbx::vfs
