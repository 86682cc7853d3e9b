// The path walk, permissions and mounts, over tmpfs.
#include <doctest/doctest.h>
#include <linux/openat2.h>
#include <sys/mount.h>

#include "test/unit/vfs/world.h"

using namespace sbx;
using namespace sbx::test;

TEST_CASE("paths resolve with dots, slashes and symlinks") {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    REQUIRE(code(vfs::mkdir(c, {}, "/a", 0755)) == 0);
    REQUIRE(code(vfs::mkdir(c, {}, "a/b/", 0755)) == 0);
    REQUIRE(touch(c, "/a/b/f") == 0);
    REQUIRE(code(vfs::symlink(c, "b/f", {}, "/a/l")) == 0);
    REQUIRE(code(vfs::symlink(c, "/a", {}, "/top")) == 0);
    REQUIRE(code(vfs::symlink(c, "loop", {}, "/loop")) == 0);
    CHECK(where(c, "/") == "/");
    CHECK(where(c, "//a//./b/../b/f") == "/a/b/f");
    CHECK(where(c, "top/l") == "/a/b/f");
    CHECK(where(c, "/../../a") == "/a");
    CHECK(where(c, "/a/b/f/") == "!ENOTDIR");
    CHECK(where(c, "/a/b/f/x") == "!ENOTDIR");
    CHECK(where(c, "/a/l/") == "!ENOTDIR");
    CHECK(where(c, "/top/") == "/a");
    CHECK(where(c, "/nope") == "!ENOENT");
    CHECK(where(c, "/nope/x") == "!ENOENT");
    CHECK(where(c, "") == "!ENOENT");
    CHECK(where(c, "/loop") == "!ELOOP");
    CHECK(where(c, "/" + std::string(256, 'x')) == "!ENAMETOOLONG");
    CHECK(where(c, std::string(4096, '/')) == "!ENAMETOOLONG");
    vfs::WalkFlags nofollow;
    nofollow.follow = false;
    CHECK(vfs::path_name(*vfs::walk(c, {}, "/top", nofollow), w.root) == "/top");
    CHECK(vfs::path_name(*vfs::walk(c, {}, "/top/", nofollow), w.root) == "/a");
}

TEST_CASE("openat2 resolve flags") {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    REQUIRE(code(vfs::mkdir(c, {}, "/d", 0755)) == 0);
    REQUIRE(code(vfs::mkdir(c, {}, "/d/e", 0755)) == 0);
    REQUIRE(touch(c, "/d/e/f") == 0);
    REQUIRE(touch(c, "/f") == 0);
    REQUIRE(code(vfs::symlink(c, "/e/f", {}, "/d/abs")) == 0);
    REQUIRE(code(vfs::symlink(c, "../f", {}, "/d/up")) == 0);
    vfs::Path d = *vfs::walk(c, {}, "/d");
    auto at = [&](std::string_view p, u64 resolve) {
        vfs::WalkFlags f;
        f.resolve = resolve;
        auto r = vfs::walk(c, d, p, f);
        return r ? vfs::path_name(*r, w.root) : std::string("!") + errno_name(r.error().value);
    };
    CHECK(at("e/f", RESOLVE_BENEATH) == "/d/e/f");
    CHECK(at("e/../e/f", RESOLVE_BENEATH) == "/d/e/f");
    CHECK(at("../f", RESOLVE_BENEATH) == "!EXDEV");
    CHECK(at("/f", RESOLVE_BENEATH) == "!EXDEV");
    CHECK(at("abs", RESOLVE_BENEATH) == "!EXDEV");
    CHECK(at("up", RESOLVE_BENEATH) == "!EXDEV");
    CHECK(at("abs", RESOLVE_IN_ROOT) == "/d/e/f");
    CHECK(at("/../../e/f", RESOLVE_IN_ROOT) == "/d/e/f");
    CHECK(at("up", RESOLVE_IN_ROOT) == "!ENOENT");
    CHECK(at("up", RESOLVE_NO_SYMLINKS) == "!ELOOP");
    CHECK(at("up", 0) == "/f");
}

TEST_CASE("permissions of directories and files") {
    World w;
    User root = w.user(0), alice = w.user(1000), bob = w.user(1001);
    REQUIRE(code(vfs::mkdir(root.c, {}, "/tmp", 0777)) == 0);
    REQUIRE(code(vfs::chmod(root.c, *vfs::walk(root.c, {}, "/tmp"), 01777)) == 0);
    REQUIRE(touch(alice.c, "/tmp/a", 0600) == 0);
    CHECK(touch(alice.c, "/x") == EACCES);
    CHECK(code(open(bob.c, "/tmp/a", O_RDONLY)) == EACCES);
    CHECK(code(open(root.c, "/tmp/a", O_RDWR)) == 0);
    CHECK(code(vfs::unlink(bob.c, {}, "/tmp/a")) == EPERM);
    CHECK(code(vfs::rename(bob.c, {}, "/tmp/a", {}, "/tmp/b", 0)) == EPERM);
    CHECK(code(vfs::chmod(bob.c, *vfs::walk(bob.c, {}, "/tmp/a"), 0644)) == EPERM);
    CHECK(code(vfs::chown(alice.c, *vfs::walk(alice.c, {}, "/tmp/a"), 1001, kInvalidId)) == EPERM);
    CHECK(code(vfs::mkdir(alice.c, {}, "/tmp/secret", 0700)) == 0);
    CHECK(where(bob.c, "/tmp/secret/..") == "!EACCES");
    CHECK(code(vfs::unlink(alice.c, {}, "/tmp/a")) == 0);
    // A new file's mode does not bind its maker.
    CHECK(code(open(alice.c, "/tmp/ro", O_CREAT | O_RDWR, 0400)) == 0);
    CHECK(code(open(alice.c, "/tmp/ro", O_RDWR)) == EACCES);
}

TEST_CASE("setgid directories pass on their group") {
    World w;
    User root = w.user(0), alice = w.user(1000);
    REQUIRE(code(vfs::mkdir(root.c, {}, "/g", 0777)) == 0);
    vfs::Path g = *vfs::walk(root.c, {}, "/g");
    REQUIRE(code(vfs::chown(root.c, g, kInvalidId, 50)) == 0);
    REQUIRE(code(vfs::chmod(root.c, g, 02777)) == 0);
    REQUIRE(touch(alice.c, "/g/f", 02755) == 0);
    REQUIRE(code(vfs::mkdir(alice.c, {}, "/g/d", 0755)) == 0);
    vfs::Attr f = *vfs::get_attr(*vfs::walk(root.c, {}, "/g/f"));
    CHECK(f.gid == 50);
    CHECK((f.mode & 07777) == 0755);
    vfs::Attr d = *vfs::get_attr(*vfs::walk(root.c, {}, "/g/d"));
    CHECK(d.gid == 50);
    CHECK((d.mode & 07777) == 02755);
}

TEST_CASE("mounts cover, move, bind and go away") {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    for (const char* d : {"/m", "/n", "/src", "/src/sub"}) REQUIRE(code(vfs::mkdir(c, {}, d, 0755)) == 0);
    REQUIRE(touch(c, "/m/below") == 0);
    {
        Ref<vfs::Mount> m = vfs::Mount::create(tmpfs::create({}), nullptr, 0, "t");
        REQUIRE(code(w.mounts->attach(m, *vfs::walk(c, {}, "/m"))) == 0);
    }
    CHECK(where(c, "/m/below") == "!ENOENT");
    REQUIRE(touch(c, "/m/above") == 0);
    CHECK(where(c, "/m/above") == "/m/above");
    CHECK(where(c, "/m/..") == "/");
    CHECK(code(vfs::rmdir(c, {}, "/m")) == EBUSY);
    CHECK(code(vfs::rename(c, {}, "/m/above", {}, "/above", 0)) == EXDEV);
    REQUIRE(code(w.mounts->move(*vfs::walk(c, {}, "/m"), *vfs::walk(c, {}, "/n"))) == 0);
    CHECK(where(c, "/m/below") == "/m/below");
    CHECK(where(c, "/n/above") == "/n/above");
    {
        auto f = open(c, "/n/above", O_RDONLY);
        CHECK(code(w.mounts->detach(*vfs::walk(c, {}, "/n"), 0)) == EBUSY);
    }
    CHECK(code(w.mounts->detach(*vfs::walk(c, {}, "/n"), MNT_EXPIRE)) == EAGAIN);
    CHECK(code(w.mounts->detach(*vfs::walk(c, {}, "/n"), MNT_EXPIRE)) == 0);
    CHECK(where(c, "/n/above") == "!ENOENT");
    CHECK(code(w.mounts->detach(*vfs::walk(c, {}, "/n"), 0)) == EINVAL);
    // Binds, with what is below or without.
    {
        Ref<vfs::Mount> m = vfs::Mount::create(tmpfs::create({}), nullptr, 0, "t");
        REQUIRE(code(w.mounts->attach(m, *vfs::walk(c, {}, "/src/sub"))) == 0);
    }
    REQUIRE(touch(c, "/src/sub/x") == 0);
    REQUIRE(code(w.mounts->attach(*w.mounts->bind(*vfs::walk(c, {}, "/src"), false), *vfs::walk(c, {}, "/m"))) == 0);
    CHECK(where(c, "/m/sub/x") == "!ENOENT");
    REQUIRE(code(w.mounts->attach(*w.mounts->bind(*vfs::walk(c, {}, "/src"), true), *vfs::walk(c, {}, "/n"))) == 0);
    CHECK(where(c, "/n/sub/x") == "/n/sub/x");
    CHECK(where(c, "/n/sub/..") == "/n");
    CHECK(w.mounts->mounts().size() == 5);
    vfs::Path cwd = *vfs::walk(c, {}, "/n/sub");
    auto copy = *w.mounts->clone(w.ns, {&cwd});
    CHECK(copy->mounts().size() == 5);
    CHECK(cwd.mount->in_namespace(*copy));
    REQUIRE(code(w.mounts->detach(*vfs::walk(c, {}, "/n"), MNT_DETACH)) == 0);
    CHECK(where(c, "/n/sub") == "!ENOENT");
    CHECK(copy->mounts().size() == 5);
    CHECK(w.mounts->mounts().size() == 3);
}

TEST_CASE("pivot_root") {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    REQUIRE(code(vfs::mkdir(c, {}, "/new", 0755)) == 0);
    {
        Ref<vfs::Mount> m = vfs::Mount::create(tmpfs::create({}), nullptr, 0, "t");
        REQUIRE(code(w.mounts->attach(m, *vfs::walk(c, {}, "/new"))) == 0);
    }
    REQUIRE(code(vfs::mkdir(c, {}, "/new/old", 0755)) == 0);
    vfs::Path fresh = *vfs::walk(c, {}, "/new");
    CHECK(code(w.mounts->pivot_root(w.root, *vfs::walk(c, {}, "/new/old"), w.root)) == EBUSY);
    REQUIRE(code(w.mounts->pivot_root(fresh, *vfs::walk(c, {}, "/new/old"), w.root)) == 0);
    c.fs->set_root(fresh);
    c.fs->set_cwd(fresh);
    CHECK(where(c, "/old/new") == "/old/new");
    CHECK(where(c, "/old/..") == "/");
    CHECK(w.mounts->root() == fresh.mount);
}

TEST_CASE("a very deep tree ends without recursion") {
    World w;
    User root = w.user(0);
    auto& c = root.c;
    vfs::Path at = w.root;
    for (int i = 0; i < 60000; i++) {
        REQUIRE(code(vfs::mkdir(c, at, "d", 0755)) == 0);
        at = *vfs::walk(c, at, "d");
    }
    CHECK(code(vfs::unlink(c, at, "nothing")) == ENOENT);
}
