// fcntl: descriptor flags, status flags, locks, owners, seals, pipe sizes.
#include <fcntl.h>
#include <linux/capability.h>
#include <limits.h>

#include "fs/pipefs/pipe.h"
#include "fs/tmpfs/tmpfs.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/locks.h"
#include "src/kernel/dnotify.h"
#include "src/kernel/fasync.h"
#include "src/kernel/kernel.h"
#include "syscalls/families.h"
#include "syscalls/lock.h"

namespace sbx {
namespace {

// Where the C libraries differ or are silent (include/uapi/linux/fcntl.h).
constexpr int kDupfdQuery = 1027;
constexpr int kGetOwnerUids = 17;
constexpr int kOfdGetlk = 36, kOfdSetlk = 37, kOfdSetlkw = 38;
constexpr int kGetRwHint = 1035, kSetRwHint = 1036, kGetFileRwHint = 1037, kSetFileRwHint = 1038;
struct OwnerEx {
    int type;  // F_OWNER_*
    int pid;
};

Ref<Pid> find_pid(Task& t, int nr) {
    SharedLock l(t.kernel().tasks().mu);
    return Ref<Pid>(t.pid_ns().find(nr));
}

// F_SETOWN: a process, or -pgrp, or 0 for nobody.
Result<long> set_owner(Task& t, vfs::OpenFile& f, int who) {
    if (who == INT_MIN) return err(EINVAL);
    FileOwner::Type type = who < 0 ? FileOwner::Type::Pgrp : FileOwner::Type::Pid;
    Ref<Pid> pid;
    if (who != 0) {
        pid = find_pid(t, who < 0 ? -who : who);
        if (!pid) return err(ESRCH);
    }
    set_file_owner(t, f, type, std::move(pid));
    return 0;
}

int owner_number(Task& t, const FileOwner& o) { return o.pid ? o.pid->nr_in(t.pid_ns()) : 0; }

Result<long> get_owner(Task& t, vfs::OpenFile& f) {
    FileOwner o = file_owner(f);
    int nr = owner_number(t, o);
    return o.type == FileOwner::Type::Pgrp ? -nr : nr;
}

Result<long> set_owner_ex(Task& t, vfs::OpenFile& f, u64 arg) {
    OwnerEx e = SBX_TRY(t.copy_in(UserPtr<OwnerEx>{arg}));
    if (e.type < 0 || e.type > 2) return err(EINVAL);
    Ref<Pid> pid;
    if (e.pid != 0) {
        pid = e.pid > 0 ? find_pid(t, e.pid) : nullptr;
        if (!pid) return err(ESRCH);
    }
    set_file_owner(t, f, static_cast<FileOwner::Type>(e.type), std::move(pid));
    return 0;
}

Result<long> get_owner_ex(Task& t, vfs::OpenFile& f, u64 arg) {
    FileOwner o = file_owner(f);
    SBX_TRY(t.copy_out(UserPtr<OwnerEx>{arg}, OwnerEx{static_cast<int>(o.type), owner_number(t, o)}));
    return 0;
}

Result<long> get_owner_uids(Task& t, vfs::OpenFile& f, u64 arg) {
    FileOwner o = file_owner(f);
    const UserNamespace& ns = *t.creds()->user_ns;
    u32 ids[2] = {0, 0};
    if (o.creds) {
        ids[0] = ns.from_kuid_munged(o.creds->uid);
        ids[1] = ns.from_kuid_munged(o.creds->euid);
    }
    SBX_TRY(t.mm().copy_out(arg, ids, sizeof ids));
    return 0;
}

Result<long> seals(vfs::OpenFile& f, int cmd, u64 arg) {
    if (cmd == F_ADD_SEALS && !f.writable()) return err(EPERM);
    tmpfs::FileData* d = tmpfs::sealable(f);
    if (!d) return err(EINVAL);
    if (cmd == F_GET_SEALS) return static_cast<long>(d->seals());
    SBX_TRY(d->add_seals(static_cast<u32>(arg), SBX_TRY(f.inode().attr()).mode & 0111));
    return 0;
}

Result<long> pipe_size(Task& t, vfs::OpenFile& f, int cmd, u64 arg) {
    if (f.kind() != &pipefs::PipeFile::kKind) return err(EBADF);
    pipefs::Pipe& p = static_cast<pipefs::PipeFile&>(f).pipe();
    if (cmd == F_GETPIPE_SZ) return static_cast<long>(p.capacity());
    return static_cast<long>(SBX_TRY(p.set_capacity(static_cast<u32>(arg), *t.creds())));
}

Result<long> rw_hint(Task& t, vfs::OpenFile& f, int cmd, u64 arg) {
    if (cmd == kGetRwHint || cmd == kGetFileRwHint) {
        SBX_TRY(t.copy_out(UserPtr<u64>{arg}, f.rw_hint.load()));
        return 0;
    }
    u64 hint = SBX_TRY(t.copy_in(UserPtr<u64>{arg}));
    if (hint > 5) return err(EINVAL);
    f.rw_hint.store(hint);
    return 0;
}

Result<long> get_lease(vfs::OpenFile& f) {
    vfs::FileLocks* locks = f.inode().real().existing_locks();
    std::optional<vfs::LockType> type = locks ? locks->leases.get(f) : std::nullopt;
    if (!type) return F_UNLCK;
    return *type == vfs::LockType::Read ? F_RDLCK : F_WRLCK;
}

// fcntl_setlease()
Result<long> set_lease(Task& t, vfs::OpenFile& f, int fd, int type) {
    vfs::Leases& leases = f.inode().real().locks().leases;
    if (type == F_UNLCK) {
        SBX_TRY(leases.clear(f));
        return 0;
    }
    vfs::Attr a = SBX_TRY(f.inode().attr());
    if (a.uid != t.creds()->fsuid && !t.creds()->capable(CAP_LEASE)) return err(EACCES);
    if (!f.inode().is_regular() || (type != F_RDLCK && type != F_WRLCK)) return err(EINVAL);
    SBX_TRY(leases.set(f, type == F_RDLCK ? vfs::LockType::Read : vfs::LockType::Write, fd, claim_file(t, f)));
    return 0;
}

Result<long> duplicate(Task& t, const Ref<vfs::OpenFile>& f, u64 min, bool cloexec) {
    if (min >= t.rlimit(RLIMIT_NOFILE)) return err(EINVAL);
    return SBX_TRY(t.files().add(f, cloexec, t.rlimit(RLIMIT_NOFILE), static_cast<int>(min)));
}

Result<long> same_file(Task& t, const vfs::OpenFile& f, u64 other) {
    Ref<vfs::OpenFile> g = SBX_TRY(t.files().get(static_cast<int>(other)));
    return g.get() == &f;
}

Result<long> on_open_file(Task& t, int fd, const Ref<vfs::OpenFile>& f, int cmd, u64 arg) {
    switch (cmd) {
    case F_SETFL: SBX_TRY(set_file_flags(t, *f, fd, static_cast<int>(arg))); return 0;
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case kOfdGetlk:
    case kOfdSetlk:
    case kOfdSetlkw: return fcntl_lock(t, fd, *f, cmd, arg);
    case F_SETOWN: return set_owner(t, *f, static_cast<int>(arg));
    case F_GETOWN: return get_owner(t, *f);
    case F_SETOWN_EX: return set_owner_ex(t, *f, arg);
    case F_GETOWN_EX: return get_owner_ex(t, *f, arg);
    case kGetOwnerUids: return get_owner_uids(t, *f, arg);
    case F_SETSIG:
        if (arg > kSignalCount) return err(EINVAL);
        set_file_signal(t, *f, static_cast<int>(arg));
        return 0;
    case F_GETSIG: return file_owner(*f).signal;
    case F_SETLEASE: return set_lease(t, *f, fd, static_cast<int>(arg));
    case F_GETLEASE: return get_lease(*f);
    case F_SETPIPE_SZ:
    case F_GETPIPE_SZ: return pipe_size(t, *f, cmd, arg);
    case F_ADD_SEALS:
    case F_GET_SEALS: return seals(*f, cmd, arg);
    case kGetRwHint:
    case kSetRwHint:
    case kGetFileRwHint:
    case kSetFileRwHint: return rw_hint(t, *f, cmd, arg);
    case F_NOTIFY: SBX_TRY(watch_directory(t, *f, fd, static_cast<u32>(arg))); return 0;
    default: return err(EINVAL);
    }
}

Result<long> sys_fcntl(Task& t, int fd, int cmd, u64 arg) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    // What works on O_PATH descriptors as well (check_fcntl_cmd()).
    switch (cmd) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC: return duplicate(t, f, arg, cmd == F_DUPFD_CLOEXEC);
    case F_GETFD: return SBX_TRY(t.files().cloexec(fd)) ? FD_CLOEXEC : 0;
    case F_SETFD: SBX_TRY(t.files().set_cloexec(fd, arg & FD_CLOEXEC)); return 0;
    case F_GETFL: return f->flags();
    case kDupfdQuery: return same_file(t, *f, arg);
    default: break;
    }
    if (f->is_path_only()) return err(EBADF);
    return on_open_file(t, fd, f, cmd, arg);
}

constexpr SyscallRow kRows[] = {
    {72, "fcntl", syscall<sys_fcntl>, "fd d x", Support::Partial, "no leases (EAGAIN)"},
};

}  // namespace

const SyscallFamily kFcntlSyscalls(kRows);

}  // namespace sbx
