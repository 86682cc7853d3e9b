// Pipes and what moves bytes between files of all kinds.
#include "seq.h"

#include <sys/uio.h>

void family_pipes(void) {
    int f = some_fd(), g = some_fd();
    size_t n = some_size();
    long at = some_offset(), r;
    switch (pick(11)) {
    case 0: case 1: { int ends[2], fl = ONE_OF(0, 0, O_DIRECT, O_CLOEXEC, O_APPEND); note("pipe2(%x)", (unsigned)fl); if (result(pipe2(ends, fl | O_NONBLOCK)) == 0) keep_two(ends, f, g); break; }
    case 2 ... 4: { loff_t i = at, o = some_offset(); int a = (int)pick(3) == 0, b = (int)pick(3) == 0; unsigned fl = ONE_OF(0u, SPLICE_F_NONBLOCK, SPLICE_F_MORE, 16u); note("splice(%d, %ld, %d, %ld, %zu, %u)", f, a ? i : -2, g, b ? o : -2, n, fl); r = splice(f, a ? &i : NULL, g, b ? &o : NULL, n, fl); note(" {%ld %ld}", (long)i, (long)o); result(r); break; }
    case 5: case 6: note("tee(%d, %d, %zu)", f, g, n); result(tee(f, g, n, SPLICE_F_NONBLOCK)); break;
    case 7: case 8: { struct iovec v[2] = {{data, n}, {data + 100, pick(100)}}; note("vmsplice(%d, %zu)", f, n); result(vmsplice(f, v, 2, SPLICE_F_NONBLOCK)); break; }
    case 9: { int k = ONE_OF(0, 4096, 8192, 10000, 65536, 1 << 20, -1); note("setpipe(%d, %d)", f, k); result(fcntl(f, F_SETPIPE_SZ, k)); break; }
    case 10: { const char *p = some_path(); int fl = ONE_OF(O_RDONLY, O_WRONLY, O_RDWR); note("mkfifo(%s)", p); result(mkfifo(p, 0644)); note(" open(%s, %d)", p, fl); result_fd(open(p, fl | O_NONBLOCK), f); break; }
    }
}
