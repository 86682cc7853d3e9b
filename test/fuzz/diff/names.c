// Calls on names: directories, links, renaming, attributes that names lead to.
#include "seq.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

static void show(const struct stat *s) {
    int directory = S_ISDIR(s->st_mode);
    note(" [mode %o nlink %lu size %ld]", s->st_mode, directory ? 0ul : (unsigned long)s->st_nlink, directory ? 0l : (long)s->st_size);
}

void family_names(void) {
    const char *p = some_path(), *q = some_path();
    int f = some_fd(), g = some_fd(), at = pick(4) ? AT_FDCWD : g;
    struct stat s;
    long r;
    switch (pick(22)) {
    case 0: case 1: note("mkdirat(%d, %s)", at, p); result(mkdirat(at, p, 0755)); break;
    case 2: { int k = pick(2) ? AT_REMOVEDIR : 0; note("unlinkat(%d, %s, %d)", at, p, k); result(unlinkat(at, p, k)); break; }
    case 3: note("unlink(%s)", p); result(unlink(p)); break;
    case 4: case 5: { unsigned k = ONE_OF(0, 0, 0, 1, 2, 3); note("renameat2(%s, %d, %s, %u)", p, at, q, k); result(renameat2(AT_FDCWD, p, at, q, k)); break; }
    case 6: { int k = ONE_OF(0, 0, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH); note("linkat(%d, %s, %s, %d)", at, p, q, k); result(linkat(at, p, AT_FDCWD, q, k)); break; }
    case 7: note("symlink(%s, %s)", p, q); result(symlink(p, q)); break;
    case 8: { char t[100] = ""; size_t n = ONE_OF(99, 1, 0); note("readlinkat(%d, %s, %zu)", at, p, n); r = readlinkat(at, p, t, n); note(" {%s}", t); result(r); break; }
    case 9: case 10: { int k = ONE_OF(0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH); note("fstatat(%d, %s, %d)", at, p, k); r = fstatat(at, p, &s, k); if (r == 0 && !S_ISSOCK(s.st_mode) && s.st_mode & S_IFMT) show(&s); result(r); break; }
    case 11: case 12: note("fstat(%d)", f); r = fstat(f, &s); if (r == 0 && !S_ISSOCK(s.st_mode) && s.st_mode & S_IFMT) show(&s); result(r); break;
    case 13: { unsigned k = pick(010000); note("fchmodat(%d, %s, %o)", at, p, k | 0700); result(fchmodat(at, p, k | 0700, 0)); break; }
    case 14: { unsigned k = pick(01000); note("fchmod(%d, %o)", f, k | 0600); result(fchmod(f, k | 0600)); break; }
    case 15: { int k = (int)pick(9), fl = ONE_OF(0, AT_EACCESS, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH); note("faccessat2(%d, %s, %d, %d)", at, p, k, fl); result(syscall(SYS_faccessat2, at, p, k, fl)); break; }
    case 16: { DIR *d = opendir(p); note("list(%s)", p); unsigned sum = 0, n = 0; if (!d) { result(-1); break; } for (struct dirent *e; (e = readdir(d));) sum += bytes_hash(e->d_name, (long)strlen(e->d_name)) * (e->d_type + 1u), n++; closedir(d); note(" {%x}", sum); result(n); break; }
    case 17: { mode_t m = ONE_OF(S_IFIFO, S_IFREG, 0, S_IFSOCK, S_IFCHR, S_IFDIR, S_IFLNK, 0170000); dev_t dev = m == S_IFCHR ? 0x0103 : 0; note("mknodat(%d, %s, %o)", at, p, m); result(mknodat(at, p, m | 0644, dev)); break; }
    case 18: { struct open_how how = {.flags = ONE_OF(O_RDONLY, O_RDWR | O_CREAT, O_PATH, O_RDONLY | O_DIRECTORY) | O_NONBLOCK, .resolve = ONE_OF(0, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_IN_ROOT, RESOLVE_NO_XDEV, 64)};
        if (how.flags & O_CREAT) how.mode = 0644; note("openat2(%d, %s, %#llo, %llu)", at, p, how.flags, how.resolve); result_fd((int)syscall(SYS_openat2, at, p, &how, sizeof how), f); break; }
    case 19: if (pick(2)) { note("chdir(%s)", p); result(chdir(p)); } else { note("fchdir(%d)", f); result(fchdir(f)); } break;
    case 20: { struct timespec t[2] = {{pick(1000), ONE_OF(5, UTIME_OMIT, 1000000000)}, {pick(1000), ONE_OF(7, UTIME_OMIT)}}; int k = ONE_OF(0, AT_SYMLINK_NOFOLLOW); note("utimensat(%d, %s, %d)", at, p, k); r = utimensat(at, p, t, k);
        if (r == 0 && t[1].tv_nsec == 7 && fstatat(at, p, &s, k) == 0) note(" {%ld}", s.st_mtime); result(r); break; }
    case 21: { unsigned k = pick(0200); note("umask(%o)", k); result(umask(k)); break; }
    }
}
