// One address space: a stub and the queue of changes to it. Used through platform.h.
#pragma once

#include "platform/platform.h"
#include "platform/ptrace/mapper.h"
#include "platform/stub/op_queue.h"

namespace sbx::platform {
class Placement;
}

namespace sbx::platform::ptrace {

class PtraceContext;

class Space final : public AddressSpace {
public:
    Space(Mapper& mapper, Placement& placement, std::unique_ptr<Stub> stub);
    ~Space() override;

    void map(Range range, int fd, u64 offset, u8 prot, bool populate) override {
        queue_.map(range, fd, offset, prot, populate);
    }
    void unmap(Range range) override { queue_.unmap(range); }
    void protect(Range range, u8 prot) override { queue_.protect(range, prot); }
    Result<> flush() override;
    Result<std::unique_ptr<Context>> create_context() override;

    Mapper& mapper() { return mapper_; }
    Placement& placement() { return placement_; }
    Stub& stub() { return *stub_; }
    // Stub::lost.
    int lost() const { return stub_->lost.load(std::memory_order_acquire); }

private:
    Mapper& mapper_;
    Placement& placement_;
    std::unique_ptr<Stub> stub_;
    stub::OpQueue queue_;  // the caller serialises changes
};

}  // namespace sbx::platform::ptrace
