// overlay over two host directories: what programs see, what reaches the upper one, and that the lower one never changes.
#include <sys/xattr.h>

#include <doctest/doctest.h>

#include "fs/overlay/overlay.h"
#include "fs/vfs/inode.h"
#include "fs/tmpfs/tmpfs.h"
#include "test/unit/hostfs/world.h"
#include "test/unit/vfs/world.h"

using namespace sbx;
using host_test::FsWorld;
using host_test::TempDir;

namespace {

struct HostUpper {};
struct MemoryUpper {};

template <class Upper>
struct Layers {
    static constexpr bool kKept = std::is_same_v<Upper, HostUpper>;
    TempDir low, up;
    Ref<vfs::FileSystem> make(u64 size = 0) {
        Ref<vfs::FileSystem> upper;
        if constexpr (kKept) {
            upper = host_test::hostfs_of(up, false, hostfs::Cache::Exclusive);
        } else {
            test::init_tmpfs();
            upper = tmpfs::create({.size = size, .mode = 0755});
        }
        auto r = overlay::create(host_test::hostfs_of(low, true), upper);
        return r ? *r : Ref<vfs::FileSystem>();
    }
    // A listing of the lower directory with everything about each file but access times.
    std::string state() {
        std::string s =
            "cd " + low.path() +
            "; find . -printf '%p %y %m %n %U %G %s %T@ %l\\n' | sort; find . -type f | sort | xargs -r cat";
        FILE* p = popen(s.c_str(), "r");
        std::string out(1 << 16, '\0');
        out.resize(fread(out.data(), 1, out.size(), p));
        pclose(p);
        return out;
    }
};

}  // namespace

TEST_CASE_TEMPLATE("overlay: files below are read, and copied up by writing", Upper, HostUpper, MemoryUpper) {
    Layers<Upper> l;
    l.low.write("f", "lower");
    l.low.write("g", "0123456789");
    chmod((l.low / "g").c_str(), 0640);
    mkdir((l.low / "d").c_str(), 0711);
    l.low.write("d/x", "x");
    symlink("d/x", (l.low / "s").c_str());
    std::string before = l.state();
    {
        FsWorld w(l.make());
        CHECK(w.cat("/f") == "lower");
        CHECK(w.cat("/s") == "x");
        CHECK(w.ls("/") == "d f g s");
        CHECK(w.ls("/", 1) == "d f g s");
        auto a = w.stat("/g");
        REQUIRE(a);
        auto reader = w.open("/g", O_RDONLY);
        CHECK(w.put("/g", "ab", 0) == 0);
        CHECK(w.cat("/g") == "ab23456789");
        CHECK(*w.read(**reader) == "ab23456789");
        auto b = w.stat("/g");
        CHECK(a->ino == b->ino);
        CHECK(b->mode == (S_IFREG | 0640));
        CHECK(b->nlink == 1);
        CHECK(w.put("/d/x", "new", O_TRUNC) == 0);
        CHECK(w.cat("/s") == "new");
        CHECK(w.stat("/d")->mode == (S_IFDIR | 0711));
        CHECK(w.chmod("/f", 0600) == 0);
        CHECK(w.cat("/f") == "lower");
        // An upper of the host's cannot give files away unless we are root there.
        if (geteuid() == 0 || w.chown("/f", 12, 34) == 0) {
            CHECK(w.chown("/f", 12, 34) == 0);
            CHECK(w.stat("/f")->uid == 12);
        }
        CHECK(w.put("/d/new", "n") == 0);
        CHECK(w.ls("/d") == "new x");
        CHECK(w.ls("/") == "d f g s");
    }
    CHECK(l.state() == before);
    if (!l.kKept) return;
    CHECK(l.up.read("g") == "ab23456789");
    CHECK(!l.up.has("s"));
    // Another run over the same upper directory.
    FsWorld again(l.make());
    CHECK(again.cat("/g") == "ab23456789");
    CHECK(again.ls("/d") == "new x");
    CHECK(again.cat("/s") == "new");
}

TEST_CASE_TEMPLATE("overlay: removed names stay removed", Upper, HostUpper, MemoryUpper) {
    Layers<Upper> l;
    l.low.write("f", "lower");
    mkdir((l.low / "d").c_str(), 0755);
    l.low.write("d/x", "x");
    l.low.write("d/y", "y");
    std::string before = l.state();
    {
        FsWorld w(l.make());
        CHECK(w.unlink("/f") == 0);
        CHECK(w.cat("/f") == "!ENOENT");
        CHECK(w.unlink("/f") == ENOENT);
        CHECK(w.ls("/") == "d");
        CHECK(w.put("/f", "mine") == 0);
        CHECK(w.cat("/f") == "mine");
        CHECK(w.unlink("/f") == 0);
        CHECK(w.cat("/f") == "!ENOENT");
        CHECK(w.rmdir("/d") == ENOTEMPTY);
        CHECK(w.unlink("/d/x") == 0);
        CHECK(w.rmdir("/d") == ENOTEMPTY);
        CHECK(w.unlink("/d/y") == 0);
        CHECK(w.ls("/d") == "");
        CHECK(w.rmdir("/d") == 0);
        CHECK(w.ls("/") == "");
        CHECK(w.mkdir("/d") == 0);
        CHECK(w.ls("/d") == "");  // opaque
        CHECK(w.put("/d/x", "2") == 0);
        CHECK(w.ls("/d") == "x");
        CHECK(host_test::code(vfs::mknod(w.c, {}, "/white", S_IFCHR | 0644, 0)) == EPERM);
    }
    CHECK(l.state() == before);
    if (!l.kKept) return;
    FsWorld again(l.make());
    CHECK(again.ls("/") == "d");
    CHECK(again.ls("/d") == "x");
}

TEST_CASE_TEMPLATE("overlay: renaming files and directories", Upper, HostUpper, MemoryUpper) {
    Layers<Upper> l;
    l.low.write("f", "f");
    l.low.write("g", "g");
    mkdir((l.low / "d").c_str(), 0755);
    mkdir((l.low / "d/e").c_str(), 0755);
    l.low.write("d/e/x", "x");
    mkdir((l.low / "empty").c_str(), 0755);
    mkdir((l.low / "full").c_str(), 0755);
    l.low.write("full/z", "z");
    std::string before = l.state();
    {
        FsWorld w(l.make());
        u64 ino = w.stat("/f")->ino, dino = w.stat("/d")->ino;
        CHECK(w.rename("/f", "/f2") == 0);
        CHECK(w.ls("/") == "d empty f2 full g");
        CHECK(w.stat("/f2")->ino == ino);
        CHECK(w.rename("/f2", "/g") == 0);
        CHECK(w.cat("/g") == "f");
        CHECK(w.rename("/d", "/full") == ENOTEMPTY);
        CHECK(w.rename("/d", "/empty") == 0);
        CHECK(w.ls("/") == "empty full g");
        CHECK(w.ls("/empty") == "e");
        CHECK(w.cat("/empty/e/x") == "x");
        CHECK(w.stat("/empty")->ino == dino);
        CHECK(w.put("/empty/e/x", "changed") == 0);
        CHECK(w.rename("/empty/e", "/e") == 0);
        CHECK(w.cat("/e/x") == "changed");
        CHECK(w.ls("/empty") == "");
        CHECK(w.rename("/e", "/full", 2) == 0);
        CHECK(w.ls("/full") == "x");
        CHECK(w.ls("/e") == "z");
        CHECK(w.rename("/g", "/e", 1) == EEXIST);
        CHECK(w.mkdir("/d") == 0);
        CHECK(w.ls("/d") == "");
        // Renamed over a directory that only looks empty.
        CHECK(w.unlink("/e/z") == 0);
        CHECK(w.rename("/full", "/e") == 0);
        CHECK(w.ls("/e") == "x");
        CHECK(w.ls("/") == "d e empty g");
        CHECK(w.rename("/d", "/d2") == 0);
    }
    CHECK(l.state() == before);
    if (!l.kKept) return;
    FsWorld w(l.make());
    CHECK(w.ls("/") == "d2 e empty g");
    CHECK(w.ls("/d2") == "");
    CHECK(w.cat("/e/x") == "changed");
    CHECK(w.ls("/e") == "x");
    CHECK(w.ls("/empty") == "");
}

TEST_CASE_TEMPLATE("overlay: names of one lower file stay one file", Upper, HostUpper, MemoryUpper) {
    Layers<Upper> l;
    l.low.write("a", "text");
    link((l.low / "a").c_str(), (l.low / "b").c_str());
    link((l.low / "a").c_str(), (l.low / "c").c_str());
    std::string before = l.state();
    {
        FsWorld w(l.make());
        CHECK(w.stat("/a")->nlink == 3);
        CHECK(w.put("/b", "more", O_APPEND) == 0);
        CHECK(w.cat("/a") == "textmore");
        CHECK(w.cat("/c") == "textmore");
        CHECK(w.stat("/a")->ino == w.stat("/c")->ino);
        CHECK(w.stat("/a")->nlink == 3);
        CHECK(w.link("/a", "/d") == 0);
        CHECK(w.stat("/c")->nlink == 4);
        CHECK(w.unlink("/b") == 0);
        CHECK(w.unlink("/d") == 0);
        CHECK(w.stat("/c")->nlink == 2);
        CHECK(w.put("/a", "!", O_APPEND) == 0);
        CHECK(w.cat("/c") == "textmore!");
        CHECK(w.rename("/a", "/z") == 0);
        CHECK(w.ls("/") == "c z");
        CHECK(w.cat("/z") == "textmore!");
        CHECK(w.unlink("/c") == 0);
        CHECK(w.stat("/z")->nlink == 1);
        CHECK(w.unlink("/z") == 0);
        CHECK(w.ls("/") == "");
    }
    CHECK(l.state() == before);
}

TEST_CASE_TEMPLATE("overlay: hard links removed before anything is copied", Upper, HostUpper, MemoryUpper) {
    Layers<Upper> l;
    l.low.write("a", "text");
    link((l.low / "a").c_str(), (l.low / "b").c_str());
    FsWorld w(l.make());
    CHECK(w.unlink("/a") == 0);
    CHECK(w.stat("/b")->nlink == 1);
    CHECK(w.put("/b", "+", O_APPEND) == 0);
    CHECK(w.cat("/b") == "text+");
    CHECK(w.ls("/") == "b");
}

TEST_CASE_TEMPLATE("overlay: unlinked while open, and changed after", Upper, HostUpper, MemoryUpper) {
    Layers<Upper> l;
    l.low.write("a", "text");
    FsWorld w(l.make());
    auto f = w.open("/a", O_RDONLY), g = w.open("/a", O_RDWR);
    REQUIRE(f);
    REQUIRE(g);
    CHECK(w.unlink("/a") == 0);
    CHECK(host_test::code(w.write(**g, "T")) == 0);
    CHECK(*w.read(**f) == "Text");
    CHECK((*f)->inode().attr()->nlink == 0);
    Layers<Upper> m;
    m.low.write("a", "text");
    FsWorld v(m.make());
    auto h = v.open("/a", O_RDONLY);
    CHECK(v.unlink("/a") == 0);
    CHECK(host_test::code(vfs::chmod(v.c, (*h)->path(), 0600)) == 0);
    CHECK((*h)->inode().attr()->mode == (S_IFREG | 0600));
    CHECK(*v.read(**h) == "text");
    CHECK(v.ls("/") == "");
}

TEST_CASE_TEMPLATE("overlay: copy-up keeps holes, times and attributes", Upper, HostUpper, MemoryUpper) {
    Layers<Upper> l;
    std::string path = l.low / "sparse";
    int fd = open(path.c_str(), O_RDWR | O_CREAT, 0755);
    CHECK(pwrite(fd, "end", 3, 64 << 20) == 3);
    CHECK(ftruncate(fd, 100 << 20) == 0);
    bool xattrs = fsetxattr(fd, "user.kept", "v", 1, 0) == 0;
    timespec times[2] = {{1000, 5}, {2000, 7}};
    futimens(fd, times);
    close(fd);
    FsWorld w(l.make());
    CHECK(w.chmod("/sparse", 0700) == 0);
    auto a = w.stat("/sparse");
    CHECK(a->size == 100 << 20);
    CHECK(a->blocks < 1000);
    CHECK(a->mtime.tv_sec == 2000);
    CHECK(a->mtime.tv_nsec == 7);
    CHECK(a->mode == (S_IFREG | 0700));
    if (xattrs) CHECK(*vfs::get_xattr(w.c, *w.walk("/sparse"), "user.kept") == "v");
    auto f = w.open("/sparse", O_RDONLY);
    CHECK(*w.read(**f, (64 << 20) - 2, 6) == std::string("\0\0end\0", 6));
}

TEST_CASE_TEMPLATE("overlay: unnamed files, special nodes, links to new files", Upper, HostUpper, MemoryUpper) {
    Layers<Upper> l;
    mkdir((l.low / "d").c_str(), 0755);
    FsWorld w(l.make());
    auto f = w.open("/d", O_TMPFILE | O_RDWR);
    REQUIRE(f);
    CHECK(host_test::code(w.write(**f, "text")) == 0);
    CHECK(w.ls("/d") == "");
    CHECK(host_test::code(vfs::link(w.c, (*f)->path(), {}, "/d/named")) == 0);
    CHECK(w.cat("/d/named") == "text");
    CHECK(w.link("/d/named", "/other") == 0);
    CHECK(w.stat("/other")->nlink == 2);
    CHECK(w.symlink("other", "/sym") == 0);
    CHECK(w.cat("/sym") == "text");
    CHECK(host_test::code(vfs::mknod(w.c, {}, "/fifo", S_IFIFO | 0600, 0)) == 0);
    CHECK(host_test::code(vfs::mknod(w.c, {}, "/sock", S_IFSOCK | 0600, 0)) == 0);
    CHECK(w.ls("/") == "d fifo other sock sym");
    CHECK(w.unlink("/fifo") == 0);
    CHECK(w.rename("/sock", "/d/sock") == 0);
    CHECK(w.ls("/d") == "named sock");
}

TEST_CASE_TEMPLATE("overlay: a directory is read without gaps while its entries go", Upper, HostUpper, MemoryUpper) {
    Layers<Upper> l;
    for (int i = 0; i < 300; i++) l.low.write("f" + std::to_string(i), "");
    FsWorld w(l.make());
    CHECK(w.put("/f7", "up", 0) == 0);
    struct Sink : vfs::DirSink {
        std::vector<std::string> names;
        size_t room = 0;
        bool entry(std::string_view name, u64, u8, i64) override {
            if (room == 0) return false;
            room--;
            if (name != "." && name != "..") names.emplace_back(name);
            return true;
        }
    } sink;
    auto f = w.open("/", O_RDONLY | O_DIRECTORY);
    i64 pos = 0;
    size_t removed = 0;
    for (;;) {
        sink.room = 10;
        i64 before = pos;
        CHECK(host_test::code((*f)->read_dir(sink, &pos, w.c)) == 0);
        if (pos == before) break;
        for (; removed < sink.names.size(); removed++) CHECK(w.unlink("/" + sink.names[removed]) == 0);
    }
    CHECK(removed == 300);
    CHECK(w.ls("/") == "");
}

TEST_CASE_TEMPLATE("overlay: the host changes what is below", Upper, HostUpper, MemoryUpper) {
    Layers<Upper> l;
    FsWorld w(l.make());
    CHECK(w.cat("/f") == "!ENOENT");
    l.low.write("f", "there");
    CHECK(w.cat("/f") == "there");
    CHECK(w.put("/g", "mine") == 0);
    l.low.write("g", "theirs");
    CHECK(w.cat("/g") == "mine");
    unlink((l.low / "f").c_str());
    CHECK(w.cat("/f") == "!ENOENT");
    CHECK(w.unlink("/g") == 0);
    CHECK(w.cat("/g") == "!ENOENT");
}

TEST_CASE("overlay: a failing copy-up changes nothing") {
    Layers<HostUpper> l;
    l.low.write("f", "text");
    auto low = host_test::hostfs_of(l.low, true);
    // An upper layer that refuses everything.
    auto r = overlay::create(low, host_test::hostfs_of(l.up, true));
    REQUIRE(r);
    FsWorld w(*r);
    CHECK(w.put("/f", "x", 0) == EROFS);
    CHECK(w.unlink("/f") == EROFS);
    CHECK(w.rename("/f", "/g") == EROFS);
    CHECK(w.cat("/f") == "text");
    CHECK(w.ls("/") == "f");
    CHECK(w.stat("/f")->nlink == 1);
}

TEST_CASE("overlay: no room above leaves what is below") {
    Layers<MemoryUpper> l;
    l.low.write("big", std::string(1 << 20, 'b'));
    l.low.write("small", "s");
    FsWorld w(l.make(256 << 10));
    CHECK(w.put("/big", "x", 0) == ENOSPC);
    // Attributes go up without the data.
    CHECK(w.chmod("/big", 0600) == 0);
    CHECK(w.stat("/big")->mode == (S_IFREG | 0600));
    CHECK(w.put("/big", "x", 0) == ENOSPC);
    CHECK(w.cat("/big") == std::string(65536, 'b'));
    CHECK(w.put("/small", "S", 0) == 0);
    CHECK(w.cat("/small") == "S");
    // What is about to be cut off is not copied.
    CHECK(w.put("/big", "x", O_TRUNC) == 0);
    CHECK(w.cat("/big") == "x");
}

TEST_CASE("overlay: a renamed directory is found again in the next run") {
    Layers<HostUpper> l;
    mkdir((l.low / "a").c_str(), 0755);
    mkdir((l.low / "a/b").c_str(), 0755);
    l.low.write("a/b/x", "x");
    l.low.write("a/y", "y");
    {
        FsWorld w(l.make());
        CHECK(w.rename("/a", "/c") == 0);
        CHECK(w.rename("/c/b", "/c/d") == 0);
    }
    {
        FsWorld w(l.make());
        CHECK(w.ls("/") == "c");
        CHECK(w.ls("/c") == "d y");
        CHECK(w.cat("/c/d/x") == "x");
        CHECK(w.rename("/c/d", "/e") == 0);
        CHECK(w.put("/e/new", "n") == 0);
    }
    FsWorld w(l.make());
    CHECK(w.ls("/") == "c e");
    CHECK(w.ls("/e") == "new x");
    CHECK(w.ls("/c") == "y");
    CHECK(w.cat("/e/x") == "x");
}
