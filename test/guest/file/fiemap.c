// Extents of files: ioctl FS_IOC_FIEMAP.
#include "../guest.h"
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#define ROOM 8
static union { struct fiemap m; char room[sizeof(struct fiemap) + ROOM * sizeof(struct fiemap_extent)]; } u;

static int ask(int fd, unsigned long start, unsigned long length, unsigned count, unsigned flags) {
    memset(&u, 0, sizeof u);
    u.m.fm_start = start, u.m.fm_length = length, u.m.fm_extent_count = count, u.m.fm_flags = flags;
    return ioctl(fd, FS_IOC_FIEMAP, &u.m);
}
static int sparse(void) {
    int fd = OK(open("f", O_RDWR | O_CREAT, 0644));
    static char data[65536];
    memset(data, 1, sizeof data);
    OK(pwrite(fd, data, sizeof data, 0));
    OK(pwrite(fd, data, 100, 1 << 20));
    OK(pwrite(fd, data, sizeof data, 4 << 20));
    return fd;
}
TEST_DIR(data_and_holes) {
    int fd = sparse();
    CHECK_RET(ask(fd, 0, -1, ROOM, FIEMAP_FLAG_SYNC), 0);
    unsigned n = u.m.fm_mapped_extents;
    CHECK_GE(n, 3);
    CHECK_LE(n, ROOM);
    struct fiemap_extent *e = u.m.fm_extents;
    CHECK_EQ(e[0].fe_logical, 0);
    for (unsigned i = 0; i < n; i++) {
        CHECK_GT(e[i].fe_length, 0);
        CHECK_EQ((e[i].fe_flags & FIEMAP_EXTENT_LAST) != 0, i == n - 1);
        if (i > 0) CHECK_GE(e[i].fe_logical, e[i - 1].fe_logical + e[i - 1].fe_length);
    }
    CHECK_EQ(e[n - 1].fe_logical + e[n - 1].fe_length, (4 << 20) + 65536);
    CHECK_RET(ask(fd, 0, -1, 0, 0), 0); // only counted
    CHECK_EQ(u.m.fm_mapped_extents, n);
    CHECK_RET(ask(fd, 0, -1, 1, 0), 0); // as many as there is room for
    CHECK_EQ(u.m.fm_mapped_extents, 1);
    CHECK_EQ(u.m.fm_extents[0].fe_flags & FIEMAP_EXTENT_LAST, 0);
    CHECK_RET(ask(fd, 128 << 10, 256 << 10, ROOM, 0), 0); // in the hole
    CHECK_EQ(u.m.fm_mapped_extents, 0);
    CHECK_RET(ask(fd, (1 << 20) + 10, 1, ROOM, 0), 0);
    CHECK_EQ(u.m.fm_mapped_extents, 1);
    CHECK_EQ(u.m.fm_extents[0].fe_logical, 1 << 20); // whole, though asked for a part
    CHECK_RET(ask(fd, 1L << 40, 1, ROOM, 0), 0);
    CHECK_EQ(u.m.fm_mapped_extents, 0);
    OK(ftruncate(fd, 0));
    CHECK_RET(ask(fd, 0, -1, ROOM, 0), 0);
    CHECK_EQ(u.m.fm_mapped_extents, 0);
}
TEST_DIR(errors) {
    int fd = sparse(), p[2];
    CHECK_ERR(ask(fd, 0, 0, ROOM, 0), EINVAL);
    CHECK_ERR(ask(fd, 1UL << 63, 1, ROOM, 0), EFBIG);
    CHECK_ERR(ask(fd, 0, -1, ~0u, 0), EINVAL);
    CHECK_ERR(ask(fd, 0, -1, ROOM, FIEMAP_FLAG_SYNC | 0x80000000), EBADR);
    CHECK_EQ(u.m.fm_flags, 0x80000000);
    CHECK_ERR(ioctl(fd, FS_IOC_FIEMAP, (void *)8), EFAULT);
    OK(pipe(p));
    CHECK(ask(p[0], 0, -1, ROOM, 0) == -1 && (errno == ENOTTY || errno == EOPNOTSUPP));
}
