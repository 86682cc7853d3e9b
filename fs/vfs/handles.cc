// The table of files that have handles.
#include "fs/vfs/handles.h"

#include <list>
#include <map>
#include <unordered_map>

#include "fs/vfs/dentry.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/mount.h"

namespace sbx::vfs {
namespace {

using Key = std::pair<const FileSystem*, u64>;
struct Entry {
    Ref<Dentry> dentry;
    std::list<Key>::iterator age;
};

Mutex<Rank::Leaf> mu;
std::map<Key, Entry> table SBX_GUARDED_BY(mu);                        // no state: saved with each file system
std::unordered_map<const Dentry*, Key> by_dentry SBX_GUARDED_BY(mu);  // no state: of the table
std::list<Key> ages SBX_GUARDED_BY(mu);                               // no state: of the table; oldest first
std::atomic<size_t> count{0};                                         // no state: of the table

using Dropped = std::vector<Ref<Dentry>>;  // to be let go of outside of the lock

void insert_locked(const Key& key, Ref<Dentry> d) SBX_REQUIRES(mu) {
    by_dentry[d.get()] = key;
    table.emplace(key, Entry{std::move(d), ages.insert(ages.end(), key)});
    count.store(table.size());
}

void erase_locked(std::map<Key, Entry>::iterator at, Dropped& dropped) SBX_REQUIRES(mu) {
    by_dentry.erase(at->second.dentry.get());
    dropped.push_back(std::move(at->second.dentry));
    ages.erase(at->second.age);
    table.erase(at);
    count.store(table.size());
}

}  // namespace

Result<FileHandle> make_handle(const Path& p) {
    Inode& inode = *p.dentry->inode();
    FileSystem& fs = inode.fs();
    // Whose trees are made up as they are read cannot say which file it was; a pipe or a socket stands in no tree.
    if (!fs.has_negative_names() || (p.dentry->is_root() && !inode.is_dir())) return err(EOPNOTSUPP);
    u64 ino = SBX_TRY(inode.attr())
    .ino;
    Key key{&fs, ino};
    Dropped dropped;
    Lock l(mu);
    auto at = table.find(key);
    // Of several names of the file the one that was seen last.
    if (at != table.end() && at->second.dentry != p.dentry) {
        erase_locked(at, dropped);
        at = table.end();
    }
    if (at == table.end()) {
        if (table.size() >= kMaxHandles) erase_locked(table.find(ages.front()), dropped);
        insert_locked(key, p.dentry);
    } else {
        ages.splice(ages.end(), ages, at->second.age);
    }
    l.unlock();
    return FileHandle{{static_cast<u32>(ino), static_cast<u32>(ino >> 32)}, 0};
}

Result<Ref<Dentry>> find_handle(const FileSystem& fs, const FileHandle& h) {
    if (h.generation != 0) return err(ESTALE);
    Lock l(mu);
    auto at = table.find({&fs, h.ino[0] | static_cast<u64>(h.ino[1]) << 32});
    if (at == table.end() || at->second.dentry->unlinked()) return err(ESTALE);
    return at->second.dentry;
}

void forget_handles(const Dentry& d) {
    if (count.load() == 0) return;
    Dropped dropped;
    Lock l(mu);
    if (auto k = by_dentry.find(&d); k != by_dentry.end()) erase_locked(table.find(k->second), dropped);
    l.unlock();
}

void forget_handles(const FileSystem& fs) {
    if (count.load() == 0) return;
    Dropped dropped;
    Lock l(mu);
    for (auto i = table.lower_bound({&fs, 0}); i != table.end() && i->first.first == &fs;) {
        auto next = std::next(i);
        erase_locked(i, dropped);
        i = next;
    }
    l.unlock();
}

HandleList handles_of(const FileSystem& fs) {
    HandleList out;
    Lock l(mu);
    for (const Key& k : ages)
        if (k.first == &fs) out.emplace_back(k.second, table.find(k)->second.dentry);
    return out;
}

void restore_handles(const FileSystem& fs, const HandleList& list) {
    Lock l(mu);
    for (auto& [ino, dentry] : list)
        if (table.size() < kMaxHandles && !table.count({&fs, ino}) && !by_dentry.count(dentry.get()))
            insert_locked({&fs, ino}, dentry);
}

}  // namespace sbx::vfs
