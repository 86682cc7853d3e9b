// Small programs in assembly, and what it takes to run them on a platform. Used by the platform tests.
#pragma once

#include <string.h>
#include <sys/mman.h>

#include "platform/platform.h"
#include "src/host/memory.h"
#include "src/host/unique_fd.h"

extern "C" {
extern const char guest_start[], guest_end[];
// mov $39,%eax; syscall; then again for ever, rbx counted up
extern const char guest_getpid_loop[];
extern const char guest_spin[];
extern const char guest_int80[], guest_far32[], guest_int3[], guest_ud2[], guest_div0[], guest_hlt[];
extern const char guest_read_rdi[], guest_write_rdi[], guest_jump_rdi[];
extern const char guest_fill_xmm[], guest_step[], guest_vsyscall_time[], guest_wrfsbase[];
}

namespace sbx::platform {

constexpr u64 kGuestCode = 0x400000, kGuestData = 0x500000;
constexpr u64 kGuestStackTop = kGuestData + kPageSize;

inline u64 guest_at(const char* label) { return kGuestCode + static_cast<u64>(label - guest_start); }

// A memory file: page 0 is the code, page 1 data, the rest as the test likes.
struct GuestMemory {
    host::UniqueFd fd;
    u8* bytes = nullptr;
    static constexpr size_t kSize = 256 * kPageSize;

    GuestMemory() {
        fd = host::UniqueFd(*host::create_memfd("test", kSize));
        bytes = static_cast<u8*>(mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0));
        memcpy(bytes, guest_start, static_cast<size_t>(guest_end - guest_start));
    }
    ~GuestMemory() { munmap(bytes, kSize); }
    // Code at kGuestCode, one page of data at kGuestData.
    void map_into(AddressSpace& as) {
        as.map({kGuestCode, kGuestCode + kPageSize}, fd.get(), 0, kProtRead | kProtExec, false);
        as.map({kGuestData, kGuestData + kPageSize}, fd.get(), kPageSize, kProtRead | kProtWrite, false);
    }
};

inline Registers guest_regs(const char* label) {
    Registers r{};
    r.rip = guest_at(label);
    r.rsp = kGuestStackTop;
    return r;
}

}  // namespace sbx::platform
