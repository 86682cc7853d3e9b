// Files, directories and locks, over tmpfs.
#include <doctest/doctest.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/inotify.h>
#include <sys/xattr.h>

#include "fs/vfs/fd_table.h"
#include "fs/vfs/inotify_marks.h"
#include "fs/vfs/locks.h"
#include "test/unit/vfs/world.h"

using namespace sbx;
using namespace sbx::test;

namespace {
u64 size_of(const vfs::Caller& c, std::string_view path) { return vfs::get_attr(*vfs::walk(c, {}, path))->size; }
u32 links_of(const vfs::Caller& c, std::string_view path) { return vfs::get_attr(*vfs::walk(c, {}, path))->nlink; }
}  // namespace

TEST_CASE("open's flags") {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    REQUIRE(code(vfs::mkdir(c, {}, "/d", 0755)) == 0);
    REQUIRE(code(vfs::symlink(c, "/target", {}, "/l")) == 0);
    CHECK(code(open(c, "/nope", O_RDONLY)) == ENOENT);
    CHECK(code(open(c, "/d", O_WRONLY)) == EISDIR);
    CHECK(code(open(c, "/d", O_CREAT)) == EISDIR);
    CHECK(code(open(c, "/d/", O_CREAT)) == EISDIR);
    CHECK(code(open(c, "/d/new/", O_CREAT | O_WRONLY)) == EISDIR);
    CHECK(code(open(c, "/l", O_CREAT | O_EXCL | O_WRONLY)) == EEXIST);
    CHECK(code(open(c, "/l", O_CREAT | O_NOFOLLOW | O_WRONLY)) == ELOOP);
    CHECK(code(open(c, "/l", O_NOFOLLOW)) == ELOOP);
    CHECK(code(open(c, "/l", O_NOFOLLOW | O_PATH)) == 0);
    CHECK(code(open(c, "/l", O_CREAT | O_WRONLY)) == 0);
    CHECK(where(c, "/target") == "/target");
    CHECK(code(open(c, "/target", O_DIRECTORY)) == ENOTDIR);
    CHECK(code(open(c, "/target", O_CREAT | O_DIRECTORY)) == EINVAL);
    CHECK(code(open(c, "/d", O_TMPFILE)) == EINVAL);
    auto t = open(c, "/d", O_TMPFILE | O_RDWR, 0600);
    REQUIRE(code(t) == 0);
    CHECK(vfs::path_name((*t)->path(), w.root).ends_with(" (deleted)"));
    CHECK(code(vfs::link(c, (*t)->path(), {}, "/d/named")) == 0);
    CHECK(links_of(c, "/d/named") == 1);
    auto x = open(c, "/d", O_TMPFILE | O_RDWR | O_EXCL, 0600);
    CHECK(code(vfs::link(c, (*x)->path(), {}, "/d/other")) == ENOENT);
    auto p = open(c, "/target", O_PATH);
    mm::KernelIoBuf none(Bytes{});
    CHECK(code((*p)->read(none, nullptr, 0, c)) == EBADF);
}

TEST_CASE("data, holes and limits") {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    auto f = *open(c, "/f", O_CREAT | O_RDWR);
    CHECK(write_at(c, *f, 0, "hello") == 5);
    CHECK(write_at(c, *f, 100000, "far") == 3);
    CHECK(size_of(c, "/f") == 100003);
    CHECK(read_at(c, *f, 0, 7) == std::string("hello\0\0", 7));
    CHECK(read_at(c, *f, 99999, 100) == std::string("\0far", 4));
    CHECK(read_at(c, *f, 200000, 10).empty());
    CHECK(*f->seek(0, 0, SEEK_HOLE, c) == 4096);
    CHECK(*f->seek(0, 4096, SEEK_DATA, c) == 98304);
    CHECK(code(f->seek(0, 100003, SEEK_DATA, c)) == ENXIO);
    CHECK(*f->seek(0, 99000, SEEK_HOLE, c) == 100003);
    CHECK(code(vfs::truncate_file(c, *f, 3)) == 0);
    CHECK(code(vfs::truncate_file(c, *f, 10)) == 0);
    CHECK(read_at(c, *f, 0, 20) == std::string("hel\0\0\0\0\0\0\0", 10));
    CHECK(code(f->allocate(0, 0, 8192, c)) == 0);
    CHECK(size_of(c, "/f") == 8192);
    CHECK(code(f->allocate(FALLOC_FL_ZERO_RANGE, 0, 8192, c)) == EOPNOTSUPP);
    CHECK(write_at(c, *f, 0, std::string(8192, 'x')) == 8192);
    CHECK(code(f->allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 4096, c)) == 0);
    CHECK(read_at(c, *f, 99, 3) == std::string("x\0\0", 3));
    CHECK(read_at(c, *f, 4195, 2) == std::string("\0x", 2));
    vfs::Caller limited = c;
    limited.file_size_limit = 8194;
    CHECK(write_at(limited, *f, 8192, "abc") == 2);
    CHECK(write_at(limited, *f, 8194, "abc") == -EFBIG);
    auto a = *open(c, "/f", O_WRONLY | O_APPEND);
    CHECK(write_at(c, *a, 0, "end") == 3);
    CHECK(size_of(c, "/f") == 8197);
    CHECK(code(open(c, "/f", O_WRONLY | O_TRUNC)) == 0);
    CHECK(size_of(c, "/f") == 0);
}

TEST_CASE("a file of many chunks reads back") {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    auto f = *open(c, "/big", O_CREAT | O_RDWR);
    std::string s(3 << 20, 0);
    for (size_t i = 0; i < s.size(); i++) s[i] = static_cast<char>(i * 31 >> 3);
    CHECK(write_at(c, *f, 12345, s) == static_cast<int>(s.size()));
    CHECK(read_at(c, *f, 12345, s.size()) == s);
    CHECK(read_at(c, *f, 0, 12345) == std::string(12345, '\0'));
}

TEST_CASE("size and inode limits") {
    World w;
    User root = w.user(0);
    REQUIRE(code(vfs::mkdir(root.c, {}, "/m", 0755)) == 0);
    auto fs = tmpfs::create({.size = 8 * 4096, .inodes = 3});
    REQUIRE(code(w.mounts->attach(vfs::Mount::create(fs, nullptr, 0, "t"), *vfs::walk(root.c, {}, "/m"))) == 0);
    auto f = *open(root.c, "/m/f", O_CREAT | O_RDWR);
    CHECK(write_at(root.c, *f, 0, std::string(32768, 'x')) == 32768);
    CHECK(write_at(root.c, *f, 32768, "x") == -ENOSPC);
    CHECK(fs->statfs()->bfree == 0);
    CHECK(code(f->allocate(0, 0, 1ull << 40, root.c)) == ENOSPC);
    CHECK(code(vfs::truncate_file(root.c, *f, 0)) == 0);
    CHECK(fs->statfs()->bfree == 8);
    CHECK(touch(root.c, "/m/g") == 0);
    CHECK(touch(root.c, "/m/h") == ENOSPC);
    CHECK(code(vfs::unlink(root.c, {}, "/m/g")) == 0);
    CHECK(touch(root.c, "/m/h") == 0);
}

TEST_CASE("link, unlink, rmdir and rename") {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    REQUIRE(touch(c, "/a") == 0);
    REQUIRE(code(vfs::mkdir(c, {}, "/d", 0755)) == 0);
    REQUIRE(code(vfs::mkdir(c, {}, "/d/e", 0755)) == 0);
    CHECK(links_of(c, "/") == 3);
    CHECK(links_of(c, "/d") == 3);
    CHECK(code(vfs::link(c, *vfs::walk(c, {}, "/a"), {}, "/d/a2")) == 0);
    CHECK(links_of(c, "/a") == 2);
    CHECK(code(vfs::link(c, *vfs::walk(c, {}, "/d"), {}, "/d2")) == EPERM);
    CHECK(code(vfs::rename(c, {}, "/a", {}, "/d/a2", 0)) == 0);
    CHECK(where(c, "/a") == "/a");
    CHECK(code(vfs::unlink(c, {}, "/d")) == EISDIR);
    CHECK(code(vfs::unlink(c, {}, "/a/")) == ENOTDIR);
    CHECK(code(vfs::rmdir(c, {}, "/d")) == ENOTEMPTY);
    CHECK(code(vfs::rmdir(c, {}, "/d/.")) == EINVAL);
    CHECK(code(vfs::rmdir(c, {}, "/d/..")) == ENOTEMPTY);
    CHECK(code(vfs::rmdir(c, {}, "/")) == EBUSY);
    CHECK(code(vfs::rmdir(c, {}, "/a")) == ENOTDIR);
    CHECK(code(vfs::mkdir(c, {}, "/d", 0755)) == EEXIST);
    CHECK(code(vfs::rename(c, {}, "/d", {}, "/d/e/x", 0)) == EINVAL);
    CHECK(code(vfs::rename(c, {}, "/d/e", {}, "/d", 0)) == ENOTEMPTY);
    CHECK(code(vfs::rename(c, {}, "/a", {}, "/d", 0)) == EISDIR);
    CHECK(code(vfs::rename(c, {}, "/d", {}, "/a", 0)) == ENOTDIR);
    CHECK(code(vfs::rename(c, {}, "/a", {}, "/d/a2", RENAME_NOREPLACE)) == EEXIST);
    CHECK(code(vfs::rename(c, {}, "/a", {}, "/d/e", RENAME_EXCHANGE)) == 0);
    CHECK(code(open(c, "/a", O_DIRECTORY)) == 0);
    CHECK(links_of(c, "/") == 4);
    CHECK(links_of(c, "/d") == 2);
    CHECK(where(c, "/a/..") == "/");
    auto e = *open(c, "/a", O_DIRECTORY);
    CHECK(code(vfs::rmdir(c, {}, "/a")) == 0);
    CHECK(vfs::path_name(e->path(), w.root) == "/a (deleted)");
    CHECK(code(vfs::mkdir(c, e->path(), "x", 0755)) == ENOENT);
    CHECK(code(vfs::rename(c, {}, "/d/e", {}, "/w", RENAME_WHITEOUT)) == 0);
    CHECK((vfs::get_attr(*vfs::walk(c, {}, "/d/e"))->mode & S_IFMT) == S_IFCHR);
}

TEST_CASE("reading a directory that changes") {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    for (int i = 0; i < 10; i++) REQUIRE(touch(c, "/f" + std::to_string(i)) == 0);
    auto d = *open(c, "/", O_DIRECTORY);
    CHECK(names(c, *d).size() == 12);
    // Each entry read is removed and another made: every old one is seen once, and it ends.
    struct Sink final : vfs::DirSink {
        std::vector<std::string> out;
        bool full = false;
        bool entry(std::string_view name, u64, u8, i64) override {
            if (full) return false;
            out.emplace_back(name);
            return full = true;
        }
    } sink;
    i64 pos = 0;
    size_t had = 0;
    do {
        had = sink.out.size();
        sink.full = false;
        REQUIRE(code(d->read_dir(sink, &pos, c)) == 0);
        if (sink.out.size() > had && sink.out.back()[0] == 'f') {
            CHECK(code(vfs::unlink(c, {}, "/" + sink.out.back())) == 0);
            CHECK(touch(c, "/n" + sink.out.back()) == 0);
        }
    } while (sink.out.size() > had);
    CHECK(sink.out.size() == 12);
}

TEST_CASE("extended attributes") {
    World w;
    User root = w.user(0), alice = w.user(1000);
    auto& c = root.c;
    REQUIRE(touch(c, "/f") == 0);
    vfs::Path f = *vfs::walk(c, {}, "/f");
    CHECK(code(vfs::set_xattr(c, f, "user.a", "1", XATTR_REPLACE)) == ENODATA);
    CHECK(code(vfs::set_xattr(c, f, "user.a", "1", XATTR_CREATE)) == 0);
    CHECK(code(vfs::set_xattr(c, f, "user.a", "2", XATTR_CREATE)) == EEXIST);
    CHECK(*vfs::get_xattr(c, f, "user.a") == "1");
    CHECK(code(vfs::set_xattr(c, f, "trusted.b", "x", 0)) == 0);
    CHECK(code(vfs::set_xattr(c, f, "system.posix_acl_access", "x", 0)) == EINVAL);
    CHECK(code(vfs::set_xattr(c, f, "system.other", "x", 0)) == EOPNOTSUPP);
    CHECK(code(vfs::set_xattr(alice.c, f, "user.b", "x", 0)) == EACCES);
    CHECK(vfs::list_xattr(c, f)->size() == 2);
    CHECK(vfs::list_xattr(alice.c, f)->size() == 1);
    CHECK(code(vfs::get_xattr(alice.c, f, "trusted.b")) == ENODATA);
    CHECK(code(vfs::remove_xattr(c, f, "user.a")) == 0);
    CHECK(code(vfs::get_xattr(c, f, "user.a")) == ENODATA);
}

TEST_CASE("writing drops set-user-ID") {
    World w;
    User root = w.user(0), alice = w.user(1000);
    REQUIRE(touch(root.c, "/f", 0666) == 0);
    vfs::Path p = *vfs::walk(root.c, {}, "/f");
    REQUIRE(code(vfs::chmod(root.c, p, 06777)) == 0);
    auto f = *open(alice.c, "/f", O_WRONLY);
    CHECK(write_at(alice.c, *f, 0, "x") == 1);
    CHECK((vfs::get_attr(p)->mode & 07777) == 0777);
}

TEST_CASE("text busy") {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    REQUIRE(touch(c, "/prog") == 0);
    vfs::Inode& i = *vfs::walk(c, {}, "/prog")->dentry->inode();
    {
        auto f = open(c, "/prog", O_WRONLY);
        CHECK(code(i.deny_write_access()) == ETXTBSY);
    }
    CHECK(code(i.deny_write_access()) == 0);
    CHECK(code(open(c, "/prog", O_WRONLY)) == ETXTBSY);
    CHECK(code(vfs::truncate(c, *vfs::walk(c, {}, "/prog"), 0)) == ETXTBSY);
    CHECK(code(open(c, "/prog", O_RDONLY)) == 0);
    i.allow_write_access();
    CHECK(code(open(c, "/prog", O_WRONLY)) == 0);
}

TEST_CASE("memfd seals") {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    auto f = *tmpfs::create_memfd("x", 0, 0777, O_RDWR, c);
    CHECK(vfs::path_name(f->path(), w.root) == "/memfd:x (deleted)");
    CHECK(write_at(c, *f, 0, "abc") == 3);
    tmpfs::FileData* d = tmpfs::sealable(*f);
    REQUIRE(d);
    CHECK(code(d->add_seals(F_SEAL_SHRINK | F_SEAL_GROW)) == 0);
    CHECK(code(vfs::truncate_file(c, *f, 1)) == EPERM);
    CHECK(code(vfs::truncate_file(c, *f, 10)) == EPERM);
    CHECK(write_at(c, *f, 1, "zzz") == 2);
    CHECK(code(d->add_seals(F_SEAL_WRITE | F_SEAL_SEAL)) == 0);
    CHECK(write_at(c, *f, 0, "q") == -EPERM);
    CHECK(code(d->add_seals(F_SEAL_WRITE)) == EPERM);
    CHECK(read_at(c, *f, 0, 9) == "azz");
}

TEST_CASE("record locks split, merge and conflict") {
    vfs::FileLocks locks;
    int a = 0, b = 0;
    using vfs::FileLock;
    using vfs::LockType;
    CHECK(code(locks.set_record(FileLock{LockType::Write, 0, 99, &a, 1})) == 0);
    FileLock who;
    CHECK(code(locks.set_record(FileLock{LockType::Read, 50, 59, &b, 2}, &who)) == EAGAIN);
    CHECK(who.owner == &a);
    CHECK(code(locks.set_record(FileLock{LockType::Read, 40, 59, &a, 1})) == 0);
    CHECK(locks.records().size() == 3);
    CHECK(code(locks.set_record(FileLock{LockType::Read, 50, 59, &b, 2})) == 0);
    CHECK(code(locks.set_record(FileLock{LockType::Write, 50, 59, &b, 2})) == EAGAIN);
    locks.clear_record(&b);
    CHECK(code(locks.set_record(FileLock{LockType::Write, 40, 59, &a, 1})) == 0);
    CHECK(locks.records().size() == 1);
    locks.clear_record(&a, 10, 19);
    CHECK(locks.records().size() == 2);
    CHECK(!locks.test_record(FileLock{LockType::Write, 10, 19, &b, 2}, &who));
    CHECK(locks.test_record(FileLock{LockType::Write, 19, ~0ull, &b, 2}, &who));
    CHECK(who.start == 20);
    CHECK(code(locks.set_flock(FileLock{.type = LockType::Read, .owner = &a})) == 0);
    CHECK(code(locks.set_flock(FileLock{.type = LockType::Read, .owner = &b})) == 0);
    CHECK(code(locks.set_flock(FileLock{.type = LockType::Write, .owner = &a})) == EAGAIN);
    CHECK(locks.flocks().size() == 1);
    CHECK(code(vfs::LockWaits::begin(&a, &b)) == 0);
    CHECK(code(vfs::LockWaits::begin(&b, &a)) == EDEADLK);
    vfs::LockWaits::end(&a);
    CHECK(code(vfs::LockWaits::begin(&b, &a)) == 0);
    vfs::LockWaits::end(&b);
}

TEST_CASE("descriptor tables") {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    auto f = *open(c, "/f", O_CREAT | O_RDWR);
    auto t = make_ref<vfs::FdTable>();
    CHECK(*t->add(f, false, 1024) == 0);
    CHECK(*t->add(f, true, 1024) == 1);
    CHECK(*t->add(f, true, 1024, 10) == 10);
    CHECK(code(t->add(f, true, 10, 10)) == EINVAL);
    CHECK(*t->add(f, false, 1024) == 2);
    CHECK(code(t->add(f, false, 3)) == EMFILE);
    CHECK(code(t->close(1, c)) == 0);
    CHECK(code(t->close(1, c)) == EBADF);
    CHECK(code(t->get(-1)) == EBADF);
    CHECK(*t->add(f, true, 1024) == 1);
    CHECK(code(t->set(20, f, false, 20, c)) == EBADF);
    CHECK(code(t->set(20, f, false, 1024, c)) == 0);
    auto u = t->clone();
    u->close_on_exec(c);
    CHECK(u->numbers() == std::vector<int>{0, 2, 20});
    // Record locks of a table go with any close of the file; those of another do not.
    CHECK(code(f->inode().locks().set_record(vfs::FileLock{vfs::LockType::Write, 0, 9, u.get(), 1})) == 0);
    CHECK(code(t->close(0, c)) == 0);
    CHECK(f->inode().locks().records().size() == 1);
    CHECK(code(u->close(2, c)) == 0);
    CHECK(f->inode().locks().empty());
}

TEST_CASE("watchers hear of changes") {
    struct Mark final : vfs::InotifyMark {
        std::string log;
        void on_event(u32 mask, u32, std::string_view name) override {
            if (mask & vfs::kRenameWithin) return;  // what inotify passes over
            log += std::to_string(mask & 0xfff) + ":" + std::string(name) + " ";
        }
        void on_gone() override { log += "gone "; }
    };
    World w;
    User root = w.user(0);
    auto& c = root.c;
    auto dir = make_ref<Mark>(), file = make_ref<Mark>();
    w.root.dentry->inode()->make_marks().add(dir);
    REQUIRE(touch(c, "/f") == 0);
    CHECK(dir->log == "256:f 32:f 8:f ");  // IN_CREATE, IN_OPEN, IN_CLOSE_WRITE
    vfs::walk(c, {}, "/f")->dentry->inode()->make_marks().add(file);
    dir->log.clear();
    REQUIRE(code(vfs::rename(c, {}, "/f", {}, "/g", 0)) == 0);
    CHECK(dir->log == "64:f 128:g ");
    REQUIRE(code(vfs::unlink(c, {}, "/g")) == 0);
    CHECK(file->log == "2048: 4: 1024: gone ");  // IN_MOVE_SELF, IN_ATTRIB, IN_DELETE_SELF
    CHECK(w.root.dentry->inode()->marks()->remove(*dir));
    CHECK(!vfs::inotify_active());
}
