// hostfs over real host directories.
#include <sys/xattr.h>

#include <doctest/doctest.h>

#include "fs/hostfs/fd_budget.h"
#include "fs/hostfs/host_calls.h"
#include "fs/vfs/inode.h"
#include "test/unit/hostfs/world.h"

using namespace sbx;
using host_test::FsWorld;
using host_test::TempDir;

TEST_CASE("hostfs reads what the host has") {
    TempDir d;
    d.write("a", "hello");
    mkdir((d / "sub").c_str(), 0755);
    d.write("sub/b", std::string(100000, 'x'));
    symlink("sub/b", (d / "link").c_str());
    symlink("/a", (d / "abs").c_str());
    symlink("../../../../etc/passwd", (d / "out").c_str());
    FsWorld w(host_test::hostfs_of(d, true));
    CHECK(w.cat("/a") == "hello");
    CHECK(w.cat("/link").size() == 65536);
    CHECK(w.cat("abs") == "hello");
    CHECK(w.cat("/out") == "!ENOENT");
    CHECK(w.cat("/none") == "!ENOENT");
    CHECK(w.cat("/a/b") == "!ENOTDIR");
    CHECK(w.readlink("/link") == "sub/b");
    CHECK(w.ls("/") == "a abs link out sub");
    CHECK(w.ls("/", 1) == "a abs link out sub");
    struct stat st;
    stat((d / "a").c_str(), &st);
    auto a = w.stat("/a");
    REQUIRE(a);
    CHECK(a->ino == st.st_ino);
    CHECK(a->size == 5);
    CHECK(a->mode == st.st_mode);
    CHECK(a->has_btime);
    CHECK(w.put("/a", "no", 0) == EROFS);
    CHECK(w.put("/new", "no") == EROFS);
    CHECK(w.mkdir("/new") == EROFS);
    CHECK(w.unlink("/a") == EROFS);
    CHECK(w.chmod("/a", 0600) == EROFS);
    CHECK(d.read("a") == "hello");
}

TEST_CASE("hostfs changes names and files") {
    TempDir d;
    for (bool proc : {true, false}) {
        CAPTURE(proc);
        {
            FsWorld w(host_test::hostfs_of(d, false));
            if (!proc) hostfs::forget_proc_self_fd();
            CHECK(w.put("/f", "one") == 0);
            CHECK(d.read("f") == "one");
            CHECK(w.put("/f", "22", O_APPEND) == 0);
            CHECK(d.read("f") == "one22");
            CHECK(w.put("/f", "x", O_TRUNC) == 0);
            CHECK(d.read("f") == "x");
            CHECK(w.open("/f", O_CREAT | O_EXCL | O_WRONLY).error() == EEXIST);
            CHECK(w.mkdir("/dir", 0750) == 0);
            CHECK(w.stat("/dir")->mode == (S_IFDIR | 0750));
            CHECK(w.rename("/f", "/dir/g") == 0);
            CHECK(w.cat("/f") == "!ENOENT");
            CHECK(w.cat("/dir/g") == "x");
            CHECK(w.link("/dir/g", "/h") == 0);
            CHECK(w.stat("/h")->nlink == 2);
            CHECK(w.walk("/h")->dentry->inode() == w.walk("/dir/g")->dentry->inode());
            CHECK(w.symlink("nowhere", "/s") == 0);
            CHECK(w.readlink("/s") == "nowhere");
            CHECK(w.chmod("/h", 0604) == 0);
            CHECK(w.stat("/dir/g")->mode == (S_IFREG | 0604));
            CHECK(w.rmdir("/dir") == ENOTEMPTY);
            CHECK(w.unlink("/dir/g") == 0);
            CHECK(w.rmdir("/dir") == 0);
            CHECK(w.unlink("/s") == 0);
            CHECK(w.cat("/h") == "x");
            // A file that is gone is still the file of who has it open.
            auto f = w.open("/h", O_RDWR);
            REQUIRE(f);
            CHECK(w.unlink("/h") == 0);
            CHECK(host_test::code(w.write(**f, "y", 1)) == 0);
            CHECK(*w.read(**f) == "xy");
            CHECK((*f)->inode().attr()->nlink == 0);
            CHECK(host_test::code(vfs::truncate_file(w.c, **f, 1)) == 0);
            CHECK(*w.read(**f) == "x");
            CHECK(w.ls("/") == "");
            CHECK(host_test::code(vfs::mknod(w.c, {}, "/fifo", S_IFIFO | 0644, 0)) == 0);
            CHECK(w.stat("/fifo")->mode == (S_IFIFO | 0644));
            CHECK(host_test::code(vfs::mknod(w.c, {}, "/dev", S_IFCHR | 0644, 0x103)) == EPERM);
            CHECK(w.unlink("/fifo") == 0);
            CHECK(w.put("/a", "a") == 0);
            CHECK(w.put("/b", "b") == 0);
            CHECK(w.rename("/a", "/b", 2) == 0);  // RENAME_EXCHANGE
            CHECK(w.cat("/a") == "b");
            CHECK(w.rename("/a", "/b", 1) == EEXIST);  // RENAME_NOREPLACE
            CHECK(w.rename("/a", "/b") == 0);
            CHECK(w.cat("/b") == "b");
            CHECK(w.unlink("/b") == 0);
        }
        hostfs::keep_proc_self_fd();
    }
}

TEST_CASE("hostfs gives the maker of a read-only file a writable one") {
    TempDir d;
    FsWorld w(host_test::hostfs_of(d, false));
    auto f = w.open("/f", O_CREAT | O_EXCL | O_WRONLY, 0);
    REQUIRE(f);
    CHECK(host_test::code(w.write(**f, "text")) == 0);
    struct stat st;
    stat((d / "f").c_str(), &st);
    CHECK((st.st_mode & 07777) == 0);
    CHECK(st.st_size == 4);
}

TEST_CASE("hostfs makes unnamed files") {
    TempDir d;
    FsWorld w(host_test::hostfs_of(d, false));
    auto f = w.open("/", O_TMPFILE | O_RDWR);
    REQUIRE(f);
    CHECK(host_test::code(w.write(**f, "text")) == 0);
    CHECK(*w.read(**f) == "text");
    CHECK(w.ls("/") == "");
    CHECK(host_test::code(vfs::link(w.c, (*f)->path(), {}, "/named")) == 0);
    CHECK(d.read("named") == "text");
    CHECK(w.cat("/named") == "text");
}

TEST_CASE("hostfs sees what others change") {
    TempDir d;
    d.write("f", "one");
    FsWorld w(host_test::hostfs_of(d, false));
    CHECK(w.cat("/f") == "one");
    CHECK(w.cat("/g") == "!ENOENT");
    rename((d / "f").c_str(), (d / "g").c_str());
    CHECK(w.cat("/f") == "!ENOENT");
    CHECK(w.cat("/g") == "one");
    unlink((d / "g").c_str());
    d.write("g", "two");
    CHECK(w.cat("/g") == "two");
    // A directory swapped for a symlink is a symlink to us, resolved below our root.
    mkdir((d / "dir").c_str(), 0755);
    CHECK(w.ls("/dir") == "");
    rmdir((d / "dir").c_str());
    symlink("/etc", (d / "dir").c_str());
    CHECK(w.ls("/dir") == "!ENOENT");
}

TEST_CASE("hostfs works with few descriptors") {
    TempDir d;
    for (int i = 0; i < 40; i++) {
        std::string dir = "d" + std::to_string(i);
        mkdir((d / dir).c_str(), 0755);
        for (int j = 0; j < 20; j++) d.write(dir + "/f" + std::to_string(j), dir);
    }
    FsWorld w(host_test::hostfs_of(d, false));
    auto& budget = hostfs::FdBudget::get();
    std::vector<vfs::Path> all;
    budget.set_limit(60);
    for (int i = 0; i < 40; i++)
        for (int j = 0; j < 20; j++) {
            auto p = w.walk("/d" + std::to_string(i) + "/f" + std::to_string(j));
            REQUIRE(p);
            all.push_back(*p);
        }
    CHECK(budget.open_nodes() <= 60);
    for (size_t i = 0; i < all.size(); i++) {
        auto a = vfs::get_attr(all[i]);
        REQUIRE(a);
        CHECK(a->size == ("d" + std::to_string(i / 20)).size());
    }
    // A name that was given to another file meanwhile is not the file that was evicted.
    vfs::Path old = all[0];
    d.write("d0/new", "other");
    rename((d / "d0/new").c_str(), (d / "d0/f0").c_str());
    for (size_t i = 100; i < 300; i++) CHECK(vfs::get_attr(all[i]));
    CHECK(host_test::code(vfs::get_attr(old)) == ESTALE);
    CHECK(w.cat("/d0/f0") == "other");
    // Renamed by us: found below its new name.
    CHECK(w.rename("/d1", "/moved") == 0);
    for (size_t i = 100; i < 300; i++) CHECK(vfs::get_attr(all[i]));
    CHECK(host_test::code(vfs::get_attr(all[25])) == 0);
    // Unlinked by us: kept open.
    CHECK(w.unlink("/d2/f3") == 0);
    for (size_t i = 100; i < 300; i++) CHECK(vfs::get_attr(all[i]));
    CHECK(vfs::get_attr(all[43])->nlink == 0);
    budget.refresh();
}

TEST_CASE("hostfs finds files far down again, and lets them go without recursion") {
    TempDir d;
    std::string path;
    {
        FsWorld w(host_test::hostfs_of(d, false));
        Ref<vfs::Inode> at = w.mount()->fs().root();
        vfs::NewNode n;
        n.mode = S_IFDIR | 0755;
        constexpr int kDepth = 3000;
        std::vector<Ref<vfs::Inode>> dirs{at};
        for (int i = 0; i < kDepth; i++) {
            auto r = at->make_node("d", n, w.c);
            REQUIRE(r);
            at = *r;
        }
        hostfs::FdBudget::get().evict(1 << 20);
        CHECK(at->attr());
        dirs.clear();
        at.reset();
    }
}

TEST_CASE("hostfs passes data, holes and space through") {
    TempDir d;
    FsWorld w(host_test::hostfs_of(d, false));
    auto f = w.open("/f", O_CREAT | O_RDWR);
    REQUIRE(f);
    std::string big(3 << 20, 'b');
    CHECK(*w.write(**f, big, 100) == big.size());
    auto back = w.read(**f, 100, big.size() + 10);
    REQUIRE(back);
    CHECK(*back == big);
    CHECK(*w.read(**f, static_cast<i64>(big.size()) + 100) == "");
    CHECK(host_test::code(vfs::truncate_file(w.c, **f, 1 << 24)) == 0);
    CHECK((*f)->seek(0, 100, SEEK_END, w.c) == (1 << 24) + 100);
    CHECK(host_test::code((*f)->seek(0, 1 << 23, SEEK_DATA, w.c)) == ENXIO);
    CHECK(*(*f)->seek(0, 1 << 23, SEEK_HOLE, w.c) == 1 << 23);
    vfs::Caller limited = w.c;
    limited.file_size_limit = 50;
    i64 pos = 45;
    mm::KernelIoBuf b(ConstBytes(reinterpret_cast<const u8*>("0123456789"), 10));
    CHECK(*(*f)->write(b, &pos, 0, limited) == 5);
    mm::KernelIoBuf more(ConstBytes(reinterpret_cast<const u8*>("0123456789"), 10));
    CHECK((*f)->write(more, &pos, 0, limited).error() == EFBIG);
    CHECK(host_test::code((*f)->allocate(0, 1 << 24, 4096, w.c)) == 0);
    CHECK(w.stat("/f")->size == (1 << 24) + 4096);
    CHECK(host_test::code((*f)->sync(true, Range{})) == 0);
}

TEST_CASE("hostfs has extended attributes where the host has") {
    TempDir d;
    d.write("f", "");
    if (setxattr((d / "f").c_str(), "user.one", "1", 1, 0) != 0) return;
    for (bool proc : {true, false}) {
        FsWorld w(host_test::hostfs_of(d, false));
        if (!proc) hostfs::forget_proc_self_fd();
        vfs::Path p = *w.walk("/f");
        CHECK(*vfs::get_xattr(w.c, p, "user.one") == "1");
        CHECK(vfs::get_xattr(w.c, p, "user.none").error() == ENODATA);
        CHECK(host_test::code(vfs::set_xattr(w.c, p, "user.two", std::string(1000, 'v'), 0)) == 0);
        CHECK(vfs::get_xattr(w.c, p, "user.two")->size() == 1000);
        CHECK(host_test::code(vfs::set_xattr(w.c, p, "user.two", "x", XATTR_CREATE)) == EEXIST);
        CHECK(vfs::list_xattr(w.c, p)->size() == 2);
        CHECK(host_test::code(vfs::remove_xattr(w.c, p, "user.two")) == 0);
        CHECK(vfs::list_xattr(w.c, p)->size() == 1);
        CHECK(host_test::code(vfs::set_xattr(w.c, *w.walk("/"), "user.dir", "d", 0)) == 0);
        CHECK(host_test::code(vfs::remove_xattr(w.c, *w.walk("/"), "user.dir")) == 0);
        hostfs::keep_proc_self_fd();
    }
}

TEST_CASE("hostfs can be one file") {
    TempDir d;
    d.write("f", "content");
    hostfs::Options o;
    auto fs = hostfs::create(host::UniqueFd(open((d / "f").c_str(), O_PATH | O_CLOEXEC)), o);
    REQUIRE(fs);
    FsWorld w(*fs);
    auto f = vfs::open_path(w.c, w.mount()->root_path(), O_RDONLY);
    REQUIRE(f);
    CHECK(*w.read(**f) == "content");
}

TEST_CASE("hostfs never opens pipes and devices of the host") {
    TempDir d;
    mkfifo((d / "fifo").c_str(), 0644);
    FsWorld w(host_test::hostfs_of(d, false));
    // Nobody writes: the host's open would wait.
    auto f = w.open("/fifo", O_WRONLY | O_NONBLOCK);
    CHECK(f.error() == ENXIO);
    CHECK(w.stat("/fifo")->mode == (S_IFIFO | 0644));
}

TEST_CASE("hostfs maps files from the host's descriptor") {
    TempDir d;
    d.write("f", std::string(5000, 'm'));
    FsWorld w(host_test::hostfs_of(d, false));
    auto ro = w.open("/f", O_RDONLY), rw = w.open("/f", O_RDWR);
    auto m = (*ro)->mappable(1, 2, w.c);
    REQUIRE(m);
    auto t = (*m)->translate(0, 4096, false);
    REQUIRE(t);
    CHECK(t->offset == 0);
    CHECK(t->length == 8192);
    CHECK(!t->writable);
    CHECK((*m)->translate(4096, 4096, true).error() == EFAULT);
    CHECK((*m)->translate(8192, 4096, false).error() == EFAULT);
    CHECK((*m)->name().path == "/f");
    auto shared = (*rw)->mappable(3, 1, w.c);
    REQUIRE(shared);
    CHECK(&(*shared)->target() == &(*m)->target());
    auto u = (*shared)->translate(0, 4096, true);
    REQUIRE(u);
    CHECK(u->writable);
    CHECK(u->file.get() == t->file.get());
    char byte = 'w';
    CHECK(pwrite(u->file->fd(), &byte, 1, 0) == 1);
    CHECK(w.cat("/f")[0] == 'w');
}
