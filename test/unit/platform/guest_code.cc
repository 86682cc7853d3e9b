// The programs of guest_code.h, kept in read-only data.
#include "test/unit/platform/guest_code.h"

asm(R"(
    .pushsection .rodata
    .balign 4096
    .globl guest_start, guest_end, guest_getpid_loop, guest_spin, guest_int80, guest_far32, guest_int3, guest_ud2, guest_div0
    .globl guest_hlt, guest_read_rdi, guest_write_rdi, guest_jump_rdi, guest_fill_xmm, guest_step, guest_vsyscall_time
    .globl guest_wrfsbase
guest_start:
guest_getpid_loop:
    mov $39, %eax
    syscall
    inc %rbx
    jmp guest_getpid_loop
guest_spin:
    pause
    jmp guest_spin
guest_int80:
    mov $20, %eax
    int $0x80
    hlt
guest_far32:
    lea 1f(%rip), %rax
    push $0x23
    push %rax
    lretq
1:  jmp 1b
guest_int3:
    int3
    hlt
guest_ud2:
    ud2
guest_div0:
    xor %ecx, %ecx
    mov $1, %eax
    xor %edx, %edx
    div %ecx
guest_hlt:
    hlt
guest_read_rdi:
    mov (%rdi), %rax
    mov $39, %eax
    syscall
guest_write_rdi:
    mov %rsi, (%rdi)
    mov $39, %eax
    syscall
guest_jump_rdi:
    jmp *%rdi
guest_fill_xmm:
    movq %rdi, %xmm7
    mov $39, %eax
    syscall
    movq %xmm7, %rbx
    mov $39, %eax
    syscall
guest_step:
    pushfq
    orq $0x100, (%rsp)
    popfq
    nop
    nop
    hlt
guest_vsyscall_time:
    xor %edi, %edi
    mov $0xffffffffff600400, %rax
    call *%rax
    hlt
guest_wrfsbase:
    mov $0xffff888000000000, %rax
    wrfsbase %rax
    mov $39, %eax
    syscall
    mov $39, %eax
    syscall
guest_end:
    .popsection
)");
