// Extended attributes, owners, statx.
#include "seq.h"

#include <sys/xattr.h>

void family_attributes(void) {
    const char *p = some_path(), *name = ONE_OF("user.a", "user.b", "user.", "trusted.x", "bad", "security.x", "user.a");
    int f = some_fd(), follow = (int)pick(2);
    size_t n = ONE_OF(0ul, 3ul, 10ul, 100ul);
    char b[256];
    long r;
    switch (pick(9)) {
    case 0: case 1: { int fl = ONE_OF(0, 0, XATTR_CREATE, XATTR_REPLACE, 3); note("setxattr(%s, %s, %zu, %d, %d)", p, name, n, fl, follow); result((follow ? setxattr : lsetxattr)(p, name, data, n, fl)); break; }
    case 2: note("getxattr(%s, %s, %zu)", p, name, n); r = (follow ? getxattr : lgetxattr)(p, name, b, n); if (r > 0 && n) note_bytes(b, r); result(r); break;
    case 3: { note("listxattr(%s)", p); r = (follow ? listxattr : llistxattr)(p, b, sizeof b); unsigned sum = 0; for (long i = 0; i < r; i += (long)strlen(b + i) + 1) sum += bytes_hash(b + i, (long)strlen(b + i)); note(" {%x}", sum); result(r); break; }
    case 4: note("removexattr(%s, %s)", p, name); result((follow ? removexattr : lremovexattr)(p, name)); break;
    case 5: note("fsetxattr(%d, %s)", f, name); result(fsetxattr(f, name, data, n, 0)); note(" fgetxattr"); result(fgetxattr(f, name, NULL, 0)); break;
    case 6: { uid_t u = ONE_OF(0u, 1000u, ~0u); gid_t g = ONE_OF(0u, 100u, ~0u); int fl = ONE_OF(0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH); note("fchownat(%s, %u, %u, %d)", p, u, g, fl); result(fchownat(AT_FDCWD, p, u, g, fl)); break; }
    case 7: { uid_t u = ONE_OF(0u, 1000u); note("fchown(%d, %u)", f, u); result(fchown(f, u, u)); break; }
    case 8: { struct statx s = {0}; int fl = ONE_OF(0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_STATX_FORCE_SYNC, 0x8000); unsigned mask = ONE_OF(STATX_BASIC_STATS, STATX_MODE, 0u, 0x80000000u); note("statx(%s, %d, %x)", p, fl, mask); r = statx(AT_FDCWD, p, fl, mask, &s);
        if (r == 0) note(" {%o %u %u}", s.stx_mode, s.stx_uid, s.stx_gid); result(r); break; }
    }
}
