// One address space: a stub and the queue of changes to it. Used through platform.h.
#pragma once

#include <vector>

#include "platform/platform.h"
#include "platform/ptrace/mapper.h"

namespace sbx::platform::ptrace {

class PtraceContext;
class Placement;

class Space final : public AddressSpace {
public:
    Space(Mapper& mapper, Placement& placement, std::unique_ptr<Stub> stub);
    ~Space() override;

    void map(Range range, int fd, u64 offset, u8 prot, bool populate) override;
    void unmap(Range range) override;
    void protect(Range range, u8 prot) override;
    Result<> flush() override;
    Result<std::unique_ptr<Context>> create_context() override;

    Mapper& mapper() { return mapper_; }
    Placement& placement() { return placement_; }
    Stub& stub() { return *stub_; }
    // Stub::lost.
    int lost() const { return stub_->lost.load(std::memory_order_acquire); }

private:
    void push(u64 nr, u64 a, u64 b, u64 c = 0, u64 d = 0, u64 e = 0, u64 f = 0);

    Mapper& mapper_;
    Placement& placement_;
    std::unique_ptr<Stub> stub_;
    std::vector<stub::Op> queue_;  // the caller serialises changes
};

}  // namespace sbx::platform::ptrace
