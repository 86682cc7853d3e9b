// pipefs: the file system that pipes' inodes live in (it is mounted nowhere), and the opening of FIFOs.
#include <fcntl.h>

#include "fs/pipefs/pipe.h"
#include "fs/vfs/dentry.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/mount.h"
#include "src/base/archive.h"

namespace sbx::pipefs {
namespace {

class PipeInode final : public vfs::Inode {
public:
    PipeInode(vfs::FileSystem& fs, u64 ino, Kuid uid, Kgid gid)
        : Inode(fs, ino, S_IFIFO), uid_(uid), gid_(gid), created_(vfs::now()) {}
    Result<vfs::Attr> attr() override {
        Lock l(mu_);
        vfs::Attr a;
        a.mode = S_IFIFO | mode_;
        a.uid = uid_;
        a.gid = gid_;
        a.ino = ino();
        a.atime = a.mtime = a.ctime = created_;
        return a;
    }
    Result<> set_attr(const vfs::SetAttr& s, const vfs::Caller&) override {
        Lock l(mu_);
        if (s.valid & vfs::SetAttr::kMode) mode_ = s.mode;
        if (s.valid & vfs::SetAttr::kUid) uid_ = s.uid;
        if (s.valid & vfs::SetAttr::kGid) gid_ = s.gid;
        return {};
    }
    // Through /proc/PID/fd a pipe is opened again like a FIFO.
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs& a) override { return vfs::open_fifo(a, *this); }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(fs()), ino(), uid_, gid_);
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        Inode::state(ar);
        ar.raw(created_);
        ar(mode_, uid_, gid_);
    }
    Mutex<Rank::Leaf> mu_;
    u32 mode_ = 0600;
    Kuid uid_;
    Kgid gid_;
    timespec created_;
};

class PipeFs final : public vfs::FileSystem {
public:
    std::string_view type_name() const override { return "pipefs"; }
    Ref<vfs::Inode> root() override { return make_ref<PipeInode>(*this, next_ino(), 0, 0); }
    Result<vfs::StatFs> statfs() override {
        vfs::StatFs s;
        s.type = 0x50495045;  // PIPEFS_MAGIC
        return s;
    }
    u64 next_ino() { return ino_.fetch_add(1) + 1; }
    // There is one, in every process.
    static PipeFs* state_make(state::Loader&);
    template <class A>
    void state(A& ar) {
        FileSystem::state(ar);
        ar(ino_);
    }

private:
    std::atomic<u64> ino_{0};
};

PipeFs& pipe_fs();
SBX_SAVABLE(PipeInode);
SBX_SAVABLE(PipeFs);

PipeFs& pipe_fs() {
    static PipeFs& fs = *make_ref<PipeFs>().release();  // no state: there is one in every process
    return fs;
}

PipeFs* PipeFs::state_make(state::Loader&) { return Ref<PipeFs>(pipe_fs()).release(); }

vfs::Path pipe_path(Ref<vfs::Inode> inode) {
    static const Ref<vfs::Mount>& mount = *new Ref<vfs::Mount>(vfs::Mount::create(
        Ref<vfs::FileSystem>(pipe_fs()), vfs::Dentry::create_root(pipe_fs().root(), "pipe:"), 0, "none"));
    std::string name = "pipe:[" + std::to_string(inode->ino()) + "]";
    return {mount, vfs::Dentry::create_root(std::move(inode), std::move(name))};
}

Mutex<Rank::Pipe> attach_mu;  // above the leaf lock inside Inode::attached

Ref<Pipe> pipe_of(vfs::Inode& inode) {
    Lock l(attach_mu);
    if (Ref<RefCounted> old = inode.attached()) return static_ref_cast<Pipe>(old);
    Ref<Pipe> p = make_ref<Pipe>();
    inode.attach(p);
    return p;
}

Result<Ref<vfs::OpenFile>> open_fifo(const vfs::OpenArgs& a, vfs::Inode& inode) {
    if ((a.flags & 3) == 3) return err(EINVAL);  // fifo_open(); O_ACCMODE of musl has O_PATH in it
    Ref<PipeFile> f = make_ref<PipeFile>(a.path, a.flags, pipe_of(inode), &inode.fs() != &pipe_fs());
    // fifo(7): opening for writing alone, without blocking, fails while there is no reader.
    if ((a.flags & O_NONBLOCK) && (a.flags & O_ACCMODE) == O_WRONLY && !f->has_readers()) return err(ENXIO);
    return Ref<vfs::OpenFile>(f);
}

}  // namespace

Ends create_pipe(int flags, const vfs::Caller& c) {
    Ref<PipeInode> inode = make_ref<PipeInode>(pipe_fs(), pipe_fs().next_ino(), c.creds->fsuid, c.creds->fsgid);
    Ref<Pipe> pipe = pipe_of(*inode);
    vfs::Path path = pipe_path(inode);
    return {make_ref<PipeFile>(path, O_RDONLY | (flags & ~O_DIRECT), pipe, false),
            make_ref<PipeFile>(path, O_WRONLY | flags, pipe, false)};
}

void register_fifos() { vfs::register_fifo_opener(&open_fifo); }

}  // namespace sbx::pipefs
