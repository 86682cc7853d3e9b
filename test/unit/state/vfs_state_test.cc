// Saving and loading of files: trees, open files with their positions, locks, pipes with content, and an overlay over a host directory.
#include <doctest/doctest.h>

#include "fs/overlay/overlay.h"
#include "fs/pipefs/pipe.h"
#include "fs/vfs/fd_table.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/locks.h"
#include "src/base/archive.h"
#include "test/unit/hostfs/world.h"
#include "test/unit/vfs/world.h"

using namespace sbx;
using namespace sbx::test;

namespace {

// What a process has of files.
struct Process : RefCounted {
    Ref<vfs::MountNamespace> mounts;
    Ref<vfs::FsContext> fs;
    Ref<vfs::FdTable> files;
    template <class A>
    void state(A& ar) {
        ar(mounts, fs, files);
    }
};
SBX_SAVABLE(Process);

struct Loaded {
    Ref<Process> process;
    Ref<Creds> creds = make_ref<Creds>();
    vfs::Caller c;
};

std::string save(Process& p, state::Saver& ar) {
    std::string bytes = ar.save(p);
    CHECK(ar.failed() == "");
    return bytes;
}

// Into a memory file of its own, which gets a copy of the content.
Loaded load(const std::string& bytes, hostfs::Sources* sources = nullptr) {
    Loaded l;
    mm::MemoryFile& from = init_tmpfs();
    Ref<mm::MemoryFile> memory = *mm::MemoryFile::create(1ull << 34);
    for (Range r : from.contents()) REQUIRE(memory->write(r.start, from.window(r), r.length()));
    state::Loader ar;
    ar.provide(*memory);
    if (sources) ar.provide(*sources);
    Ref<RefCounted> root = ar.load(bytes);
    CHECK(ar.failed() == "");
    REQUIRE(root);
    l.process = static_ref_cast<Process>(root);
    l.creds->permitted = l.creds->effective = l.creds->bounding = CapSet::all();
    l.creds->user_ns = Ref<UserNamespace>(l.process->mounts->owner());
    l.c.creds = l.creds.get();
    l.c.fs = l.process->fs.get();
    return l;
}

Ref<Process> process_of(const Ref<vfs::MountNamespace>& mounts, const vfs::Caller& c) {
    auto p = make_ref<Process>();
    p->mounts = mounts;
    p->fs = Ref<vfs::FsContext>(*c.fs);
    p->files = make_ref<vfs::FdTable>();
    return p;
}

}  // namespace

TEST_CASE("state: a tree, its open files and their locks") {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    REQUIRE(code(vfs::mkdir(c, {}, "/d", 0750)) == 0);
    REQUIRE(code(vfs::symlink(c, "d/file", {}, "/link")) == 0);
    auto f = *open(c, "/d/file", O_CREAT | O_RDWR, 0604);
    CHECK(write_at(c, *f, 100000, "far") == 3);
    CHECK(write_at(c, *f, 0, "hello") == 5);
    REQUIRE(code(vfs::link(c, *vfs::walk(c, {}, "/d/file"), {}, "/hard")) == 0);
    auto gone = *open(c, "/d/gone", O_CREAT | O_RDWR);
    CHECK(write_at(c, *gone, 0, "unlinked") == 8);
    REQUIRE(code(vfs::unlink(c, {}, "/d/gone")) == 0);
    f->set_pos(3);
    Ref<Process> p = process_of(w.mounts, c);
    REQUIRE(code(p->files->set(3, f, true, 100, c)) == 0);
    REQUIRE(code(p->files->set(7, f, false, 100, c)) == 0);
    REQUIRE(code(p->files->set(8, gone, false, 100, c)) == 0);
    vfs::FileLock lock{vfs::LockType::Write, 10, 19, p->files.get(), 42};
    REQUIRE(code(f->inode().locks().set_record(lock)) == 0);
    REQUIRE(code(f->inode().locks().set_flock(vfs::FileLock{vfs::LockType::Read, 0, ~0ull, f.get()})) == 0);

    state::Saver ar;
    std::string bytes = save(*p, ar);
    Loaded l = load(bytes);
    Ref<vfs::OpenFile> f2 = *l.process->files->get(3);
    CHECK(f2 == l.process->files->get(7)->get());
    CHECK(*l.process->files->cloexec(3));
    CHECK(f2->pos() == 3);
    CHECK(read_at(l.c, *f2, 0, 5) == "hello");
    CHECK(read_at(l.c, *f2, 99999, 10) == std::string("\0far", 4));
    CHECK(f2->inode().attr()->mode == (S_IFREG | 0604));
    CHECK(f2->inode().attr()->nlink == 2);
    CHECK(f2->inode().attr()->ino == f->inode().attr()->ino);
    CHECK(where(l.c, "/link") == "/d/file");
    CHECK(vfs::walk(l.c, {}, "/hard")->dentry->inode() == &f2->inode());
    CHECK(read_at(l.c, **l.process->files->get(8), 0, 20) == "unlinked");
    CHECK(code(open(l.c, "/d/gone", O_RDONLY)) == ENOENT);
    REQUIRE(f2->inode().existing_locks());
    auto records = f2->inode().existing_locks()->records();
    REQUIRE(records.size() == 1);
    CHECK(records[0].owner == l.process->files.get());
    CHECK(records[0].start == 10);
    CHECK(f2->inode().existing_locks()->flocks()[0].owner == f2.get());
    // It goes on to work, apart from the first.
    CHECK(write_at(l.c, *f2, 0, "HELLO") == 5);
    CHECK(read_at(c, *f, 0, 5) == "hello");
    CHECK(touch(l.c, "/d/new") == 0);
    CHECK(code(open(c, "/d/new", O_RDONLY)) == ENOENT);
}

TEST_CASE("state: a pipe with content") {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    Ref<Process> p = process_of(w.mounts, c);
    {
        pipefs::Ends ends = pipefs::create_pipe(0, c);
        CHECK(write_at(c, *ends.write, 0, "in the pipe") == 11);
        REQUIRE(code(p->files->set(4, ends.read, false, 100, c)) == 0);
        REQUIRE(code(p->files->set(5, ends.write, false, 100, c)) == 0);
    }
    state::Saver ar;
    Loaded l = load(save(*p, ar));
    Ref<vfs::OpenFile> r = *l.process->files->get(4), wr = *l.process->files->get(5);
    CHECK(read_at(l.c, *r, 0, 6) == "in the");
    CHECK(write_at(l.c, *wr, 0, "!") == 1);
    CHECK(read_at(l.c, *r, 0, 100) == " pipe!");
    CHECK((r->poll(kEventIn | kEventHup, l.c)) == 0);
    wr.reset();
    REQUIRE(code(l.process->files->close(5, l.c)) == 0);
    CHECK((r->poll(kEventIn | kEventHup, l.c) & kEventHup) != 0);
}

TEST_CASE("state: an overlay over a host directory") {
    init_tmpfs();
    host_test::TempDir dir;
    dir.write("kept", "lower");
    dir.write("changed", "lower");
    dir.write("removed", "lower");
    auto host = [&dir](int source) {
        hostfs::Options o;
        o.source = source;
        return *hostfs::create(dir.open_path(), o);
    };
    Ref<vfs::FileSystem> fs = *overlay::create(host(0), tmpfs::create({.mode = 0755}));
    Ref<UserNamespace> ns = UserNamespace::create_initial();
    Ref<vfs::Mount> m = vfs::Mount::create(fs, nullptr, 0, "overlay");
    Ref<vfs::MountNamespace> mounts = vfs::MountNamespace::create(m, ns);
    User root(m->root_path(), ns, 0);
    auto& c = root.c;
    auto changed = *open(c, "/changed", O_RDWR);
    CHECK(write_at(c, *changed, 0, "UPPER") == 5);
    auto kept = *open(c, "/kept", O_RDONLY);
    REQUIRE(code(vfs::unlink(c, {}, "/removed")) == 0);
    Ref<Process> p = process_of(mounts, c);
    REQUIRE(code(p->files->set(3, changed, false, 100, c)) == 0);
    REQUIRE(code(p->files->set(4, kept, false, 100, c)) == 0);
    state::Saver ar;
    std::string bytes = save(*p, ar);
    hostfs::Sources sources;
    sources.file_systems.push_back(host(0));
    Loaded l = load(bytes, &sources);
    CHECK(read_at(l.c, **l.process->files->get(3), 0, 9) == "UPPER");
    CHECK(read_at(l.c, **l.process->files->get(4), 0, 9) == "lower");
    CHECK(code(open(l.c, "/removed", O_RDONLY)) == ENOENT);
    CHECK(write_at(l.c, **open(l.c, "/kept", O_WRONLY), 0, "X") == 1);
    CHECK(read_at(l.c, **l.process->files->get(4), 0, 9) == "Xower");
    CHECK(dir.read("kept") == "lower");
    // Without the directory there is nothing to load it on.
    state::Loader lost;
    Ref<mm::MemoryFile> memory = *mm::MemoryFile::create(1ull << 34);
    hostfs::Sources none;
    lost.provide(*memory);
    lost.provide(none);
    CHECK(!lost.load(bytes));
    CHECK(lost.failed().find("fewer mounts") != std::string::npos);
}
