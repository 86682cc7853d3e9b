// The system-wide text files of /proc.
#include <cpuid.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <algorithm>

#include "fs/procfs/node.h"
#include "src/host/facts.h"
#include "src/kernel/cpu_clock.h"
#include "src/kernel/version.h"

namespace sbx::procfs {
namespace {

unsigned long long ull(u64 x) { return x; }

struct Memory {
    u64 total, free, available;
};

Memory memory_of(const Context& c) {
    host::MemoryFacts m = host::memory_facts();
    u64 limit = c.kernel().options().memory_limit, used = c.kernel().memory().usage();
    if (!limit || limit >= m.total) return {m.total, m.free, m.available};
    u64 left = limit - std::min(limit, used);
    return {limit, left, left};
}

Result<std::string> meminfo(const Context& c) {
    Memory m = memory_of(c);
    struct Row {
        const char* name;
        u64 bytes;
    } rows[] = {{"MemTotal:", m.total},
                {"MemFree:", m.free},
                {"MemAvailable:", m.available},
                {"Buffers:", 0},
                {"Cached:", m.available - std::min(m.free, m.available)},
                {"SwapCached:", 0},
                {"Active:", m.total - m.free},
                {"Inactive:", 0},
                {"Active(anon):", 0},
                {"Inactive(anon):", 0},
                {"Active(file):", 0},
                {"Inactive(file):", 0},
                {"Unevictable:", 0},
                {"Mlocked:", 0},
                {"SwapTotal:", 0},
                {"SwapFree:", 0},
                {"Dirty:", 0},
                {"Writeback:", 0},
                {"AnonPages:", c.kernel().memory().usage()},
                {"Mapped:", 0},
                {"Shmem:", 0},
                {"KReclaimable:", 0},
                {"Slab:", 0},
                {"SReclaimable:", 0},
                {"SUnreclaim:", 0},
                {"KernelStack:", 0},
                {"PageTables:", 0},
                {"NFS_Unstable:", 0},
                {"Bounce:", 0},
                {"WritebackTmp:", 0},
                {"CommitLimit:", m.total / 2},
                {"Committed_AS:", 0},
                {"VmallocTotal:", 35184372087808ull},
                {"VmallocUsed:", 0},
                {"VmallocChunk:", 0},
                {"Percpu:", 0}};
    std::string out;
    char buf[64];
    for (const Row& r : rows) {
        snprintf(buf, sizeof buf, "%-16s%8llu kB\n", r.name, ull(r.bytes / 1024));
        out += buf;
    }
    out +=
        "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        "
        "0\nHugepagesize:       2048 kB\nHugetlb:               0 kB\n";
    return out;
}

// CPUID's answers, which applications get themselves too; the host's own file names more flags, but cannot be read from here.
struct FlagRow {
    u8 bit;
    const char* name;
};
constexpr FlagRow kLeaf1Edx[] = {{0, "fpu"},  {1, "vme"},   {2, "de"},    {3, "pse"},   {4, "tsc"},    {5, "msr"},
                                 {6, "pae"},  {7, "mce"},   {8, "cx8"},   {9, "apic"},  {11, "sep"},   {12, "mtrr"},
                                 {13, "pge"}, {14, "mca"},  {15, "cmov"}, {16, "pat"},  {17, "pse36"}, {19, "clflush"},
                                 {23, "mmx"}, {24, "fxsr"}, {25, "sse"},  {26, "sse2"}, {28, "ht"}};
constexpr FlagRow kLeaf1Ecx[] = {{0, "pni"},     {1, "pclmulqdq"}, {9, "ssse3"},  {12, "fma"},    {13, "cx16"},
                                 {19, "sse4_1"}, {20, "sse4_2"},   {22, "movbe"}, {23, "popcnt"}, {25, "aes"},
                                 {26, "xsave"},  {28, "avx"},      {29, "f16c"},  {30, "rdrand"}, {31, "hypervisor"}};
constexpr FlagRow kLeaf7Ebx[] = {{0, "fsgsbase"},    {3, "bmi1"},        {5, "avx2"},     {7, "smep"},
                                 {8, "bmi2"},        {9, "erms"},        {10, "invpcid"}, {16, "avx512f"},
                                 {17, "avx512dq"},   {18, "rdseed"},     {19, "adx"},     {20, "smap"},
                                 {21, "avx512ifma"}, {23, "clflushopt"}, {24, "clwb"},    {28, "avx512cd"},
                                 {29, "sha_ni"},     {30, "avx512bw"},   {31, "avx512vl"}};
constexpr FlagRow kExtEdx[] = {{11, "syscall"}, {20, "nx"}, {26, "pdpe1gb"}, {27, "rdtscp"}, {29, "lm"}};
constexpr FlagRow kExtEcx[] = {{0, "lahf_lm"}, {5, "abm"}, {6, "sse4a"}, {8, "3dnowprefetch"}};

void add_flags(std::string& out, u32 reg, std::span<const FlagRow> rows) {
    for (const FlagRow& r : rows)
        if (reg >> r.bit & 1) out += std::string(" ") + r.name;
}

Result<std::string> cpuinfo(const Context& c) {
    u32 a = 0, b = 0, cx = 0, d = 0;
    char vendor[13] = {}, model[49] = {};
    __get_cpuid(0, &a, &b, &cx, &d);
    memcpy(vendor, &b, 4);
    memcpy(vendor + 4, &d, 4);
    memcpy(vendor + 8, &cx, 4);
    for (u32 i = 0; i < 3; i++) {
        u32 regs[4] = {};
        if (__get_cpuid(0x80000002 + i, &regs[0], &regs[1], &regs[2], &regs[3])) memcpy(model + 16 * i, regs, 16);
    }
    u32 sig = 0, ecx1 = 0, edx1 = 0, ebx7 = 0, ecx7 = 0, edx7 = 0, ecxe = 0, edxe = 0;
    __get_cpuid(1, &sig, &b, &ecx1, &edx1);
    __get_cpuid_count(7, 0, &a, &ebx7, &ecx7, &edx7);
    __get_cpuid(0x80000001, &a, &b, &ecxe, &edxe);
    u32 family = (sig >> 8 & 15) + ((sig >> 8 & 15) == 15 ? sig >> 20 & 255 : 0),
        number = (sig >> 4 & 15) | (sig >> 12 & 0xf0);
    std::string flags;
    add_flags(flags, edx1, kLeaf1Edx);
    add_flags(flags, edxe, kExtEdx);
    add_flags(flags, ecx1, kLeaf1Ecx);
    add_flags(flags, ecxe, kExtEcx);
    add_flags(flags, ebx7, kLeaf7Ebx);
    std::string out;
    char buf[512];
    for (unsigned i = 0; i < c.kernel().cpus(); i++) {
        snprintf(buf, sizeof buf,
                 "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\nstepping\t: "
                 "%u\ncpu MHz\t\t: 2000.000\n"
                 "cache size\t: 512 KB\nphysical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: "
                 "%u\napicid\t\t: %u\ninitial apicid\t: %u\n"
                 "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: 13\nwp\t\t: yes\nflags\t\t:",
                 i, vendor, family, number, model, sig & 15, c.kernel().cpus(), i, c.kernel().cpus(), i, i);
        out += buf;
        out += flags;
        out +=
            "\nbugs\t\t:\nbogomips\t: 4000.00\nclflush size\t: 64\ncache_alignment\t: 64\naddress sizes\t: 48 bits "
            "physical, 48 bits virtual\npower management:\n\n";
    }
    return out;
}

struct CpuSum {
    u64 user = 0, system = 0;
    unsigned running = 0, tasks = 0;
    int last_pid = 0;
};

CpuSum sum_tasks(const Context& c) {
    CpuSum s;
    TaskSet& tasks = c.kernel().tasks();
    SharedLock l(tasks.mu);
    for (auto& [nr, pid] : c.fs.ns()->pids()) {
        if (!pid->group) continue;
        CpuTimes t = pid->group->cpu_times();
        s.user += t.user;
        s.system += t.system;
        for (Task& task : pid->group->threads) {
            s.tasks++;
            Task::CpuState st = task.cpu_state.load();
            if (st == Task::CpuState::App || st == Task::CpuState::Sentry) s.running++;
        }
    }
    s.last_pid = c.fs.ns()->last_pid;
    return s;
}

Result<std::string> stat(const Context& c) {
    CpuSum s = sum_tasks(c);
    u64 hz = 100, up = static_cast<u64>(host_monotonic() / kNanosPerSec);
    u64 user = s.user * static_cast<u64>(CpuClock::kTick) / 10000000,
        system = s.system * static_cast<u64>(CpuClock::kTick) / 10000000;
    u64 cpus = c.kernel().cpus(), total = up * hz * cpus, idle = total > user + system ? total - user - system : 0;
    char buf[200];
    snprintf(buf, sizeof buf, "cpu  %llu 0 %llu %llu 0 0 0 0 0 0\n", ull(user), ull(system), ull(idle));
    std::string out = buf;
    for (u64 i = 0; i < cpus; i++) {
        snprintf(buf, sizeof buf, "cpu%llu %llu 0 %llu %llu 0 0 0 0 0 0\n", ull(i), ull(user / cpus),
                 ull(system / cpus), ull(idle / cpus));
        out += buf;
    }
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(
        buf, sizeof buf,
        "intr 0\nctxt 0\nbtime %llu\nprocesses %d\nprocs_running %u\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
        ull(static_cast<u64>(now.tv_sec) - up), s.last_pid, s.running);
    return out + buf;
}

Result<std::string> uptime(const Context&) {
    Nanos n = host_monotonic();
    char buf[64];
    snprintf(buf, sizeof buf, "%lld.%02lld 0.00\n", static_cast<long long>(n / kNanosPerSec),
             static_cast<long long>(n / 10000000 % 100));
    return std::string(buf);
}

Result<std::string> loadavg(const Context& c) {
    CpuSum s = sum_tasks(c);
    return "0.00 0.00 0.00 " + std::to_string(s.running) + "/" + std::to_string(s.tasks) + " " +
           std::to_string(s.last_pid) + "\n";
}

Result<std::string> filesystems(const Context&) {
    std::string out;
    for (const vfs::FileSystemType* t : vfs::file_system_types())
        out += (t->nodev ? "nodev\t" : "\t") + std::string(t->name) + "\n";
    return out;
}

Result<std::string> version(const Context&) {
    return std::string(kSysname) + " version " + kRelease + " (sbx@sbx) (c++) " + kVersion + "\n";
}

Result<std::string> cmdline(const Context&) { return std::string("\n"); }
Result<std::string> empty(const Context&) { return std::string(); }
Result<std::string> devices(const Context&) {
    return std::string(
        "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 pts\n\nBlock devices:\n");
}
Result<std::string> swaps(const Context&) { return std::string("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"); }
Result<std::string> partitions(const Context&) { return std::string("major minor  #blocks  name\n\n"); }
Result<std::string> vmstat(const Context& c) {
    return "nr_free_pages " + std::to_string(memory_of(c).free / kPageSize) +
           "\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault 0\npgmajfault 0\n";
}

constexpr FileRow kRows[] = {
    {"cmdline", 0444, cmdline},
    {"cpuinfo", 0444, cpuinfo},
    {"devices", 0444, devices},
    {"diskstats", 0444, empty},
    {"filesystems", 0444, filesystems},
    {"loadavg", 0444, loadavg},
    {"locks", 0444, locks},
    {"meminfo", 0444, meminfo},
    {"modules", 0444, empty},
    {"partitions", 0444, partitions},
    {"stat", 0444, stat},
    {"swaps", 0444, swaps},
    {"uptime", 0444, uptime},
    {"version", 0444, version},
    {"vmstat", 0444, vmstat},
};

}  // namespace

std::span<const FileRow> system_files() { return kRows; }

}  // namespace sbx::procfs
