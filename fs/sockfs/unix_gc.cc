#include "fs/sockfs/unix_gc.h"

#include <sys/socket.h>

#include <algorithm>
#include <unordered_map>

#include "fs/sockfs/unix_socket.h"

namespace sbx::sockfs {
namespace {

struct InFlight {
    Mutex<Rank::Leaf> mu;
    // How many messages each is in; these hold references to it.
    std::unordered_map<UnixSocket*, u32> sockets SBX_GUARDED_BY(mu);
    std::atomic<size_t> count{0};  // of sockets
    // Every time that a file gets into a message or out of a queue.
    std::atomic<u64> changes{0};
    std::atomic<u32> requests{0};  // those since the one that collects began
    std::atomic<size_t> skip{0};   // calls until the next look
};
InFlight& in_flight() {
    static InFlight& f = *new InFlight;  // no state: messages enter their files
    return f;
}

// Sockets that one call may look at, in the mean.
constexpr size_t kEffort = 16;
constexpr int kTries = 3;

UnixSocket* as_unix(vfs::OpenFile& f) {
    if (f.kind() != &SocketFile::kKind || static_cast<SocketFile&>(f).domain() != AF_UNIX) return nullptr;
    return &static_cast<UnixSocket&>(f);
}

struct Vertex {
    Ref<UnixSocket> socket;
    unsigned queued = 0;        // how often it is in a queue of these sockets
    bool alive = false;         // something else leads to it
    std::vector<size_t> holds;  // those in its own queue
};

// All that are in flight. Empty if no queue of theirs has one of them: there is no cycle then.
std::vector<Vertex> graph() {
    InFlight& f = in_flight();
    std::vector<Vertex> all;
    std::unordered_map<UnixSocket*, size_t> index;
    {
        Lock l(f.mu);
        for (const auto& [socket, n] : f.sockets) {
            index.emplace(socket, all.size());
            all.push_back({Ref<UnixSocket>(*socket), 0, false, {}});
        }
    }
    bool any = false;
    for (Vertex& v : all)
        v.socket->end().for_queued_files([&](vfs::OpenFile& file) {
            UnixSocket* s = as_unix(file);
            auto it = s ? index.find(s) : index.end();
            if (it == index.end()) return;
            any = true;
            all[it->second].queued++;
            v.holds.push_back(it->second);
        });
    f.skip.store(all.size() / kEffort);
    if (!any) all.clear();
    return all;
}

// Marks what is used. Whatever has a reference that is in no queue of the graph is, and all that its queue leads to.
void mark(std::vector<Vertex>& all) {
    std::vector<size_t> work;
    auto reach = [&](size_t i) {
        if (all[i].alive) return;
        all[i].alive = true;
        work.push_back(i);
    };
    for (size_t i = 0; i < all.size(); i++)
        if (all[i].socket->ref_count() != all[i].queued + 1) reach(i);
    while (!work.empty()) {
        size_t i = work.back();
        work.pop_back();
        for (size_t next : all[i].holds) reach(next);
    }
}

// False if queues changed meanwhile, so that counts and queues do not belong together.
//
// Without a change, each queue was as it was seen all the time, and who takes a file out of one says so before it gives back its reference to
// the queue's socket. So nobody could come to a socket that had no other references than those in the queues of its like, nor can anybody later.
bool collect() {
    u64 before = in_flight().changes.load();
    std::vector<Vertex> all = graph();
    mark(all);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (in_flight().changes.load() != before) return false;
    std::vector<UnixPacket> garbage;
    for (Vertex& v : all)
        if (!v.alive) v.socket->end().take_messages(garbage);
    // Closes what they hold, and at last the sockets, with all.
    if (!garbage.empty()) in_flight().skip.store(0);
    return true;
}

}  // namespace

void unix_in_flight(const std::vector<Ref<vfs::OpenFile>>& files, int by) {
    InFlight& f = in_flight();
    f.changes.fetch_add(1);
    for (const Ref<vfs::OpenFile>& file : files) {
        UnixSocket* s = as_unix(*file);
        if (!s) continue;
        Lock l(f.mu);
        u32& n = f.sockets[s];
        n += static_cast<u32>(by);
        if (n == 0) f.sockets.erase(s);
        f.count.store(f.sockets.size(), std::memory_order_relaxed);
    }
}

void unix_queues_changed() { in_flight().changes.fetch_add(1); }

void collect_unix_sockets(bool all) {
    InFlight& f = in_flight();
    if (f.count.load(std::memory_order_relaxed) == 0) return;
    size_t skip = f.skip.load(std::memory_order_relaxed);
    if (!all && skip) {
        f.skip.compare_exchange_strong(skip, skip - 1);
        return;
    }
    // Closing what is collected comes back here, and so do other threads.
    if (f.requests.fetch_add(1) != 0) return;
    for (int i = 0; i < kTries; i++) {
        u32 seen = f.requests.load();
        if (collect() && f.requests.compare_exchange_strong(seen, 0)) return;
    }
    f.requests.store(0);
}

}  // namespace sbx::sockfs
