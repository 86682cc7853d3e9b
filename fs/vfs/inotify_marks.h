// InotifyMarks: who watches an inode (fsnotify marks), and the calls that tell them. Set by fs/anon's inotify and the kernel's dnotify;
// called by operations on names and by open, read, write and close of files.
#pragma once

#include <sys/inotify.h>

#include <atomic>
#include <string_view>
#include <vector>

#include "fs/vfs/types.h"
#include "src/base/mutex.h"

namespace sbx::vfs {

class FdTable;
class OpenFile;

// An event beside the IN_* ones: a rename inside the watched directory (FS_RENAME). Only dnotify has a use for it.
constexpr u32 kRenameWithin = 0x10000000;

// One watch. The inotify instance holds the inode; the inode holds the mark until remove().
class InotifyMark : public RefCounted {
public:
    // An event happened to the watched inode (name empty) or to the entry `name` of the watched directory. `mask`: one IN_* event, with
    // IN_ISDIR if the subject is a directory. Called without locks beyond a directory's; the mark filters by what it asked for.
    virtual void on_event(u32 mask, u32 cookie, std::string_view name) = 0;
    // The inode is gone (after IN_DELETE_SELF) or its file system was unmounted: IN_IGNORED; the mark is no longer listed.
    virtual void on_gone() = 0;
    // True if a process with `files` set the mark through the open file f, which it ends with (dnotify).
    virtual bool belongs_to(const OpenFile&, const FdTable&) const { return false; }
};

class InotifyMarks {
public:
    void add(Ref<InotifyMark> m);
    // False if it was not there.
    bool remove(const InotifyMark& m);
    // The mark that belongs to both, or null.
    Ref<InotifyMark> find(const OpenFile& f, const FdTable& files) const;
    // A descriptor of f was closed in `files`: removes what belongs to both.
    void end_of(const OpenFile& f, const FdTable& files);
    std::vector<Ref<InotifyMark>> snapshot() const;
    std::vector<Ref<InotifyMark>> take_all();
    void notify(u32 mask, u32 cookie, std::string_view name) const;

private:
    friend struct state::Access;
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(marks_);
    }
    mutable Mutex<Rank::Leaf> mu_;
    std::vector<Ref<InotifyMark>> marks_ SBX_GUARDED_BY(mu_);
};

// True if any inode has marks at all: hot paths test this first.
extern std::atomic<u32> inotify_mark_count;
inline bool inotify_active() { return inotify_mark_count.load(std::memory_order_relaxed) != 0; }

// An event on a file: to its own marks, and to its parent directory's with its name (fsnotify()).
void notify_file(const Dentry& d, u32 mask);
// An event on an inode itself only.
void notify_inode(Inode& inode, u32 mask);
// An event on the entry `name` of a directory: create, delete, move.
void notify_entry(Inode& dir, u32 mask, std::string_view name, u32 cookie = 0);
// Both halves of a rename, under one cookie.
void notify_rename(Inode& old_dir, std::string_view old_name, Inode& new_dir, std::string_view new_name, Inode& what);
// IN_DELETE_SELF and the end of all marks.
void inode_deleted(Inode& inode);

}  // namespace sbx::vfs
