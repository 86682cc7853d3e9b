// Memory devices (mem(4), full(4), random(4)).
#include "fs/devfs/mem_devices.h"

#include <sys/random.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "fs/tmpfs/tmpfs.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/open_file.h"
#include "src/base/archive.h"

namespace sbx::devfs {
namespace {

constexpr unsigned kMajor = 1;
enum Minor : unsigned { kNull = 3, kZero = 5, kFull = 7, kRandom = 8, kUrandom = 9 };

class MemDevice final : public vfs::OpenFile {
public:
    MemDevice(vfs::Path p, int flags, unsigned minor) : OpenFile(std::move(p), flags), minor_(minor) {}

    Result<size_t> read(mm::IoBuf& dst, i64*, u32, const vfs::Caller&) override {
        switch (minor_) {
        case kNull: return 0;
        case kZero:
        case kFull: return dst.put_zeros(dst.remaining());
        default: return read_random(dst);
        }
    }

    Result<size_t> write(mm::IoBuf& src, i64*, u32, const vfs::Caller&) override {
        if (minor_ == kFull) return err(ENOSPC);
        // What is written to random devices would be mixed into a pool that is the host's: it is taken and dropped.
        size_t n = src.remaining();
        src.truncate(0);
        return n;
    }

    Result<i64> seek(i64, i64, int, const vfs::Caller&) override { return 0; }
    bool positional() const override { return true; }

    // Mapping /dev/zero is mapping anonymous memory: private, or shared with whoever inherits it (shmem_zero_setup).
    Result<Ref<mm::Mappable>> mappable(int, int, const vfs::Caller&) override {
        if (minor_ != kZero) return err(ENODEV);
        constexpr u64 kLargerThanAnyMapping = 1ull << 47;
        return Ref<mm::Mappable>(tmpfs::create_shm(kLargerThanAnyMapping));
    }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(vfs::Path(), 0, minor_);
    }
    static Result<size_t> read_random(mm::IoBuf& dst) {
        size_t done = 0;
        while (dst.remaining() != 0) {
            u8 chunk[256];
            size_t n = std::min<u64>(dst.remaining(), sizeof chunk);
            if (getrandom(chunk, n, 0) != static_cast<ssize_t>(n)) return err(EIO);
            Result<size_t> put = dst.put(chunk, n);
            if (!put) return done ? Result<size_t>(done) : put;
            done += *put;
            if (*put < n) break;
        }
        return done;
    }

    unsigned minor_;
};
SBX_SAVABLE(MemDevice);

Result<Ref<vfs::OpenFile>> open_device(const vfs::OpenArgs& a, dev_t dev) {
    unsigned m = minor(dev);
    if (m != kNull && m != kZero && m != kFull && m != kRandom && m != kUrandom) return err(ENXIO);
    return Ref<vfs::OpenFile>(make_ref<MemDevice>(a.path, a.flags, m));
}

}  // namespace

void register_mem_devices() { vfs::register_device(S_IFCHR, kMajor, 0, 255, &open_device); }

}  // namespace sbx::devfs
