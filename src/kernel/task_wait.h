// Waiting for children (wait4, waitid; kernel/exit.c). Used by syscalls/wait.cc.
#pragma once

#include "src/kernel/thread_group.h"

namespace sbx {

struct WaitQuery {
    enum class Who { Any, Pid, Pgrp } who = Who::Any;
    Ref<Pid> pid;     // of Pid, Pgrp
    int options = 0;  // WEXITED WSTOPPED WCONTINUED WNOHANG WNOWAIT __WALL __WCLONE __WNOTHREAD
};

struct WaitResult {
    int pid = 0;  // as the caller sees it; 0: WNOHANG found nothing
    Kuid uid = 0;
    int code = 0;         // CLD_*
    int status = 0;       // of CLD_*: exit status or signal
    int wait_status = 0;  // of wait4
    ResourceUse usage;
};

// ECHILD; ERESTARTSYS when interrupted; EAGAIN is never returned.
Result<WaitResult> wait_for_child(Task& t, const WaitQuery& q);

}  // namespace sbx
