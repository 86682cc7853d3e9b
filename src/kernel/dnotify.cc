// Watches of directories for dnotify: marks of the directory's inode that send the signals of the open file.
#include "src/kernel/dnotify.h"

#include <fcntl.h>
#include <signal.h>

#include "fs/vfs/inotify_marks.h"
#include "src/base/archive.h"
#include "src/kernel/fasync.h"

namespace sbx {
namespace {

struct Conversion {
    u32 dn, events;
};
constexpr Conversion kConversions[] = {
    {DN_ACCESS, IN_ACCESS},
    {DN_MODIFY, IN_MODIFY},
    {DN_CREATE, IN_CREATE | IN_MOVED_TO},
    {DN_DELETE, IN_DELETE | IN_MOVED_FROM},
    {DN_RENAME, vfs::kRenameWithin},
    {DN_ATTRIB, IN_ATTRIB},
};

// What one process (one descriptor table) asked for through one open file.
class DirWatch final : public vfs::InotifyMark {
public:
    DirWatch(Ref<vfs::FileSignals> signals, vfs::OpenFile& f, vfs::FdTable& files, vfs::InotifyMarks* marks = nullptr)
        : signals_(std::move(signals)), file_(f), files_(files), marks_(marks) {}

    void on_event(u32 mask, u32, std::string_view name) override {
        // Of what happens to the inode itself, only a directory's matters (dnotify_handle_event).
        if (name.empty() && !(mask & IN_ISDIR)) return;
        if (!(mask & events_.load())) return;
        if (!many_.load() && !marks_->remove(*this)) return;
        signals_->tell(fd_.load(), POLL_MSG);
    }
    void on_gone() override {}
    bool belongs_to(const vfs::OpenFile& f, const vfs::FdTable& files) const override {
        return &f == &file_ && &files == &files_;
    }
    void want(int fd, u32 events, bool many) {
        fd_.store(fd);
        events_.fetch_or(events);
        if (many) many_.store(true);
    }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(signals_, a.by_ref(file_), a.by_ref(files_));
    }
    template <class A>
    void state(A& ar) {
        ar(fd_, events_, many_);
    }
    void state_loaded(state::Loader& ar) {
        if (!signals_ || !file_.path().dentry || !file_.path().dentry->inode())
            return ar.fail("a watched directory is none");
        marks_ = &file_.inode().make_marks();
    }
    const Ref<vfs::FileSignals> signals_;
    vfs::OpenFile& file_;       // compared, not used
    vfs::FdTable& files_;       // likewise
    vfs::InotifyMarks* marks_;  // of the directory; who tells of an event is holding it
    std::atomic<int> fd_{-1};
    std::atomic<u32> events_{0};
    std::atomic<bool> many_{false};
};
SBX_SAVABLE(DirWatch);

}  // namespace

Result<> watch_directory(Task& t, vfs::OpenFile& f, int fd, u32 wanted) {
    if (vfs::InotifyMarks* marks = f.inode().marks(); (wanted & ~DN_MULTISHOT) == 0) {
        if (marks) marks->end_of(f, t.files());
        return {};
    }
    if (!f.inode().is_dir()) return err(ENOTDIR);
    u32 events = 0;
    for (const Conversion& c : kConversions)
        if (wanted & c.dn) events |= c.events;
    Ref<vfs::FileSignals> signals = claim_file(t, f);
    vfs::InotifyMarks& marks = f.inode().make_marks();
    Ref<vfs::InotifyMark> m = marks.find(f, t.files());
    bool fresh = !m;
    if (fresh) m = make_ref<DirWatch>(std::move(signals), f, t.files(), &marks);
    static_cast<DirWatch&>(*m).want(fd, events, wanted & DN_MULTISHOT);
    if (!fresh) return {};
    marks.add(std::move(m));
    // Closed meanwhile by another thread, which found no mark to end.
    Result<Ref<vfs::OpenFile>> now = t.files().get(fd);
    if (!now || now->get() != &f) marks.end_of(f, t.files());
    return {};
}

}  // namespace sbx
