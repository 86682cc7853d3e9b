// The stub's code as top-level assembly, kept in read-only data: the sentry itself never runs it.
#include "platform/stub/code.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

asm(R"(
    .pushsection .rodata
    .balign 16
sbx_stub_start:
sbx_stub_ops:
1:  test %r12, %r12
    jz 2f
    mov (%rbx), %rax
    mov 8(%rbx), %rdi
    mov 16(%rbx), %rsi
    mov 24(%rbx), %rdx
    mov 32(%rbx), %r10
    mov 40(%rbx), %r8
    mov 48(%rbx), %r9
    syscall
    cmp $-4095, %rax
    jae 3f
    add $64, %rbx
    dec %r12
    jmp 1b
2:  int3
3:  ud2
sbx_stub_call:
    syscall
    int3
sbx_stub_clone:
    syscall
    test %eax, %eax
    jz sbx_stub_park
    int3
sbx_stub_park:
    mov $34, %eax
    syscall
    jmp sbx_stub_park
sbx_stub_exit:
    mov $60, %eax
    xor %edi, %edi
    syscall
    ud2
sbx_stub_end:
    .popsection
)");

extern "C" {
extern const char sbx_stub_start[], sbx_stub_ops[], sbx_stub_call[], sbx_stub_clone[], sbx_stub_park[], sbx_stub_exit[],
    sbx_stub_end[];
}

namespace sbx::platform::stub {

const Code& code() {
    auto at = [](const char* p) { return kCode + static_cast<u64>(p - sbx_stub_start); };
    static const Code c{reinterpret_cast<const u8*>(sbx_stub_start),
                        static_cast<size_t>(sbx_stub_end - sbx_stub_start),
                        at(sbx_stub_ops),
                        at(sbx_stub_call),
                        at(sbx_stub_clone),
                        at(sbx_stub_park),
                        at(sbx_stub_exit)};
    return c;
}

u64 user_start() {
    u64 min = 0x10000;
    int fd = open("/proc/sys/vm/mmap_min_addr", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return min;
    char text[32] = {};
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n > 0) min = std::max<u64>(min, page_up(strtoull(text, nullptr, 10)));
    return min;
}

}  // namespace sbx::platform::stub
