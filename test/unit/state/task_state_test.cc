// Saving and loading of what hangs on tasks: links between tracers and tracees, user dispatch; and of files that names and sealing tell apart.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/prctl.h>
#include <signal.h>
#include <sys/stat.h>

#include "fs/pipefs/pipe.h"
#include "fs/vfs/handles.h"
#include "fs/vfs/walk.h"
#include "src/kernel/jobctl.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/user_dispatch.h"
#include "test/unit/state/sandbox.h"

using namespace sbx;
using namespace sbx::test;

TEST_CASE("state: a tracee that is stopped, and its tracer") {
    Sandbox a;
    Task& child = a.add_process();
    long pid = child.tid();
    REQUIRE(a.call(SYS_ptrace, 0x4206 /* PTRACE_SEIZE */, pid, 0, 0x5 /* TRACESYSGOOD, TRACEVFORK */) == 0);
    child.ptrace->message = 77;
    child.ptrace->code = SIGTRAP;
    child.stop = Task::Stop::Traced;
    Sandbox b = Sandbox::load(a.save());
    Task* tracee = b.kernel().tasks().find_task(static_cast<int>(pid), *b.kernel().tasks().root_ns);
    REQUIRE(tracee);
    CHECK(tracee->tracer == &b.task());
    CHECK(b.task().tracees.front() == tracee);
    CHECK(b.task().children.front() == tracee);
    CHECK(is_seized(*tracee));
    CHECK(tracee->stop.load() == Task::Stop::Traced);
    u64 at = b.put(u64{0});
    CHECK(b.call(SYS_ptrace, 0x4201 /* PTRACE_GETEVENTMSG */, pid, 0, at) == 0);
    CHECK(b.get<u64>(at) == 77);
    CHECK(b.call(SYS_ptrace, 17 /* PTRACE_DETACH */, pid, 0, 0) == 0);
    CHECK(!tracee->tracer);
    CHECK(tracee->stop.load() == Task::Stop::None);
    CHECK(b.task().tracees.empty());
}

TEST_CASE("state: dispatch of system calls to the program itself") {
    Sandbox a;
    REQUIRE(a.call(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0x1000, 0x100, 0) == 0);
    Sandbox b = Sandbox::load(a.save());
    Task& t = b.task();
    t.regs.orig_rax = SYS_getpid;
    t.regs.rip = 0x1080;
    CHECK(!user_dispatch_entry(t));
    t.regs.rip = 0x2000;
    CHECK(user_dispatch_entry(t));
    CHECK(t.pending.set().has(SIGSYS));
}

TEST_CASE("state: files in memory that are sealed") {
    Sandbox a;
    long fd = a.call(SYS_memfd_create, a.put("sealed"), MFD_ALLOW_SEALING);
    REQUIRE(a.write(fd, "content") == 7);
    REQUIRE(a.call(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW) == 0);
    Sandbox b = Sandbox::load(a.save());
    CHECK(b.call(SYS_fcntl, fd, F_GET_SEALS) == (F_SEAL_WRITE | F_SEAL_GROW));
    CHECK(b.write(fd, "x") == -EPERM);
    CHECK(b.call(SYS_ftruncate, fd, 100) == -EPERM);
    CHECK(b.call(SYS_ftruncate, fd, 4) == 0);
    CHECK(b.call(SYS_lseek, fd, 0, SEEK_SET) == 0);
    CHECK(b.read(fd) == "cont");
    // A new one is another file of the same file system.
    long other = b.call(SYS_memfd_create, b.put("other"), 0);
    CHECK(b.file(other).inode().fs().dev() == b.file(fd).inode().fs().dev());
    CHECK(b.file(other).inode().ino() != b.file(fd).inode().ino());
}

TEST_CASE("state: a FIFO with content is the same for who opens it later") {
    pipefs::register_fifos();
    Sandbox a;
    REQUIRE(a.call(SYS_mknod, a.put("/fifo"), S_IFIFO | 0600, 0) == 0);
    long both = a.call(SYS_open, a.put("/fifo"), O_RDWR | O_NONBLOCK);
    REQUIRE(both >= 0);
    REQUIRE(a.write(both, "waiting") == 7);
    Sandbox b = Sandbox::load(a.save());
    long r = b.call(SYS_open, b.put("/fifo"), O_RDONLY | O_NONBLOCK);
    CHECK(b.read(r) == "waiting");
    CHECK(b.read(r) == "!EAGAIN");
    CHECK(b.call(SYS_close, both) == 0);
    CHECK(b.read(r) == "");
}

TEST_CASE("state: handles of files") {
    Sandbox a;
    REQUIRE(a.call(SYS_mkdir, a.put("/d"), 0755) == 0);
    long fd = a.call(SYS_open, a.put("/d/f"), O_CREAT | O_RDWR, 0600);
    REQUIRE(a.write(fd, "found") == 5);
    REQUIRE(a.call(SYS_close, fd) == 0);
    struct {
        u32 bytes = 64;
        int type = 0;
        char handle[64] = {};
    } room;
    u64 handle = a.put(room), mount = a.put(0);
    REQUIRE(a.call(SYS_name_to_handle_at, AT_FDCWD, a.put("/d/f"), handle, mount, 0) == 0);
    Sandbox b = Sandbox::load(a.save());
    // open_by_handle_at(2) asks for a capability in the kernel's first user namespace, which this root of the archive does not bring.
    const vfs::FileSystem& fs = b.task().fs().root().mount->fs();
    vfs::FileHandle h = b.get<vfs::FileHandle>(handle + 8);
    Result<Ref<vfs::Dentry>> found = vfs::find_handle(fs, h);
    REQUIRE(found);
    CHECK((*found)->name() == "f");
    CHECK((*found)->inode() == vfs::walk(b.caller(), {}, "/d/f")->dentry->inode());
    REQUIRE(b.call(SYS_unlink, b.put("/d/f")) == 0);
    CHECK(code(vfs::find_handle(fs, h)) == ESTALE);
}
