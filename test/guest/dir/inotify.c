// inotify: which events, in which order, masks, moves with their cookie, removal, overflow of the buffer, errnos.
#include "../guest.h"
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

static int in;
struct ev { int wd; unsigned mask, cookie; char name[64]; };
static struct ev queue[64];
static int head, tail;
static void fill(void) {
    char buf[4096] __attribute__((aligned(8)));
    ssize_t n = read(in, buf, sizeof buf);
    head = tail = 0;
    for (char *p = buf; n > 0 && p < buf + n;) {
        struct inotify_event *e = (void *)p;
        queue[tail] = (struct ev){e->wd, e->mask, e->cookie, ""};
        if (e->len)
            snprintf(queue[tail].name, 64, "%.60s", e->name);
        tail++;
        p += sizeof *e + e->len;
    }
}
static struct ev next(void) {
    if (head == tail)
        fill();
    if (head == tail)
        return (struct ev){0};
    return queue[head++];
}
#define EXPECT(m, n)                                                                                                     \
    do {                                                                                                                 \
        struct ev e_ = next();                                                                                           \
        CHECK_EQ(e_.mask, m);                                                                                            \
        CHECK_STR(e_.name, n);                                                                                           \
    } while (0)
static void start(void) { in = OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)); }

TEST_DIR(file_life) {
    start();
    OK(inotify_add_watch(in, ".", IN_ALL_EVENTS));
    int fd = OK(open("f", O_CREAT | O_RDWR, 0644));
    EXPECT(IN_CREATE, "f");
    EXPECT(IN_OPEN, "f");
    CHECK_EQ(write(fd, "x", 1), 1);
    EXPECT(IN_MODIFY, "f");
    char b;
    CHECK_EQ(pread(fd, &b, 1, 0), 1);
    EXPECT(IN_ACCESS, "f");
    OK(fchmod(fd, 0600));
    EXPECT(IN_ATTRIB, "f");
    OK(ftruncate(fd, 0));
    EXPECT(IN_MODIFY, "f");
    close(fd);
    EXPECT(IN_CLOSE_WRITE, "f");
    close(OK(open("f", O_RDONLY)));
    EXPECT(IN_OPEN, "f");
    EXPECT(IN_CLOSE_NOWRITE, "f");
    OK(link("f", "g"));
    EXPECT(IN_CREATE, "g");
    OK(unlink("f"));
    EXPECT(IN_DELETE, "f");
    OK(mkdir("d", 0755));
    EXPECT(IN_CREATE | IN_ISDIR, "d");
    OK(rmdir("d"));
    EXPECT(IN_DELETE | IN_ISDIR, "d");
    CHECK_EQ(next().mask, 0);
}
TEST_DIR(moves) {
    OK(mkdir("a", 0755)), OK(mkdir("b", 0755));
    write_file("a/f", "");
    start();
    int wa = OK(inotify_add_watch(in, "a", IN_MOVE)), wb = OK(inotify_add_watch(in, "b", IN_MOVE));
    OK(rename("a/f", "b/g"));
    struct ev x = next(), y = next();
    CHECK_EQ(x.mask, IN_MOVED_FROM), CHECK_EQ(x.wd, wa), CHECK_STR(x.name, "f");
    CHECK_EQ(y.mask, IN_MOVED_TO), CHECK_EQ(y.wd, wb), CHECK_STR(y.name, "g");
    CHECK_EQ(x.cookie, y.cookie), CHECK_NE(x.cookie, 0);
}
TEST_DIR(watched_file_itself) {
    write_file("f", "");
    start();
    int w = OK(inotify_add_watch(in, "f", IN_ALL_EVENTS));
    CHECK_EQ(inotify_add_watch(in, "f", IN_ALL_EVENTS), w); // the same inode, the same watch
    OK(rename("f", "g"));
    EXPECT(IN_MOVE_SELF, "");
    OK(unlink("g"));
    EXPECT(IN_ATTRIB, ""); // the link count
    EXPECT(IN_DELETE_SELF, "");
    EXPECT(IN_IGNORED, "");
    CHECK_ERR(inotify_rm_watch(in, w), EINVAL);
}
TEST_DIR(masks_and_oneshot) {
    start();
    int w = OK(inotify_add_watch(in, ".", IN_CREATE | IN_ONESHOT));
    write_file("a", "x"), write_file("b", "x");
    EXPECT(IN_CREATE, "a");
    EXPECT(IN_IGNORED, "");
    CHECK_EQ(next().mask, 0);
    CHECK_ERR(inotify_rm_watch(in, w), EINVAL);
    w = OK(inotify_add_watch(in, ".", IN_DELETE));
    OK(inotify_add_watch(in, ".", IN_CREATE | IN_MASK_ADD));
    write_file("c", "");
    OK(unlink("c"));
    EXPECT(IN_CREATE, "c");
    EXPECT(IN_DELETE, "c");
    CHECK_EQ(inotify_rm_watch(in, w), 0);
    EXPECT(IN_IGNORED, "");
}
TEST_DIR(coalesce_and_read_rules) {
    start();
    OK(inotify_add_watch(in, ".", IN_MODIFY));
    int fd = OK(open("f", O_CREAT | O_WRONLY, 0644)), n = 0;
    for (int i = 0; i < 5; i++)
        CHECK_EQ(write(fd, "x", 1), 1);
    struct pollfd p = {in, POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(ioctl(in, FIONREAD, &n), 0);
    CHECK_EQ(n, sizeof(struct inotify_event) + 16); // five alike are one; names are padded
    char b[8];
    CHECK_ERR(read(in, b, 8), EINVAL); // too small for the next event
    EXPECT(IN_MODIFY, "f");
    CHECK_EQ(next().mask, 0);
    CHECK_ERR(read(in, queue, sizeof queue), EAGAIN);
}
TEST_DIR(errnos) {
    start();
    CHECK_ERR(inotify_init1(1), EINVAL);
    CHECK_ERR(inotify_add_watch(in, "none", IN_CREATE), ENOENT);
    CHECK_ERR(inotify_add_watch(in, ".", 0), EINVAL);
    CHECK_ERR(inotify_add_watch(0, ".", IN_CREATE), EINVAL);
    CHECK_ERR(inotify_add_watch(99, ".", IN_CREATE), EBADF);
    CHECK_ERR(inotify_rm_watch(in, 99), EINVAL);
    write_file("f", "");
    CHECK_ERR(inotify_add_watch(in, "f", IN_CREATE | IN_ONLYDIR), ENOTDIR);
    CHECK_ERR(inotify_add_watch(in, "f", IN_MASK_ADD | IN_MASK_CREATE | IN_CREATE), EINVAL);
    OK(inotify_add_watch(in, "f", IN_OPEN));
    CHECK_ERR(inotify_add_watch(in, "f", IN_OPEN | IN_MASK_CREATE), EEXIST);
}
TEST_DIR(blocking_read_wakes) {
    in = OK(inotify_init1(0));
    OK(inotify_add_watch(in, ".", IN_CREATE));
    pid_t c = FORK();
    if (c == 0) {
        sleep_ms(10);
        write_file("late", "");
        _exit(0);
    }
    EXPECT(IN_CREATE, "late");
    CHECK_EXIT(c, 0);
}
