// Calls on descriptors: numbers, flags, owners, and what they say of files of any kind.
#include "seq.h"

#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>

void family_descriptors(void) {
    int f = some_fd(), g = some_fd();
    long r;
    switch (pick(12)) {
    case 0: note("close(%d)", f); result(close(f)); break;
    case 1: note("dup3(%d, %d)", f, g); result(dup3(f, g, pick(2) ? O_CLOEXEC : 0)); break;
    case 2: case 3: { int k = ONE_OF(F_GETFD, F_GETFL, F_SETFD, F_SETFL, F_GETPIPE_SZ, F_GET_SEALS, F_GETOWN, F_GETSIG, F_GETLEASE, 99); int a = (int)pick(2) ? O_NONBLOCK | O_APPEND : O_NONBLOCK;
        note("fcntl(%d, %d, %#o)", f, k, a); result(fcntl(f, k, k == F_SETFD ? a & 1 : a)); break; }
    case 4: { int k = 0; unsigned long c = ONE_OF((unsigned long)FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TIOCOUTQ, FIOASYNC, 0x1234); if (c == FIONBIO) k = 1; note("ioctl(%d, %lx)", f, c); r = ioctl(f, c, &k); note(" {%d}", k); result(r); break; }
    case 5: { int k = ONE_OF(LOCK_SH, LOCK_EX, LOCK_UN, LOCK_SH | LOCK_EX) | LOCK_NB; note("flock(%d, %d)", f, k); result(flock(f, k)); break; }
    case 6: { int least = ONE_OF(BASE, BASE + 3, -1); int k = ONE_OF(F_DUPFD, F_DUPFD_CLOEXEC); note("fcntl(%d, %d, %d)", f, k, least); r = fcntl(f, k, least); result(r); if (r >= BASE + FDS) close((int)r); break; }
    case 7: { unsigned n = pick(3); unsigned fl = ONE_OF(0u, 4u, 8u); note("close_range(%d, %d, %u)", f, f + (int)n, fl); result(syscall(SYS_close_range, f, f + (int)n, fl)); break; }
    case 8: { int k = (int)pick(4); note("sync(%d, %d)", f, k); result(k == 0 ? fsync(f) : k == 1 ? fdatasync(f) : k == 2 ? syncfs(f) : sync_file_range(f, 0, 4096, 7)); break; }
    case 9: { int k = (int)pick(7); note("fadvise(%d, %d)", f, k); result(posix_fadvise(f, 0, 100, k)); break; }
    case 10: { int owner = ONE_OF(0, 1, 2); int s = ONE_OF(0, SIGUSR1, 64, 65, -1); note("fcntl(%d, setown %d, setsig %d)", f, owner, s); r = fcntl(f, F_SETSIG, s); result(r); note(" and"); if (owner == 0) r = fcntl(f, F_SETOWN, 0); else r = fcntl(f, F_SETOWN, owner == 1 ? getpid() : -getpgrp()); result(r);
        note(" own"); struct f_owner_ex o = {0}; r = fcntl(f, F_GETOWN_EX, &o); note(" {%d %s}", o.type, !o.pid ? "none" : o.pid == (o.type == F_OWNER_PGRP ? getpgrp() : getpid()) ? "own" : "other"); result(r); break; }
    case 11: { int fd = memfd_create("m", ONE_OF(0u, MFD_ALLOW_SEALING, MFD_ALLOW_SEALING | MFD_CLOEXEC, 0x100u)); note("memfd"); result_fd(fd, f);
        unsigned seals = pick(64); note("   seal(%d, %x)", g, seals); result(fcntl(g, F_ADD_SEALS, seals)); break; }
    }
}
