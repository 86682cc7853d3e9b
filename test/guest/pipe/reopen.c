// A pipe opened again through /proc/self/fd does not wait for a writer, unlike a FIFO: shells' <(...) reads what is there and ends.
#include "guest.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

TEST(reads_on_after_the_writer_is_gone) {
    int p[2];
    CHECK(pipe(p) == 0);
    CHECK_EQ(write(p[1], "abc", 3), 3);
    CHECK(close(p[1]) == 0);
    char name[64], buf[8];
    snprintf(name, sizeof name, "/proc/self/fd/%d", p[0]);
    int fd = open(name, O_RDONLY);
    CHECK(fd >= 0);
    CHECK_EQ(read(fd, buf, sizeof buf), 3);
    CHECK_EQ(read(fd, buf, sizeof buf), 0);
}
