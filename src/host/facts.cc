// Facts of the host.
#include "src/host/facts.h"

#include <sched.h>
#include <sys/sysinfo.h>

namespace sbx::host {

MemoryFacts memory_facts() {
    struct sysinfo s {};
    if (sysinfo(&s) != 0) return {};
    u64 unit = s.mem_unit ? s.mem_unit : 1;
    return {s.totalram * unit, s.freeram * unit, (s.freeram + s.bufferram) * unit};
}

u32 cpu_numbers() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
    u32 n = CPU_SETSIZE;
    while (n != 0 && !CPU_ISSET(n - 1, &set)) n--;
    return n;
}

u32 current_cpu() {
    int c = sched_getcpu();
    return c < 0 ? 0 : static_cast<u32>(c);
}

}  // namespace sbx::host
