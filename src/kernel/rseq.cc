// Leaving restartable sequences.
#include "src/kernel/rseq.h"

#include "src/kernel/thread_group.h"

namespace sbx {
namespace {

// struct rseq_cs
struct CriticalSection {
    u32 version, flags;
    u64 start, length, abort;
};
constexpr u64 kRseqCsOffset = 8;  // of rseq_cs in struct rseq

Result<> leave(Task& t) {
    u64 at = 0;
    SBX_TRY(t.mm().copy_in(t.rseq.addr + kRseqCsOffset, &at, sizeof at));
    if (at == 0) return {};
    CriticalSection cs;
    SBX_TRY(t.mm().copy_in(at, &cs, sizeof cs));
    if (cs.version != 0 || cs.start + cs.length < cs.start) return err(EINVAL);
    u64 clear = 0;
    SBX_TRY(t.mm().copy_out(t.rseq.addr + kRseqCsOffset, &clear, sizeof clear));
    if (t.regs.rip - cs.start >= cs.length) return {};
    if (cs.abort - cs.start < cs.length) return err(EINVAL);
    u32 signature = 0;
    SBX_TRY(t.mm().copy_in(cs.abort - sizeof signature, &signature, sizeof signature));
    if (signature != t.rseq.signature) return err(EINVAL);
    t.regs.rip = cs.abort;
    return {};
}

}  // namespace

void rseq_signal(Task& t) {
    if (t.rseq.addr == 0) return;
    if (!leave(t)) force_sigsegv(t, SIGSEGV);
}

}  // namespace sbx
