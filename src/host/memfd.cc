// Memory descriptors through memfd_create(2).
#include "src/host/memfd.h"

#include <sys/mman.h>
#include <sys/syscall.h>

namespace sbx::host {

#ifndef MFD_EXEC
constexpr unsigned MFD_EXEC = 0x10;
#endif

Result<UniqueFd> create_memfd(const char* name, u64 size) {
    // MFD_EXEC (Linux 6.3): application code is mapped executable from here whatever vm.memfd_noexec says. Older kernels say
    // EINVAL to the flag and need none.
    long fd = syscall(SYS_memfd_create, name, MFD_CLOEXEC | MFD_EXEC);
    if (fd < 0 && errno == EINVAL) fd = syscall(SYS_memfd_create, name, MFD_CLOEXEC);
    if (fd < 0) return err(errno);
    UniqueFd owned(static_cast<int>(fd));
    if (ftruncate(owned.get(), static_cast<off_t>(size)) != 0) return err(errno);
    return owned;
}

}  // namespace sbx::host
