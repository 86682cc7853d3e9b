// What platforms with stubs ask of the sentry's own process. Used when they are created.
#pragma once

#include "platform/platform.h"

namespace sbx::platform::stub {

// Sees to it that stubs that end wait to be reaped, and that stops of theirs raise no signal: a sentry may be started with SIGCHLD ignored.
void keep_children();
// The functions of the host's vDSO where move_vdso() has put them.
HostVdso moved_vdso();

}  // namespace sbx::platform::stub
