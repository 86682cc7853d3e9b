// Registers that the host takes one by one only.
#include "platform/ptrace/regs.h"

#include <linux/ptrace.h>
#include <string.h>

#include "platform/ptrace/tracee.h"

namespace sbx::platform::ptrace {

bool set_regs_piecemeal(int tid, const Registers& r) {
    u64 words[sizeof r / 8];
    memcpy(words, &r, sizeof r);
    for (size_t i = 0; i < sizeof r / 8; i++)
        if (trace(PTRACE_POKEUSR, tid, i * 8, words[i]) != 0 && errno == ESRCH) return false;
    return true;
}

}  // namespace sbx::platform::ptrace
