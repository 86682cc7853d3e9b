// Implementation of host/memory.h.
#include "src/host/memory.h"

#include <fcntl.h>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

namespace sbx::host {

Result<int> create_memfd(const char* name, u64 size) {
    rlimit limit{};
    // ftruncate beyond RLIMIT_FSIZE would raise SIGXFSZ.
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && size > limit.rlim_cur)
        return err(EFBIG);
    constexpr unsigned kCloexec = 1, kExec = 0x10;  // MFD_CLOEXEC, MFD_EXEC
    // MFD_EXEC: application code is mapped executable from here, whatever vm.memfd_noexec says. Before Linux 6.3: EINVAL, and no
    // need.
    int fd = static_cast<int>(syscall(SYS_memfd_create, name, kCloexec | kExec));
    if (fd < 0 && errno == EINVAL) fd = static_cast<int>(syscall(SYS_memfd_create, name, kCloexec));
    if (fd < 0) return err(errno);
    if (ftruncate(fd, static_cast<off_t>(size)) != 0) {
        int e = errno;
        close(fd);
        return err(e);
    }
    return fd;
}

void close_fd(int fd) { close(fd); }

Result<u8*> map_window(int fd, u64 size) {
    void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (p == MAP_FAILED) return err(errno);
    madvise(p, size, MADV_DONTFORK);
    madvise(p, size, MADV_DONTDUMP);
    return static_cast<u8*>(p);
}

void unmap_window(u8* base, u64 size) { munmap(base, size); }

Result<> punch_hole(int fd, Range r) {
    int rc;
    do {
        rc = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(r.start),
                       static_cast<off_t>(r.length()));
    } while (rc != 0 && errno == EINTR);
    if (rc != 0) return err(errno);
    return {};
}

Result<size_t> read_at(int fd, void* to, size_t n, u64 offset) {
    size_t done = 0;
    while (done < n) {
        ssize_t r = pread(fd, static_cast<u8*>(to) + done, n - done, static_cast<off_t>(offset + done));
        if (r < 0 && errno == EINTR) continue;
        if (r < 0 && done == 0) return err(errno);
        if (r <= 0) break;
        done += static_cast<size_t>(r);
    }
    return done;
}

Result<size_t> write_at(int fd, const void* from, size_t n, u64 offset) {
    size_t done = 0;
    while (done < n) {
        ssize_t r = pwrite(fd, static_cast<const u8*>(from) + done, n - done, static_cast<off_t>(offset + done));
        if (r < 0 && errno == EINTR) continue;
        if (r < 0 && done == 0) return err(errno);
        if (r <= 0) break;
        done += static_cast<size_t>(r);
    }
    return done;
}

Result<u64> file_size(int fd) {
    struct stat st {};
    if (fstat(fd, &st) != 0) return err(errno);
    return static_cast<u64>(st.st_size);
}

u64 file_usage(int fd) {
    struct stat st {};
    if (fstat(fd, &st) != 0) return 0;
    return static_cast<u64>(st.st_blocks) * 512;
}

Range next_data(int fd, Range r) {
    off_t data = lseek(fd, static_cast<off_t>(r.start), SEEK_DATA);
    // A host that cannot say is not one that says that there is none.
    if (data < 0 && errno != ENXIO) return r;
    if (data < 0 || static_cast<u64>(data) >= r.end) return Range{r.end, r.end};
    off_t hole = lseek(fd, data, SEEK_HOLE);
    u64 end = hole < 0 || static_cast<u64>(hole) > r.end ? r.end : static_cast<u64>(hole);
    return Range{static_cast<u64>(data), end};
}

Range next_data_near(int fd, u8* window, Range r) {
    off_t found = lseek(fd, static_cast<off_t>(r.start), SEEK_DATA);
    if (found < 0 && errno != ENXIO) return r;
    if (found < 0 || static_cast<u64>(found) >= r.end) return Range{r.end, r.end};
    u64 start = static_cast<u64>(found);
    unsigned char there[kNear / kPageSize];
    if (r.end - start > kNear || mincore(window + start, r.end - start, there) != 0) return next_data(fd, r);
    u64 end = start + kPageSize;
    for (; end < r.end; end += kPageSize) {
        if (there[(end - start) / kPageSize] & 1) continue;
        // Perhaps it was swapped out.
        off_t next = lseek(fd, static_cast<off_t>(end), SEEK_DATA);
        if (next != static_cast<off_t>(end) && (next >= 0 || errno == ENXIO)) break;
    }
    return Range{start, end};
}

u64 resident(u8* window, Range r) {
    unsigned char there[kNear / kPageSize];
    if (r.empty() || r.length() > kNear || mincore(window + r.start, r.length(), there) != 0) return 0;
    u64 pages = 0;
    for (u64 i = 0; i < r.length() / kPageSize; i++) pages += there[i] & 1;
    return pages * kPageSize;
}

bool can_global_barrier() {
    long known = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    return known > 0 && (known & MEMBARRIER_CMD_GLOBAL);
}

Result<> global_barrier() {
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) return err(errno);
    return {};
}

Result<> accept_barriers() {
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) != 0) return err(errno);
    return {};
}

Result<> expedited_barrier() {
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) != 0) return err(errno);
    return {};
}

u64 total_memory() {
    struct sysinfo info {};
    if (sysinfo(&info) != 0) return ~0ull;
    return (static_cast<u64>(info.totalram) + info.totalswap) * info.mem_unit;
}

}  // namespace sbx::host
