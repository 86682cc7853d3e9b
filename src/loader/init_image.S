// The executable of our init (src/loader/init/init.c); cli/boot_init.cc makes a file of it.
    .section .rodata
    .globl sbx_init_image, sbx_init_image_end
    .balign 16
sbx_init_image:
    .incbin "init"
sbx_init_image_end:
    .section .note.GNU-stack,"",@progbits
