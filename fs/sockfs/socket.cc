// What sockets of all families share: their inodes (sockfs is mounted nowhere), files in flight, read and write.
#include "fs/sockfs/socket.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include <algorithm>

#include "fs/sockfs/unix_gc.h"
#include "fs/vfs/dentry.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/mount.h"
#include "src/base/archive.h"
#include "src/kernel/task.h"
#include "src/kernel/thread_group.h"
#include "src/kernel/user_counts.h"

namespace sbx::sockfs {
namespace {

class SocketInode final : public vfs::Inode {
public:
    SocketInode(vfs::FileSystem& fs, u64 ino, const Creds& c)
        : Inode(fs, ino, S_IFSOCK), uid_(c.fsuid), gid_(c.fsgid), created_(vfs::now()) {}
    Result<vfs::Attr> attr() override {
        Lock l(mu_);
        vfs::Attr a;
        a.mode = S_IFSOCK | mode_;
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
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs&) override { return err(ENXIO); }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(fs()), ino());
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        Inode::state(ar);
        ar.raw(created_);
        ar(mode_, uid_, gid_);
    }
    SocketInode(vfs::FileSystem& fs, u64 ino) : SocketInode(fs, ino, Creds()) {}
    Mutex<Rank::Leaf> mu_;
    u32 mode_ = 0777;
    Kuid uid_;
    Kgid gid_;
    timespec created_;
};

class SockFs final : public vfs::FileSystem {
public:
    std::string_view type_name() const override { return "sockfs"; }
    Ref<vfs::Inode> root() override { return make_ref<SocketInode>(*this, next_ino(), Creds()); }
    Result<vfs::StatFs> statfs() override {
        vfs::StatFs s;
        s.type = 0x534f434b;  // SOCKFS_MAGIC
        return s;
    }
    u64 next_ino() { return ino_.fetch_add(1) + 1; }
    // There is one, in every process.
    static SockFs* state_make(state::Loader&);
    template <class A>
    void state(A& ar) {
        FileSystem::state(ar);
        ar(ino_);
    }

private:
    std::atomic<u64> ino_{0};
};

SockFs& sock_fs();
SBX_SAVABLE(SocketInode);
SBX_SAVABLE(SockFs);

SockFs& sock_fs() {
    static SockFs& fs = *make_ref<SockFs>().release();  // no state: there is one in every process
    return fs;
}

SockFs* SockFs::state_make(state::Loader&) { return Ref<SockFs>(sock_fs()).release(); }

vfs::Path socket_path(const vfs::Caller& c) {
    SockFs& fs = sock_fs();
    static const Ref<vfs::Mount>& mount = *new Ref<vfs::Mount>(
        vfs::Mount::create(Ref<vfs::FileSystem>(fs), vfs::Dentry::create_root(fs.root(), "socket:"), 0, "none"));
    Ref<vfs::Inode> inode = make_ref<SocketInode>(fs, fs.next_ino(), *c.creds);
    std::string name = "socket:[" + std::to_string(inode->ino()) + "]";
    return {mount, vfs::Dentry::create_root(std::move(inode), std::move(name))};
}

// Besides the limit of each user, which the privileged do not have, a bound for the sandbox as a whole.
constexpr size_t kMaxInFlight = 16384;
constexpr size_t kManyInFlight = 2024;  // UNIX_INFLIGHT_SANE_USER: senders help to collect from there on
std::atomic<size_t> in_flight{0};       // no state: each message counts its files

}  // namespace

template <class A>
void FilesInFlight::state(A& ar) {
    ar(files_, user_);
    if constexpr (A::kLoading) {
        if (std::find(files_.begin(), files_.end(), nullptr) != files_.end()) {
            files_.clear();
            return ar.fail("a message brings a file that is not there");
        }
        in_flight.fetch_add(files_.size());
        unix_in_flight(files_, 1);
    }
}
SBX_STATE_HERE(FilesInFlight);

FilesInFlight::~FilesInFlight() {
    if (files_.empty()) return;
    in_flight.fetch_sub(files_.size());
    user_counts().remove(UserCounts::kFilesInFlight, user_, files_.size());
    unix_in_flight(files_, -1);
    // The outermost one drops what those inside it leave: a chain of sockets in sockets must not become a deep recursion.
    static thread_local std::vector<Ref<vfs::OpenFile>>* dropping = nullptr;
    if (dropping) {
        for (Ref<vfs::OpenFile>& f : files_) dropping->push_back(std::move(f));
        return;
    }
    std::vector<Ref<vfs::OpenFile>> left = std::move(files_);
    dropping = &left;
    while (!left.empty()) {
        Ref<vfs::OpenFile> f = std::move(left.back());
        left.pop_back();
        f.reset();
    }
    dropping = nullptr;
}

Result<FilesInFlight> FilesInFlight::create(std::vector<Ref<vfs::OpenFile>> files, Task& sender) {
    const Creds& c = *sender.creds();
    u64 limit = sender.rlimit(RLIMIT_NOFILE);
    if (c.capable(CAP_SYS_RESOURCE) || c.capable(CAP_SYS_ADMIN)) limit = ~0ull;
    auto count = [&] {
        if (in_flight.fetch_add(files.size()) + files.size() <= kMaxInFlight) {
            // One more than the limit is the first that is too many.
            if (user_counts().add(UserCounts::kFilesInFlight, c.uid, std::max(limit, limit + 1), files.size()))
                return true;
        }
        in_flight.fetch_sub(files.size());
        return false;
    };
    if (in_flight.load(std::memory_order_relaxed) > kManyInFlight) collect_unix_sockets(false);
    if (!count()) {
        collect_unix_sockets(true);
        if (!count()) return err(ETOOMANYREFS);
    }
    FilesInFlight f;
    f.files_ = std::move(files);
    f.user_ = c.uid;
    unix_in_flight(f.files_, 1);
    return f;
}

FilesInFlight FilesInFlight::copy() const {
    FilesInFlight f;
    f.files_ = files_;
    f.user_ = user_;
    in_flight.fetch_add(files_.size());
    user_counts().add(UserCounts::kFilesInFlight, user_, ~0ull, files_.size());
    unix_in_flight(f.files_, 1);
    return f;
}

SocketFile::SocketFile(int domain, int type, int protocol, int flags, const vfs::Caller& c)
    : OpenFile(socket_path(c), O_RDWR | (flags & O_NONBLOCK)), domain_(domain), type_(type), protocol_(protocol) {}

Result<size_t> SocketFile::read(mm::IoBuf& dst, i64*, u32, const vfs::Caller& c) {
    if (dst.remaining() == 0) return 0;  // net/socket.c, sock_read_iter()
    RecvArgs a;
    if (nonblocking()) a.flags = MSG_DONTWAIT;
    return receive(dst, a, c);
}

Result<size_t> SocketFile::write(mm::IoBuf& src, i64*, u32, const vfs::Caller& c) {
    SendArgs a;
    a.creds = own_creds(c, false);
    return send(src, a, c);
}

PeerCreds own_creds(const vfs::Caller& c, bool effective) {
    return effective ? PeerCreds{c.task->group().pid, c.creds->euid, c.creds->egid, CredsRef(c.creds)}
                     : PeerCreds{c.task->group().pid, c.creds->uid, c.creds->gid, {}};
}

}  // namespace sbx::sockfs
