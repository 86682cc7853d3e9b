// Sizes and rules of the XSAVE image, from CPUID.
#include "platform/xstate.h"

#include <cpuid.h>
#include <string.h>

#include <algorithm>

#include "platform/platform.h"

namespace sbx::platform {
namespace {
constexpr u64 kXtileMask = (1ull << 17) | (1ull << 18);
constexpr u64 kPkruBit = 1ull << 9;
constexpr size_t kLegacySize = 512;
constexpr size_t kHeaderSize = 64;
constexpr size_t kMxcsrOffset = 24;
constexpr size_t kXstateBvOffset = kLegacySize;

struct Facts {
    bool xsave = false;
    u64 features = 3;
    size_t size = kLegacySize + kHeaderSize;
    size_t host_size = kLegacySize + kHeaderSize;
    u32 mxcsr_mask = 0xffbf;
};

Facts read_facts() {
    Facts f;
    alignas(16) u8 fx[512] = {};
    asm volatile("fxsave64 %0" : "=m"(fx));
    u32 mask = 0;
    memcpy(&mask, fx + 28, 4);
    if (mask != 0) f.mxcsr_mask = mask;
    u32 a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_OSXSAVE) == 0) return f;
    u32 lo = 0, hi = 0;
    asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    u64 xcr0 = (static_cast<u64>(hi) << 32) | lo;
    f.xsave = true;
    f.features = xcr0 & ~kXtileMask;
    __cpuid_count(0xd, 0, a, b, c, d);
    f.host_size = std::max<size_t>(b, f.host_size);
    for (unsigned i = 2; i < 63; i++) {
        if ((f.features >> i & 1) == 0) continue;
        __cpuid_count(0xd, i, a, b, c, d);
        f.size = std::max<size_t>(f.size, static_cast<size_t>(a) + b);
    }
    return f;
}

const Facts& facts() {
    static const Facts f = read_facts();
    return f;
}

template <class T>
T load(Bytes image, size_t at) {
    T v;
    memcpy(&v, image.data() + at, sizeof v);
    return v;
}
template <class T>
void store(Bytes image, size_t at, T v) {
    memcpy(image.data() + at, &v, sizeof v);
}
}  // namespace

size_t xsave_size() { return facts().size; }
u64 xsave_features() { return facts().features; }
size_t host_xsave_size() { return facts().host_size; }
bool host_has_xsave() { return facts().xsave; }

void sanitize_xsave(Bytes image) {
    if (image.size() < kLegacySize + kHeaderSize) return;
    store(image, kMxcsrOffset, load<u32>(image, kMxcsrOffset) & facts().mxcsr_mask);
    u64 bv = load<u64>(image, kXstateBvOffset) & facts().features;
    memset(image.data() + kXstateBvOffset, 0, kHeaderSize);
    store(image, kXstateBvOffset, bv);
}

void clear_absent_state(Bytes image) {
    u64 present = load<u64>(image, kXstateBvOffset);
    for (unsigned i = 2; i < 63; i++) {
        if ((facts().features >> i & 1) == 0 || (present >> i & 1) != 0) continue;
        u32 size = 0, offset = 0, c = 0, d = 0;
        __cpuid_count(0xd, i, size, offset, c, d);
        if (static_cast<u64>(offset) + size <= image.size()) memset(image.data() + offset, 0, size);
    }
}

void init_xsave(Bytes image) {
    if (image.size() < kLegacySize + kHeaderSize) return;
    // Linux's init_pkru (arch/x86/mm/pkeys.c): every key but 0 is denied. Kept if the host has it, as the image holds it.
    u64 pkru = load<u64>(image, kXstateBvOffset) & kPkruBit;
    memset(image.data(), 0, kLegacySize + kHeaderSize);
    store<u16>(image, 0, 0x37f);
    store<u32>(image, kMxcsrOffset, 0x1f80);
    store<u64>(image, kXstateBvOffset, 3 | (facts().features & pkru));
}

}  // namespace sbx::platform
