// Open directories of hostfs: getdents64 of the host, positions being the host's own.
#include <string.h>
#include <unistd.h>

#include "fs/hostfs/host_open.h"
#include "src/base/archive.h"

namespace sbx::hostfs {
namespace {

// struct linux_dirent64: fixed part.
struct RawEntry {
    u64 ino;
    i64 next;
    u16 length;
    u8 type;
};
constexpr size_t kNameAt = 19;
constexpr size_t kBuffer = 32768;

class HostDirectory final : public vfs::OpenFile {
public:
    HostDirectory(vfs::Path path, int flags, HostInode& inode, UniqueFd fd, u64 dev)
        : OpenFile(std::move(path), flags), node_(inode), fd_(std::move(fd)), dev_(dev) {
        FdBudget::get().hold(1);
    }
    ~HostDirectory() override { FdBudget::get().hold(-1); }

    bool seekable() const override { return true; }
    bool epoll_allowed() const override { return false; }

    Result<i64> seek(i64 current, i64 offset, int whence, const vfs::Caller&) override {
        switch (whence) {
        case SEEK_CUR: offset = current + offset; [[fallthrough]];
        case SEEK_SET: return offset < 0 ? Result<i64>(err(EINVAL)) : offset;
        default: {
            // SEEK_END means something to some host file systems; the buffer is filled afresh at the next read.
            Lock l(mu_);
            at_ = -1;
            return static_cast<i64>(SBX_TRY(hostfs::seek(fd_.get(), offset, whence)));
        }
        }
    }

    Result<> read_dir(vfs::DirSink& sink, i64* pos, const vfs::Caller&) override {
        Lock l(mu_);
        for (;;) {
            // pos 0 is read afresh (rewinddir): new entries must show.
            if (*pos != at_ || *pos == 0 || used_ == buffer_.size()) {
                if (*pos != at_ || *pos == 0) SBX_TRY(hostfs::seek(fd_.get(), *pos, SEEK_SET));
                buffer_.resize(kBuffer);
                used_ = 0;
                auto n = read_entries(fd_.get(), buffer_.data(), buffer_.size());
                buffer_.resize(n ? *n : 0);
                at_ = *pos;
                if (!n) return err(n.error());
                if (*n == 0) return {};
            }
            while (used_ < buffer_.size()) {
                RawEntry e;
                memcpy(&e, buffer_.data() + used_, kNameAt);
                const char* name = buffer_.data() + used_ + kNameAt;
                u64 ino = node_->host_fs().ino_of(dev_, e.ino);
                std::string_view text(name, strnlen(name, e.length - kNameAt));
                if (!node_->hides(text) && !sink.entry(text, ino, e.type, e.next)) return {};
                used_ += e.length;
                *pos = at_ = e.next;
            }
        }
    }

    Result<> sync(bool, Range) override {
        if (node_->host_fs().refuses_writes()) return {};
        if (fsync(fd_.get()) != 0 && errno != EINVAL) return err(errno);
        return {};
    }

private:
    friend struct state::Access;
    // Opened by state_loaded(), once the inode's place is known; the buffer is filled afresh.
    HostDirectory(HostInode& inode, u64 dev) : HostDirectory({}, 0, inode, UniqueFd(), dev) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(*node_), dev_);
    }
    void state_loaded(state::Loader& ar) {
        auto pin = node_->pin();
        auto fd = pin ? open_dir(pin->fd()) : Result<UniqueFd>(err(pin.error()));
        if (fd)
            fd_ = std::move(*fd);
        else
            ar.fail("an open host directory is not there any more");
    }
    Ref<HostInode> node_;
    UniqueFd fd_;
    u64 dev_;
    // Taken inside the position lock and an overlay's directory locks; sinks and the table of inodes lock inside.
    Mutex<Rank::InodeData> mu_;
    std::vector<char> buffer_ SBX_GUARDED_BY(mu_);  // no state: filled again
    size_t used_ SBX_GUARDED_BY(mu_) = 0;           // no state: of the buffer; bytes of the buffer that were given out
    i64 at_ SBX_GUARDED_BY(mu_) = -1;  // no state: of the buffer; position of what comes next in the buffer
};

SBX_SAVABLE(HostDirectory);

}  // namespace

Result<Ref<vfs::OpenFile>> open_host_directory(const vfs::OpenArgs& a, HostInode& inode) {
    if ((a.flags & O_ACCMODE) != O_RDONLY) return err(EISDIR);
    HostInode::Pin p = SBX_TRY(inode.pin());
    UniqueFd fd = SBX_TRY(open_dir(p.fd()));
    return Ref<vfs::OpenFile>(make_ref<HostDirectory>(a.path, a.flags, inode, std::move(fd), inode.id().dev));
}

}  // namespace sbx::hostfs
