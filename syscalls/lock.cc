// File locks: flock, and the lock commands of fcntl.
#include "syscalls/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "fs/vfs/file_system.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/locks.h"
#include "src/kernel/kernel.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

constexpr u64 kEnd = ~0ull;
constexpr int kOfdGet = 36, kOfdSet = 37, kOfdSetWait = 38;

// flock_to_posix_lock()
Result<> set_range(vfs::OpenFile& f, const struct flock& l, vfs::FileLock& out) {
    i64 base = 0;
    switch (l.l_whence) {
    case SEEK_SET: break;
    case SEEK_CUR: {
        Lock lock(f.pos_mu());
        base = f.pos();
        break;
    }
    // Of any kind of file, also of one without a position.
    case SEEK_END: base = static_cast<i64>(SBX_TRY(f.inode().attr()).size); break;
    default: return err(EINVAL);
    }
    i64 start = 0;
    if (__builtin_add_overflow(base, l.l_start, &start)) return err(EOVERFLOW);
    if (start < 0) return err(EINVAL);
    i64 end = INT64_MAX;
    if (l.l_len > 0) {
        if (__builtin_add_overflow(start, l.l_len - 1, &end)) return err(EOVERFLOW);
    } else if (l.l_len < 0) {
        if (start + l.l_len < 0) return err(EINVAL);
        end = start - 1;
        start += l.l_len;
    }
    out.start = static_cast<u64>(start);
    out.end = end == INT64_MAX ? kEnd : static_cast<u64>(end);
    return {};
}

void name_file(vfs::FileLock& l, const vfs::OpenFile& f) {
    l.dev = f.inode().fs().dev();
    l.ino = f.inode().ino();
}

// The number of a lock's owner as this task's PID namespace knows it; 0 if it does not.
int pid_for(Task& t, int root_pid) {
    if (root_pid <= 0) return root_pid;
    SharedLock l(t.kernel().tasks().mu);
    Pid* p = t.kernel().tasks().root_ns->find(root_pid);
    return p ? p->nr_in(t.pid_ns()) : 0;
}

Result<long> get_lock(Task& t, vfs::OpenFile& f, UserPtr<struct flock> arg, struct flock l, vfs::FileLock wanted) {
    vfs::FileLock found;
    bool own = l.l_type == F_UNLCK && wanted.pid == -1;  // F_OFD_GETLK: does this open file hold a lock there?
    if (l.l_type != F_RDLCK && l.l_type != F_WRLCK && !own) return err(EINVAL);
    const vfs::FileLocks& locks = f.inode().real().locks();
    if (!(own ? locks.own_record(wanted, &found) : locks.test_record(wanted, &found))) {
        l.l_type = F_UNLCK;
    } else {
        l.l_type = found.type == vfs::LockType::Write ? F_WRLCK : F_RDLCK;
        l.l_whence = SEEK_SET;
        l.l_start = static_cast<i64>(found.start);
        l.l_len = found.end == kEnd ? 0 : static_cast<i64>(found.end - found.start + 1);
        l.l_pid = pid_for(t, found.pid);
    }
    SBX_TRY(t.copy_out(arg, l));
    return 0;
}

// Tries until op() gives anything but EAGAIN, waiting for locks to be given up. before(): what is to be done at each wait.
template <class Op, class Before>
Result<> wait_for_lock(Task& t, vfs::FileLocks& locks, Op&& op, Before&& before) {
    TaskWaiter w(t, kEventInternal);
    locks.queue().add(w);
    Result<> r;
    for (;;) {
        r = op();
        if (r || !(r.error() == EAGAIN)) break;
        if (Result<> b = before(); !b) {
            r = b;
            break;
        }
        if (t.block() == BlockResult::Interrupted) {
            r = err(ERESTARTSYS);
            break;
        }
    }
    locks.queue().remove(w);
    return r;
}

Result<> set_waiting(Task& t, vfs::FileLocks& locks, const vfs::FileLock& wanted, bool ofd) {
    vfs::FileLock blocker;
    Result<> r = wait_for_lock(
        t, locks, [&] { return locks.set_record(wanted, &blocker); },
        // Open file descriptions do not wait as processes do: no deadlock is looked for among them.
        [&]() -> Result<> {
            return ofd || blocker.pid == -1 ? Result<>{} : vfs::LockWaits::begin(wanted.owner, blocker.owner);
        });
    if (!ofd) vfs::LockWaits::end(wanted.owner);
    return r;
}

}  // namespace

Result<long> fcntl_lock(Task& t, int fd, vfs::OpenFile& f, int cmd, u64 arg_addr) {
    UserPtr<struct flock> arg{arg_addr};
    struct flock l = SBX_TRY(t.copy_in(arg));
    bool ofd = cmd >= kOfdGet, get = cmd == F_GETLK || cmd == kOfdGet;
    if (get && ofd && l.l_pid != 0) return err(EINVAL);
    if (l.l_type != F_RDLCK && l.l_type != F_WRLCK && l.l_type != F_UNLCK) return err(EINVAL);
    vfs::FileLock wanted;
    wanted.owner = ofd ? static_cast<const void*>(&f) : static_cast<const void*>(&t.files());
    wanted.pid = ofd ? -1 : t.group().pid->nr_in_root();
    wanted.type = l.l_type == F_WRLCK ? vfs::LockType::Write : vfs::LockType::Read;
    name_file(wanted, f);
    SBX_TRY(set_range(f, l, wanted));
    if (get) return get_lock(t, f, arg, l, wanted);
    vfs::FileLocks& locks = f.inode().real().locks();
    if ((l.l_type == F_RDLCK && !f.readable()) || (l.l_type == F_WRLCK && !f.writable())) return err(EBADF);
    if (ofd && l.l_pid != 0) return err(EINVAL);
    if (l.l_type == F_UNLCK) {
        locks.clear_record(wanted.owner, wanted.start, wanted.end);
        return 0;
    }
    bool wait = cmd == F_SETLKW || cmd == kOfdSetWait;
    SBX_TRY(wait ? set_waiting(t, locks, wanted, ofd) : locks.set_record(wanted));
    // Another thread may have closed the descriptor meanwhile: then nobody would ever drop the lock (fcntl_setlk()).
    Result<Ref<vfs::OpenFile>> still = t.files().get(fd);
    if (!ofd && (!still || still->get() != &f)) {
        locks.clear_record(wanted.owner, wanted.start, wanted.end);
        return err(EBADF);
    }
    return 0;
}

namespace {

Result<long> sys_flock(Task& t, int fd, u32 operation) {
    u32 op = operation & ~static_cast<u32>(LOCK_NB);
    if (op != LOCK_SH && op != LOCK_EX && op != LOCK_UN) return err(EINVAL);
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->is_path_only()) return err(EBADF);
    vfs::FileLocks& locks = f->inode().real().locks();
    if (op == LOCK_UN) {
        locks.clear_flock(f.get());
        return 0;
    }
    if (!f->readable() && !f->writable()) return err(EBADF);
    vfs::FileLock wanted;
    wanted.type = op == LOCK_EX ? vfs::LockType::Write : vfs::LockType::Read;
    wanted.owner = f.get();
    wanted.pid = t.group().pid->nr_in_root();
    name_file(wanted, *f);
    auto take = [&] { return locks.set_flock(wanted); };
    SBX_TRY(operation & LOCK_NB ? take() : wait_for_lock(t, locks, take, []() -> Result<> { return {}; }));
    return 0;
}

constexpr SyscallRow kRows[] = {
    {73, "flock", syscall<sys_flock>, "fd x", Support::Full, ""},
};

}  // namespace

const SyscallFamily kLockSyscalls(kRows);

}  // namespace sbx
