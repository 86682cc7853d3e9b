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

u32 current_cpu() {
    int c = sched_getcpu();
    return c < 0 ? 0 : static_cast<u32>(c);
}

}  // namespace sbx::host
