// Our init's executable as a file.
#include "src/cli/boot_init.h"

#include <fcntl.h>

#include "fs/tmpfs/tmpfs.h"
#include "src/loader/loader.h"

extern "C" const sbx::u8 sbx_init_image[], sbx_init_image_end[];

namespace sbx::boot {

Result<Ref<vfs::OpenFile>> open_init(const vfs::Caller& c) {
    constexpr u32 kSealSeal = 1;  // F_SEAL_SEAL
    Ref<vfs::OpenFile> f = SBX_TRY(tmpfs::create_memfd("sbx-init", kSealSeal, 0755, O_RDWR, c));
    mm::KernelIoBuf image{ConstBytes(sbx_init_image, static_cast<size_t>(sbx_init_image_end - sbx_init_image))};
    i64 pos = 0;
    while (image.remaining() != 0) SBX_TRY(f->write(image, &pos, 0, c));
    // Opened again: what is open for writing cannot be executed.
    vfs::Path path = f->path();
    f = nullptr;
    return loader::open_exec(c, path, "", AT_EMPTY_PATH);
}

}  // namespace sbx::boot
