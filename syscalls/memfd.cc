// memfd_create: files in memory without a name (mm/memfd.c).
#include <fcntl.h>
#include <linux/memfd.h>

#include "fs/tmpfs/tmpfs.h"
#include "syscalls/families.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#define MFD_EXEC 16u
#endif

namespace sbx {
namespace {

constexpr size_t kMaxName = vfs::kNameMax - 6;  // "memfd:" goes before it
constexpr u32 kSealSeal = 1, kSealExec = 0x20;  // F_SEAL_SEAL, F_SEAL_EXEC: the latter is newer than some headers

Result<long> sys_memfd_create(Task& t, UserString name, u32 flags) {
    if (flags & MFD_HUGETLB) return err(ENODEV);  // there is no hugetlbfs
    if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC)) return err(EINVAL);
    if ((flags & MFD_EXEC) && (flags & MFD_NOEXEC_SEAL)) return err(EINVAL);
    Result<std::string> text = t.mm().copy_in_string(name.addr, kMaxName + 1);
    if (!text) return err(text.error() == EFAULT ? EFAULT : EINVAL);
    u32 seals = flags & MFD_ALLOW_SEALING ? 0 : kSealSeal, mode = 0777;
    if (flags & MFD_NOEXEC_SEAL) {
        // Implies that sealing is allowed.
        seals = kSealExec;
        mode = 0666;
    }
    Ref<vfs::OpenFile> f = SBX_TRY(tmpfs::create_memfd(*text, seals, mode, O_RDWR | O_LARGEFILE, t.caller()));
    return SBX_TRY(t.files().add(std::move(f), flags & MFD_CLOEXEC, t.rlimit(RLIMIT_NOFILE)));
}

constexpr SyscallRow kRows[] = {
    {319, "memfd_create", syscall<sys_memfd_create>, "s flags", Support::Partial, "MFD_HUGETLB is ENODEV"},
};

}  // namespace

const SyscallFamily kMemfdSyscalls(kRows);

}  // namespace sbx
