// Points where debug builds give way at random, so that tests meet the orders of events that a quiet machine never shows. Used by locks, wait
// queues and parking.
#pragma once

namespace sbx {

#if SBX_DEBUG
// Yields, spins or sleeps now and then if the environment has SBX_STRESS=N (once in N times; 1 is always).
void stress_point();
#else
inline void stress_point() {}
#endif

}  // namespace sbx
