// The signal mask that ppoll, pselect6 and epoll_pwait put in place for one wait (set_user_sigmask in kernel/signal.c).
#pragma once

#include "src/kernel/thread_group.h"

namespace sbx {

// Puts the mask in place; the old one comes back when the call ends or, if a signal is delivered, after its handler. EINVAL, EFAULT.
inline Result<> set_temporary_mask(Task& t, UserPtr<SigSet> mask, u64 size) {
    if (size != sizeof(SigSet)) return err(EINVAL);
    SigSet m = SBX_TRY(t.copy_in(mask));
    t.saved_mask = t.blocked;
    t.restore_mask = true;
    set_signal_mask(t, m & ~kUnblockable);
    return {};
}

// Ends the wait: an interrupted one keeps the mask until the signal is delivered; any other restores it now.
inline Result<long> finish_temporary_mask(Task& t, bool masked, Result<long> r) {
    if (!r && r.error() == EINTR) return err(ERESTARTNOHAND);
    if (masked && t.restore_mask) {
        t.restore_mask = false;
        set_signal_mask(t, t.saved_mask);
    }
    return r;
}

}  // namespace sbx
