// One address space: a stub and the queue of changes to it. Used through platform.h.
#pragma once

#include "platform/platform.h"
#include "platform/stub/op_queue.h"
#include "platform/systrap/pool.h"

namespace sbx::platform {
class Placement;
}

namespace sbx::platform::systrap {

class Space final : public AddressSpace {
public:
    Space(Pool& pool, Placement& placement, Stub& stub) : pool_(pool), placement_(placement), stub_(stub) {}
    ~Space() override { pool_.retire(stub_); }

    void map(Range range, int fd, u64 offset, u8 prot, bool populate) override {
        queue_.map(range, fd, offset, prot, populate);
    }
    void unmap(Range range) override { queue_.unmap(range); }
    void protect(Range range, u8 prot) override { queue_.protect(range, prot); }
    Result<> flush() override {
        return queue_.flush(Orders::kMost, [this](const stub::Op* ops, size_t n, size_t& done) {
            return pool_.apply(stub_, ops, n, done);
        });
    }
    Result<std::unique_ptr<Context>> create_context() override;

    Pool& pool() { return pool_; }
    Placement& placement() { return placement_; }
    Stub& stub() { return stub_; }

private:
    Pool& pool_;
    Placement& placement_;
    Stub& stub_;
    stub::OpQueue queue_;  // the caller serialises changes
};

}  // namespace sbx::platform::systrap
