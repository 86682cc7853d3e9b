// Timekeeper: the sandbox's clocks and timers. Used by timer system calls, timerfd, itimers.
#pragma once

namespace sbx {

class Timekeeper {};

}  // namespace sbx
