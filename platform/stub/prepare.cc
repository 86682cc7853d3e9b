// Leaving the sentry behind.
#include "platform/stub/prepare.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/stub/layout.h"
#include "src/host/vdso.h"

// glibc's registration of restartable sequences; absent from musl and from older glibc.
extern "C" {
extern const ptrdiff_t __rseq_offset __attribute__((weak));
}

namespace sbx::platform::stub {
namespace {
constexpr u32 kRseqSignature = 0x53053053;
constexpr u32 kRseqArea = 32;
constexpr int kRseqUnregister = 1;

// A copied registration points into memory that goes away; the kernel would kill the stub over it.
void unregister_rseq() {
    if (!&__rseq_offset) return;
    char* area = static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset;
    syscall(SYS_rseq, area, kRseqArea, kRseqUnregister, kRseqSignature);
}

long drop_capabilities() {
    __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &head, data);
}

}  // namespace

bool move_vdso() {
    const host::Vdso& v = host::vdso();
    for (Range m : v.mappings) {
        u64 to = kHostVdso + (m.start - v.range().start);
        if (mremap(reinterpret_cast<void*>(m.start), m.length(), m.length(), MREMAP_MAYMOVE | MREMAP_FIXED,
                   reinterpret_cast<void*>(to)) == MAP_FAILED)
            return false;
    }
    return v.found();
}

long leave_sentry_behind() {
    unregister_rseq();
    setsid();
    prctl(PR_SET_NAME, "sbx-stub");
    rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return drop_capabilities() != 0 ? -errno : 0;
}

long place_code(ConstBytes code) {
    void* page = mmap(reinterpret_cast<void*>(kCode), kPageSize, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (page == MAP_FAILED) return -errno;
    memcpy(page, code.data(), code.size());
    return mprotect(page, kPageSize, PROT_READ | PROT_EXEC) != 0 ? -errno : 0;
}

}  // namespace sbx::platform::stub
