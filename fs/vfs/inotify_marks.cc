// Delivery of inotify events to the marks of inodes (fs/notify/fsnotify.c).
#include "fs/vfs/inotify_marks.h"

#include <algorithm>

#include "fs/vfs/dentry.h"
#include "fs/vfs/inode.h"
#include "src/base/archive.h"

namespace sbx::vfs {

std::atomic<u32> inotify_mark_count{0};
SBX_SAVED_COUNTER(inotify_mark_count);

namespace {
std::atomic<u32> next_cookie{0};
SBX_SAVED_COUNTER(next_cookie);
}  // namespace

void InotifyMarks::add(Ref<InotifyMark> m) {
    Lock l(mu_);
    marks_.push_back(std::move(m));
    inotify_mark_count.fetch_add(1);
}

bool InotifyMarks::remove(const InotifyMark& m) {
    Ref<InotifyMark> dropped;
    Lock l(mu_);
    auto it = std::find_if(marks_.begin(), marks_.end(), [&](const Ref<InotifyMark>& x) { return x == &m; });
    if (it == marks_.end()) return false;
    dropped = std::move(*it);
    marks_.erase(it);
    inotify_mark_count.fetch_sub(1);
    l.unlock();
    return true;
}

Ref<InotifyMark> InotifyMarks::find(const OpenFile& f, const FdTable& files) const {
    Lock l(mu_);
    for (const Ref<InotifyMark>& m : marks_)
        if (m->belongs_to(f, files)) return m;
    return nullptr;
}

void InotifyMarks::end_of(const OpenFile& f, const FdTable& files) {
    while (Ref<InotifyMark> m = find(f, files)) remove(*m);
}

std::vector<Ref<InotifyMark>> InotifyMarks::snapshot() const {
    Lock l(mu_);
    return marks_;
}

std::vector<Ref<InotifyMark>> InotifyMarks::take_all() {
    std::vector<Ref<InotifyMark>> out;
    Lock l(mu_);
    out.swap(marks_);
    inotify_mark_count.fetch_sub(static_cast<u32>(out.size()));
    return out;
}

void InotifyMarks::notify(u32 mask, u32 cookie, std::string_view name) const {
    for (const Ref<InotifyMark>& m : snapshot()) m->on_event(mask, cookie, name);
}

void notify_inode(Inode& inode, u32 mask) {
    InotifyMarks* marks = inode.marks();
    if (marks) marks->notify(mask | (inode.is_dir() ? IN_ISDIR : 0), 0, {});
}

void notify_file(const Dentry& d, u32 mask) {
    if (!inotify_active()) return;
    Inode* inode = d.inode();
    if (!inode) return;
    if (!d.unlinked())
        if (Ref<Dentry> parent = d.parent())
            if (Inode* dir = parent->inode())
                if (dir->marks()) notify_entry(*dir, mask | (inode->is_dir() ? IN_ISDIR : 0), d.name());
    notify_inode(*inode, mask);
}

void notify_entry(Inode& dir, u32 mask, std::string_view name, u32 cookie) {
    InotifyMarks* marks = dir.marks();
    if (marks) marks->notify(mask, cookie, name);
}

void notify_rename(Inode& old_dir, std::string_view old_name, Inode& new_dir, std::string_view new_name, Inode& what) {
    if (!inotify_active()) return;
    u32 cookie = next_cookie.fetch_add(1) + 1;
    u32 dir = what.is_dir() ? IN_ISDIR : 0;
    if (&old_dir == &new_dir) notify_entry(old_dir, kRenameWithin | dir, old_name);
    notify_entry(old_dir, IN_MOVED_FROM | dir, old_name, cookie);
    notify_entry(new_dir, IN_MOVED_TO | dir, new_name, cookie);
    notify_inode(what, IN_MOVE_SELF);
}

void inode_deleted(Inode& inode) {
    InotifyMarks* marks = inode.marks();
    if (!marks) return;
    Result<Attr> a = inode.attr();
    if (a && a->nlink != 0) return;
    notify_inode(inode, IN_DELETE_SELF);
    for (const Ref<InotifyMark>& m : marks->take_all()) m->on_gone();
}

}  // namespace sbx::vfs
