// CpuClock: the coarse CPU-time counter, advanced by a ticker thread while tasks run. Used by CPU times, RLIMIT_CPU, ITIMER_VIRTUAL/PROF.
#pragma once

namespace sbx {

class Kernel;

class CpuClock {
public:
    explicit CpuClock(Kernel&) {}
};

}  // namespace sbx
