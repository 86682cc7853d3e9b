// Short transfers: half of a read or write is made for the caller, who hears of that much.
#include "test/host/shorten.h"

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace sbx::test {
namespace {

// A descriptor of another process, opened here too.
int take_fd(pid_t process, int fd) {
    auto handle = static_cast<int>(syscall(SYS_pidfd_open, process, 0));
    if (handle < 0) return -1;
    auto mine = static_cast<int>(syscall(SYS_pidfd_getfd, handle, fd, 0));
    close(handle);
    return mine;
}

// The buffers of the call, in the caller's memory.
std::vector<iovec> buffers(pid_t tid, const seccomp_data& call, bool vector) {
    if (!vector) return {{reinterpret_cast<void*>(call.args[1]), call.args[2]}};
    std::vector<iovec> v(std::min<unsigned long long>(call.args[2], 1024));
    iovec here{v.data(), v.size() * sizeof(iovec)}, there{reinterpret_cast<void*>(call.args[1]), here.iov_len};
    if (process_vm_readv(tid, &here, 1, &there, 1, 0) != static_cast<ssize_t>(here.iov_len)) v.clear();
    return v;
}

void cut(std::vector<iovec>& v, size_t n) {
    for (size_t i = 0; i < v.size(); i++) {
        v[i].iov_len = std::min(v[i].iov_len, n);
        n -= v[i].iov_len;
    }
}

}  // namespace

bool can_shorten(int nr) {
    return nr == SYS_read || nr == SYS_write || nr == SYS_pread64 || nr == SYS_pwrite64 || nr == SYS_preadv2 ||
           nr == SYS_pwritev2;
}

bool shorten(pid_t process, pid_t tid, const seccomp_data& call, long* result) {
    bool vector = call.nr == SYS_preadv2 || call.nr == SYS_pwritev2;
    bool write = call.nr == SYS_write || call.nr == SYS_pwrite64 || call.nr == SYS_pwritev2;
    bool stream = call.nr == SYS_read || call.nr == SYS_write;
    std::vector<iovec> v = buffers(tid, call, vector);
    size_t n = 0;
    for (const iovec& i : v) n += i.iov_len;
    n /= 2;
    if (n < 16) return false;  // a number for an eventfd and the like
    cut(v, n);
    int fd = take_fd(process, static_cast<int>(call.args[0]));
    if (fd < 0) return false;
    // Nobody else is answered while this waits.
    pollfd ready{fd, static_cast<short>(write ? POLLOUT : POLLIN), 0};
    bool done = false;
    if (poll(&ready, 1, 0) == 1) {
        std::vector<char> bytes(n);
        iovec here{bytes.data(), n};
        auto at = stream ? -1 : static_cast<off_t>(call.args[3]);
        long moved = write ? process_vm_readv(tid, &here, 1, v.data(), v.size(), 0) : 0;
        if (moved >= 0) {
            here.iov_len = write ? static_cast<size_t>(moved) : n;
            int flags = vector ? static_cast<int>(call.args[5]) : 0;
            moved = syscall(write ? SYS_pwritev2 : SYS_preadv2, fd, &here, 1, at, 0, flags);
            if (moved > 0 && !write) {
                here.iov_len = static_cast<size_t>(moved);
                moved = process_vm_writev(tid, &here, 1, v.data(), v.size(), 0);
            }
            *result = moved < 0 ? -errno : moved;
            done = true;
        }
    }
    close(fd);
    return done;
}

}  // namespace sbx::test
