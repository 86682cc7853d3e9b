// The stub's code, kept in read-only data: the sentry itself never runs it. Offsets are those of pages.h.
#include "platform/systrap/code.h"

#include "platform/stub/layout.h"

asm(R"(
    .pushsection .rodata
    .balign 64
sbx_systrap_start:
sbx_systrap_bytes:                  # 0, 1, ... 255: what answer writes come from
    .set i, 0
    .rept 256
    .byte i
    .set i, i + 1
    .endr
sbx_systrap_zeros:
    .quad 0

    # Writes \n bytes at rsi to the orders' file, \at bytes into our page.
    .macro ANSWER n, at
    mov %r15, %rdi
    shr $32, %rdi
    mov %r15d, %r10d
    add $\at, %r10
    mov $\n, %edx
    mov %r14, %r9
    mov $18, %eax
    syscall
    .endm

    # The mapper. r12: operations left, r13: the next one.
sbx_systrap_loop:
    mov (%rbx), %eax
    cmp %ebp, %eax
    jne 1f
    mov $202, %eax                  # futex(&seq, FUTEX_WAIT, ebp, NULL)
    mov %rbx, %rdi
    xor %esi, %esi
    mov %ebp, %edx
    xor %r10d, %r10d
    syscall
    jmp sbx_systrap_loop
1:  mov %eax, %ebp
    mov 8(%rbx), %r12d
    lea 64(%rbx), %r13
2:  test %r12d, %r12d
    jz sbx_systrap_done
    mov (%r13), %rax
    mov 8(%r13), %rdi
    mov 16(%r13), %rsi
    mov 24(%r13), %rdx
    mov 32(%r13), %r10
    mov 40(%r13), %r8
    mov %r14, %r9
    cmp $9, %eax
    jne 3f
    mov 48(%r13), %r9               # mmap has no argument to spare: the upper halves of prot and fd
    mov %r14, %rcx
    shr $32, %rcx
    shl $32, %rcx
    or %rcx, %rdx
    mov %r14, %rcx
    shl $32, %rcx
    mov %r8d, %r8d
    or %rcx, %r8
3:  syscall
    cmp $-4095, %rax
    jae sbx_systrap_failed
    cmpl $56, (%r13)
    jne 5f
    test %eax, %eax
    jz sbx_systrap_child
    mov %eax, %r8d                  # tells the new thread's number, byte by byte
    .set i, 0
    .rept 4
    movzbl %r8b, %ecx
    lea sbx_systrap_bytes(%rip), %rsi
    add %rcx, %rsi
    ANSWER 1, 14 + i
    shr $8, %r8d
    .set i, i + 1
    .endr
5:  add $64, %r13
    dec %r12d
    jmp 2b
sbx_systrap_failed:
    neg %eax
    movzbl %al, %ecx
    lea sbx_systrap_bytes(%rip), %rsi
    add %rcx, %rsi
    ANSWER 1, 12
    movzbl %r12b, %ecx
    lea sbx_systrap_bytes(%rip), %rsi
    add %rcx, %rsi
    ANSWER 1, 13
sbx_systrap_done:
    mov %rbx, %rsi                  # ack = seq: the sentry changes it only after this
    ANSWER 4, 4
    mov $202, %eax                  # futex(&ack, FUTEX_WAKE, 1)
    lea 4(%rbx), %rdi
    mov $1, %esi
    mov $1, %edx
    syscall
    jmp sbx_systrap_loop

    # After clone, all registers as for the call.
sbx_systrap_child:
    test $0x10000, %edi
    jnz sbx_systrap_thread
    mov %r10, %r15                  # a process: r10 names its orders, r8 is the parent that it must have
    mov %r8, %r12
    mov $157, %eax                  # prctl(PR_SET_PDEATHSIG, SIGKILL)
    mov $1, %edi
    mov $9, %esi
    mov %r14, %r9
    syscall
    test %eax, %eax
    jnz 9f
    mov $110, %eax                  # getppid()
    syscall
    cmp %eax, %r12d
    jne 9f
    mov $9, %eax                    # mmap(orders, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, file, offset)
    mov %rbx, %rdi
    mov $4096, %esi
    mov %r14, %rdx
    shr $32, %rdx
    shl $32, %rdx
    or $1, %rdx
    mov $0x11, %r10d
    mov %r14, %r8
    shl $32, %r8
    mov %r15, %rcx
    shr $32, %rcx
    or %rcx, %r8
    mov %r15d, %r9d
    syscall
    cmp %rbx, %rax
    jne 9f
    xor %ebp, %ebp
    jmp sbx_systrap_loop
9:  ud2                             # with all signals blocked: the end of the process

    # A thread: rdx is its frame. The first trap is one of its own making, with registers that are all zero.
sbx_systrap_thread:
    mov %rdx, %rbx
    mov $436, %eax                  # close_range(0, ~0, CLOSE_RANGE_UNSHARE): no descriptors
    xor %edi, %edi
    mov $-1, %esi
    mov $2, %edx
    mov %r14, %r9
    syscall
    test %eax, %eax
    jnz 9b
    mov $131, %eax                  # sigaltstack(&control->stack, NULL)
    lea 16384 - 256 + 48(%rbx), %rdi
    xor %esi, %esi
    syscall
    test %eax, %eax
    jnz 9b
    mov $14, %eax                   # rt_sigprocmask(SIG_SETMASK, {}, NULL, 8)
    mov $2, %edi
    lea sbx_systrap_zeros(%rip), %rsi
    xor %edx, %edx
    mov $8, %r10d
    syscall
    xor %eax, %eax
    xor %ebx, %ebx
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %edi, %edi
    xor %ebp, %ebp
    xor %esp, %esp
    xor %r8d, %r8d
    xor %r9d, %r9d
    xor %r10d, %r10d
    xor %r11d, %r11d
    xor %r12d, %r12d
    xor %r13d, %r13d
    xor %r14d, %r14d
    xor %r15d, %r15d
    ud2

    # The signal handler: rdi signal, rdx ucontext.
sbx_systrap_handler:
    mov %rsp, %rbx
    or $0x3fff, %rbx
    sub $0xff, %rbx                 # the Control
    mov %rdx, %rbp
    mov %rdx, 16(%rbx)
    mov %edi, 24(%rbx)
    rdfsbase %rax
    mov %rax, 32(%rbx)
    rdgsbase %rax
    mov %rax, 40(%rbx)
    mov $1, %eax
    xchg %eax, (%rbx)               # trapped
    cmpl $0, 4(%rbx)
    je 1f
    mov $202, %eax                  # futex(&state, FUTEX_WAKE, 1)
    mov %rbx, %rdi
    mov $1, %esi
    mov $1, %edx
    syscall
1:  mov 12(%rbx), %ecx
2:  cmpl $0, (%rbx)
    je 5f
    dec %ecx
    js 3f
    pause
    jmp 2b
3:  mov $1, %eax
    xchg %eax, 8(%rbx)
4:  cmpl $0, (%rbx)
    je 6f
    mov $202, %eax                  # futex(&state, FUTEX_WAIT, 1, NULL)
    mov %rbx, %rdi
    xor %esi, %esi
    mov $1, %edx
    xor %r10d, %r10d
    syscall
    jmp 4b
6:  movl $0, 8(%rbx)
5:  cmpl $0, 28(%rbx)
    je 7f
    mov 32(%rbx), %rax
    wrfsbase %rax
    mov 40(%rbx), %rax
    wrgsbase %rax
7:  mov %rbp, %rsp
    mov $15, %eax                   # rt_sigreturn
    syscall
    ud2
sbx_systrap_end:
    .popsection
)");

extern "C" {
extern const char sbx_systrap_start[], sbx_systrap_loop[], sbx_systrap_handler[], sbx_systrap_end[];
}

namespace sbx::platform::systrap {

const Code& code() {
    auto at = [](const char* p) { return stub::kCode + static_cast<u64>(p - sbx_systrap_start); };
    static const Code c{ConstBytes(reinterpret_cast<const u8*>(sbx_systrap_start),
                                   static_cast<size_t>(sbx_systrap_end - sbx_systrap_start)),
                        at(sbx_systrap_loop), at(sbx_systrap_handler)};
    return c;
}

}  // namespace sbx::platform::systrap
