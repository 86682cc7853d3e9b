// The queue of mapping changes and how it reaches the stub.
#include "platform/ptrace/space.h"

#include <string.h>

#include "platform/ptrace/context.h"

namespace sbx::platform::ptrace {

Space::Space(Mapper& mapper, Placement& placement, std::unique_ptr<Stub> stub)
    : mapper_(mapper), placement_(placement), stub_(std::move(stub)) {}

Space::~Space() { mapper_.retire(std::move(stub_)); }

Result<> Space::flush() {
    if (queue_.empty()) return {};
    if (lost() != 0) {
        queue_.clear();
        return err(ESRCH);
    }
    return queue_.flush(stub::kOpsPerPage, [this](const stub::Op* ops, size_t n, size_t& done) {
        memcpy(stub_->ops, ops, n * sizeof(stub::Op));
        PtraceContext* own = PtraceContext::of_this_thread(*this);
        return own ? own->apply(n, done) : mapper_.apply(*stub_, n, done);
    });
}

Result<std::unique_ptr<Context>> Space::create_context() {
    auto c = std::make_unique<PtraceContext>(*this);
    SBX_TRY(c->attach());
    return std::unique_ptr<Context>(std::move(c));
}

}  // namespace sbx::platform::ptrace
