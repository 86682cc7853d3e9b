// A platform for the memory manager's tests: an application address space inside the test process, changed by real host mappings.
#pragma once

#include <sys/mman.h>

#include <cstring>
#include <map>

#include "platform/platform.h"
#include "src/mm/memory_manager.h"

namespace sbx::test {

class FakeSpace final : public platform::AddressSpace {
public:
    explicit FakeSpace(u64 size) : size_(size) {
        base_ = static_cast<u8*>(::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    }
    ~FakeSpace() override { ::munmap(base_, size_); }
    void map(Range r, int fd, u64 offset, u8 prot, bool) override {
        ops_++;
        void* p = ::mmap(at(r.start), r.length(), prot, MAP_SHARED | MAP_FIXED, fd, static_cast<off_t>(offset));
        if (p == MAP_FAILED) failed_ = true;
        set(r, prot);
    }
    void unmap(Range r) override {
        ops_++;
        (void)::mmap(at(r.start), r.length(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
                     0);
        set(r, 0);
    }
    void protect(Range r, u8 prot) override {
        ops_++;
        if (::mprotect(at(r.start), r.length(), prot) != 0) failed_ = true;
        set(r, prot);
    }
    Result<> flush() override {
        flushes_++;
        if (fail_next_) {
            fail_next_ = false;
            return err(ENOMEM);
        }
        if (failed_) return err(EIO);
        return {};
    }
    Result<std::unique_ptr<platform::Context>> create_context() override { return err(ENOSYS); }

    // The host address of an application address.
    u8* at(u64 addr) const { return base_ + addr; }
    u8 prot(u64 addr) const {
        auto it = prots_.upper_bound(addr);
        return it == prots_.begin() ? 0 : std::prev(it)->second;
    }
    bool fail_next_ = false;
    int ops_ = 0, flushes_ = 0;

private:
    void set(Range r, u8 prot) {
        u8 after = this->prot(r.end);
        prots_.erase(prots_.lower_bound(r.start), prots_.upper_bound(r.end));
        prots_[r.start] = prot;
        prots_[r.end] = after;
    }
    u64 size_;
    u8* base_ = nullptr;
    bool failed_ = false;
    std::map<u64, u8> prots_;
};

class FakePlatform final : public platform::Platform {
public:
    Nanos cpu_time() override { return 0; }
    static constexpr u64 kEnd = 64ull << 30;
    std::string_view name() const override { return "fake"; }
    Range user_range() const override { return Range{kPageSize, kEnd}; }
    Result<Ref<platform::AddressSpace>> create_address_space() override {
        return Ref<platform::AddressSpace>(make_ref<FakeSpace>(kEnd));
    }
};

// One application process.
struct Process {
    Ref<mm::MemoryManager> mm;
    mm::MmLimits limits;

    FakeSpace& space() const { return static_cast<FakeSpace&>(mm->address_space()); }
    // Touches addr as the application would; returns 0 or the signal number. `vague`: the platform does not say that it was a write.
    int touch(u64 addr, bool write, bool vague = false) const {
        mm->flush_pending();
        u8 need = write ? platform::kProtWrite : platform::kProtRead;
        for (int tries = 0; tries < 8; tries++) {
            if (space().prot(addr) & need) return 0;
            auto e = mm->handle_fault(addr, write && !vague ? mm::Access::Write : mm::Access::Read, limits);
            if (e.signo) return e.signo;
        }
        return -1;
    }
    // -signal, or the byte there.
    int load(u64 addr) const {
        if (int s = touch(addr, false)) return -s;
        return *space().at(addr);
    }
    int store(u64 addr, u8 value) const {
        if (int s = touch(addr, true)) return s;
        *space().at(addr) = value;
        return 0;
    }
    u64 map(u64 length, int prot, int flags, u64 addr = 0, Ref<mm::Mappable> file = {}, u64 offset = 0) const {
        mm::MmapRequest r;
        r.addr = addr;
        r.length = length;
        r.prot = prot;
        r.flags = flags;
        r.file = std::move(file);
        r.offset = offset;
        auto a = mm->mmap(r, limits);
        return a ? *a : static_cast<u64>(-static_cast<i64>(a.error().value));
    }
};

}  // namespace sbx::test
