// The vDSO image (src/loader/vdso/); vdso.cc maps it.
    .section .rodata
    .globl sbx_vdso_image, sbx_vdso_image_end
    .balign 16
sbx_vdso_image:
    .incbin "vdso.so"
sbx_vdso_image_end:
    .section .note.GNU-stack,"",@progbits
