// Memory mappings: mmap, munmap, mprotect, mremap, brk, remap_file_pages and protection keys.
#include <sys/mman.h>
#include <sys/mount.h>

#include "fs/vfs/mount.h"
#include "fs/vfs/open_file.h"
#include "src/kernel/task.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

constexpr u32 kReadImpliesExec = 0x0400000;  // personality(2)

bool no_exec(const vfs::OpenFile& f) { return f.path().mount && (f.path().mount->flags() & MS_NOEXEC); }

Result<long> sys_mmap(Task& t, u64 addr, u64 length, u64 prot, u64 flags, int fd, u64 offset) {
    if (offset & kPageMask) return err(EINVAL);
    mm::MmapRequest r;
    r.addr = addr;
    r.length = length;
    r.prot = static_cast<int>(prot);
    r.flags = static_cast<int>(flags);
    r.offset = offset;
    Ref<vfs::OpenFile> file;
    if (!(flags & MAP_ANONYMOUS)) {
        file = SBX_TRY(t.files().get(fd));
        if (file->is_path_only()) return err(EBADF);
    }
    if ((prot & PROT_READ) && (t.personality & kReadImpliesExec) && !(file && no_exec(*file))) r.prot |= PROT_EXEC;
    if (file) {
        // The order of do_mmap() (mm/mmap.c).
        if (length == 0) return err(EINVAL);
        if (page_up(length) == 0) return err(ENOMEM);
        u64 type = flags & MAP_TYPE;
        bool shared = type == MAP_SHARED || type == MAP_SHARED_VALIDATE;
        if (!shared && type != MAP_PRIVATE) return err(EINVAL);
        if (shared && (prot & PROT_WRITE) && !file->writable()) return err(EACCES);
        if (shared && !file->may_write_shared()) r.max_prot &= static_cast<u8>(~PROT_WRITE);
        if (!file->readable()) return err(EACCES);
        if (no_exec(*file)) {
            if (prot & PROT_EXEC) return err(EPERM);
            r.max_prot &= static_cast<u8>(~PROT_EXEC);
        }
        // Who may write a file may also look for its changes in a private mapping; libraries are opened for reading.
        r.copy_ahead = !file->writable();
        // No object: the pages are anonymous (/dev/zero).
        r.file = SBX_TRY(file->mappable(r.prot, r.flags, t.caller()));
        if (!r.file) r.offset = 0;
    } else {
        r.offset = 0;
    }
    return static_cast<long>(SBX_TRY(t.mm().mmap(r, t.mm_limits())));
}

Result<long> sys_munmap(Task& t, u64 addr, u64 length) {
    SBX_TRY(t.mm().munmap(addr, length));
    return 0;
}

Result<long> do_mprotect(Task& t, u64 addr, u64 length, u64 prot) {
    if ((prot & PROT_READ) && (t.personality & kReadImpliesExec)) prot |= PROT_EXEC;
    if (prot >> 32) return err(EINVAL);
    SBX_TRY(t.mm().mprotect(addr, length, static_cast<int>(prot), t.mm_limits()));
    return 0;
}

Result<long> sys_mprotect(Task& t, u64 addr, u64 length, u64 prot) { return do_mprotect(t, addr, length, prot); }

Result<long> sys_mremap(Task& t, u64 addr, u64 old_length, u64 new_length, u64 flags, u64 new_addr) {
    if (flags >> 31) return err(EINVAL);
    return static_cast<long>(
        SBX_TRY(t.mm().mremap(addr, old_length, new_length, static_cast<int>(flags), new_addr, t.mm_limits())));
}

Result<long> sys_brk(Task& t, u64 addr) { return static_cast<long>(t.mm().brk(addr, t.mm_limits())); }

Result<long> sys_remap_file_pages(Task& t, u64 addr, u64 length, u64 prot, u64 page_offset, u64) {
    if (prot) return err(EINVAL);
    if (page_offset > ~0ull >> 12) return err(EINVAL);
    SBX_TRY(t.mm().remap_file_pages(page_down(addr), page_down(length), page_offset * kPageSize));
    return 0;
}

// As on a CPU without protection keys: only the key -1, "none", exists (mm/mprotect.c).
Result<long> sys_pkey_mprotect(Task& t, u64 addr, u64 length, u64 prot, int pkey) {
    if (pkey != -1) return err(EINVAL);
    return do_mprotect(t, addr, length, prot);
}
Result<long> sys_pkey_alloc(Task&, u64 flags, u64 rights) {
    if (flags || (rights & ~3ull)) return err(EINVAL);
    return err(ENOSPC);
}
Result<long> sys_pkey_free(Task&, int) { return err(EINVAL); }

constexpr SyscallRow kRows[] = {
    {9, "mmap", syscall<sys_mmap>, "ptr u prot mmap_flags fd x", Support::Full,
     "no huge pages: MAP_HUGETLB gives ENOMEM"},
    {10, "mprotect", syscall<sys_mprotect>, "ptr u prot", Support::Full, ""},
    {11, "munmap", syscall<sys_munmap>, "ptr u", Support::Full, ""},
    {12, "brk", syscall<sys_brk>, "ptr", Support::Full, ""},
    {25, "mremap", syscall<sys_mremap>, "ptr u u flags ptr", Support::Full, "one mapping a call"},
    {216, "remap_file_pages", syscall<sys_remap_file_pages>, "ptr u prot u flags", Support::Full, ""},
    {329, "pkey_mprotect", syscall<sys_pkey_mprotect>, "ptr u prot d", Support::Full,
     "as on a CPU without protection keys"},
    {330, "pkey_alloc", syscall<sys_pkey_alloc>, "flags x", Support::None, "as on a CPU without protection keys"},
    {331, "pkey_free", syscall<sys_pkey_free>, "d", Support::None, "as on a CPU without protection keys"},
};

}  // namespace

const SyscallFamily kMmapSyscalls(kRows);

}  // namespace sbx
