// ControllingTty: what job control needs of a terminal (tty_jobctrl.c). Implemented by fs/devpts and the host terminal; used by sessions,
// exit and /proc/PID/stat.
#pragma once

#include "src/base/ref.h"
#include "src/base/types.h"

namespace sbx {

class Pid;

class ControllingTty : public RefCounted {
public:
    // The session's leader exits (`exiting`) or gave the terminal up (TIOCNOTTY): hangs up what Linux hangs up, sends SIGHUP and SIGCONT to
    // the foreground group. The core has already cleared Pid::tty and tty_foreground of the session; `foreground` is what it was, or null.
    // No lock held.
    virtual void session_ended(Pid& session, Pid* foreground, bool exiting) = 0;
    // Device number, for /proc/PID/stat.
    virtual u64 device() const = 0;
};

}  // namespace sbx
