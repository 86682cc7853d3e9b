// nsfs: the file system of namespaces (fs/nsfs.c): each is a node whose number is the namespace's id. Used by /proc/PID/ns.
#pragma once

#include <string_view>

#include "fs/vfs/types.h"
#include "src/base/ref.h"

namespace sbx::nsfs {

// A place for a namespace, that opens to a NamespaceFile. `type`: CLONE_NEW*; `name`: as shown before its id.
vfs::Path ns_path(u64 type, std::string_view name, u64 id, Ref<RefCounted> ns);

}  // namespace sbx::nsfs
