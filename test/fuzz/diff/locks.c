// Locks on files: of the process, of open files, against a child's.
#include "seq.h"

#include <sys/wait.h>

static struct flock some_lock(void) {
    struct flock l = {.l_type = ONE_OF((short)F_RDLCK, F_WRLCK, F_WRLCK, F_UNLCK, 9), .l_whence = ONE_OF((short)SEEK_SET, SEEK_SET, SEEK_CUR, SEEK_END, 9), .l_start = ONE_OF(0, 0, 1, 10, 100, -1), .l_len = ONE_OF(0, 1, 10, 100, -1)};
    note(" {%d %d %ld %ld}", l.l_type, l.l_whence, (long)l.l_start, (long)l.l_len);
    return l;
}
static void note_lock(const struct flock *l) {
    if (l->l_type == F_UNLCK) note(" [free]");
    else note(" [%d %d %ld %ld %s]", l->l_type, l->l_whence, (long)l->l_start, (long)l->l_len, l->l_pid == -1 ? "file" : l->l_pid == getpid() ? "own" : "other");
}

void family_locks(void) {
    int f = some_fd();
    long r;
    note("lock(%d)", f);
    switch (pick(8)) {
    case 0: case 1: { struct flock l = some_lock(); result(fcntl(f, F_SETLK, &l)); break; }
    case 2: { struct flock l = some_lock(); r = fcntl(f, F_GETLK, &l); if (r == 0) note_lock(&l); result(r); break; }
    case 3 ... 5: { struct flock l = some_lock(); l.l_pid = ONE_OF(0, 0, 0, 0, 1); note(" ofd"); result(fcntl(f, F_OFD_SETLK, &l)); break; }
    case 6: { struct flock l = some_lock(); note(" ofd"); r = fcntl(f, F_OFD_GETLK, &l); if (r == 0) note_lock(&l); result(r); break; }
    case 7: {
        struct flock l = some_lock();
        int again = (int)pick(2);
        pid_t pid = fork();
        if (pid == 0) {
            if (again) _exit(fcntl(f, F_SETLK, &l) < 0 ? errno : 0);
            if (fcntl(f, F_GETLK, &l) < 0) _exit(errno);
            _exit(100 + l.l_type * 10 + (l.l_pid == getppid()) + 2 * (l.l_pid == -1));
        }
        int status = 0;
        waitpid(pid, &status, 0);
        result(status);
        break;
    }
    }
}
