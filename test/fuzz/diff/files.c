// Calls on open files: opening, reading and writing, sizes.
#include "seq.h"

#include <sys/sendfile.h>
#include <sys/uio.h>

void family_files(void) {
    int f = some_fd(), g = some_fd();
    size_t n = some_size();
    long at = some_offset(), r;
    switch (pick(20)) {
    case 0 ... 4: {
        const char *p = some_path();
        int flags = ONE_OF(O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_CREAT, O_RDWR | O_CREAT, O_WRONLY | O_CREAT | O_EXCL, O_RDWR | O_CREAT | O_TRUNC,
            O_WRONLY | O_APPEND, O_RDONLY | O_DIRECTORY, O_PATH, O_RDWR | O_APPEND | O_CREAT, O_RDONLY | O_NOFOLLOW, O_RDWR | O_TMPFILE, O_PATH | O_NOFOLLOW,
            O_RDONLY | O_CREAT | O_DIRECTORY, O_WRONLY | O_TRUNC, O_RDWR | O_CLOEXEC, 3);
        note("open(%s, %#o, 0644)", p, flags);
        result_fd(open(p, flags | O_NONBLOCK, 0644), f);
        break;
    }
    case 5: case 6: note("write(%d, %zu)", f, n); result(write(f, some_buffer(n), n)); break;
    case 7: case 8: { char *b = some_buffer(n); note("read(%d, %zu)", f, n); r = read(f, b, n); note_bytes(b, r); result(r); break; }
    case 9: note("pwrite(%d, %zu, %ld)", f, n, at); result(pwrite(f, some_buffer(n), n, at)); break;
    case 10: { char *b = some_buffer(n); note("pread(%d, %zu, %ld)", f, n, at); r = pread(f, b, n, at); note_bytes(b, r); result(r); break; }
    case 11: { int w = (int)pick(6); note("lseek(%d, %ld, %d)", f, at, w); result(lseek(f, at, w)); break; }
    case 12: note("ftruncate(%d, %ld)", f, at); result(ftruncate(f, at)); break;
    case 13: { const char *p = some_path(); note("truncate(%s, %ld)", p, at); result(truncate(p, at)); break; }
    case 14: { off_t o = at; int mine = (int)pick(2); note("sendfile(%d, %d, %ld, %zu)", f, g, mine ? at : -2, n); r = sendfile(f, g, mine ? &o : NULL, n); note(" {%ld}", (long)o); result(r); break; }
    case 15: { int k = ONE_OF(0, 1, 2, 3, 16, 17, 8, 32); long len = some_offset(); note("fallocate(%d, %d, %ld, %ld)", f, k, at, len); result(fallocate(f, k, at, len)); break; }
    case 16: { unsigned m = pick(50); struct iovec v[3] = {{some_buffer(n), n}, {data + 5, m}, {NULL, 0}}; int c = (int)pick(4); note("writev(%d, %zu %u, %d)", f, n, m, c); result(writev(f, v, c)); break; }
    case 17: { char b[200]; unsigned m = pick(100); struct iovec v[2] = {{b, m}, {b + m, 100}}; int fl = ONE_OF(0, RWF_NOWAIT, RWF_HIPRI, RWF_APPEND); note("preadv2(%d, %u 100, %ld, %d)", f, m, at, fl); r = preadv2(f, v, 2, at, fl); note_bytes(b, r); result(r); break; }
    case 18: { off_t i = some_offset(), o = at; int a = (int)pick(2), b = (int)pick(2); note("copy_file_range(%d, %ld, %d, %ld, %zu)", f, a ? i : -2, g, b ? o : -2, n); r = copy_file_range(f, a ? &i : NULL, g, b ? &o : NULL, n, 0); note(" {%ld %ld}", (long)i, (long)o); result(r); break; }
    case 19: { struct iovec v[1] = {{data, n}}; int fl = ONE_OF(0, RWF_APPEND, RWF_DSYNC); note("pwritev2(%d, %zu, %ld, %d)", f, n, at, fl); result(pwritev2(f, v, 1, at, fl)); break; }
    }
}
