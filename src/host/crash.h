// What a fault of the sentry itself ends with: a message and status 125, never silence. Used by the boot code.
#pragma once

#include <signal.h>

namespace sbx::host {

// Takes out of a mask what a thread of the sentry raises by its own mistakes: blocked, they would kill without a word.
void remove_crash_signals(sigset_t& s);
// Installs the handlers. Before any other thread and before the sentry's filter.
void install_crash_handlers();

}  // namespace sbx::host
