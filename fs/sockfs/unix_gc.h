// Collects unix sockets that nothing but messages in each other's queues refers to: sockets that were passed in themselves, and then closed
// (net/unix/garbage.c). Used by fs/sockfs alone.
//
// Locks: none may be held that closing any file may take. One endpoint's is taken at a time.
#pragma once

#include <vector>

#include "fs/vfs/open_file.h"

namespace sbx::sockfs {

// The files are in one message more (1) or less (-1), in a queue or on the way from one.
void unix_in_flight(const std::vector<Ref<vfs::OpenFile>>& files, int by);
// Files left a queue, or a queue left its socket, while the caller still has a reference to that socket.
void unix_queues_changed();
// Does so now, if there may be any. `all`: however long it takes; otherwise what a call costs is bounded in the mean, and a large number of
// sockets on their way is looked at once in many calls. Another thread that is at it does this one's work too.
void collect_unix_sockets(bool all);

}  // namespace sbx::sockfs
