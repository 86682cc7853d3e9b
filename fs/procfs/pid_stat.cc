// /proc/PID/stat, statm, status (fs/proc/array.c).
#include <stdio.h>

#include "fs/procfs/node.h"
#include "src/kernel/cpu_clock.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/seccomp.h"
#include "src/kernel/tty.h"

namespace sbx::procfs {
namespace {

constexpr Nanos kUserHz = 10 * kNanosPerMilli;  // a clock tick as shown: USER_HZ is 100

struct Numbers {
    int tgid = 0, ppid = 0, pgrp = 0, session = 0, tty_pgrp = -1, tracer = 0;
    u64 tty = 0;
    unsigned threads = 1;
    char state = 'R';
    CpuTimes cpu, children_cpu;
    u64 minor = 0, major = 0, children_minor = 0, children_major = 0, voluntary = 0, involuntary = 0;
    SigSet pending, shared_pending, blocked, ignored, caught;
    int exit_signal = 0;
    u32 exit_code = 0;
};

char state_of(const Task& t, const ThreadGroup& g) {
    if (t.exit_state == Task::ExitState::Zombie || t.exit_state == Task::ExitState::Trace) return 'Z';
    if (t.exit_state == Task::ExitState::Dead) return 'X';
    switch (t.cpu_state.load()) {
    case Task::CpuState::App:
    case Task::CpuState::Sentry: return 'R';
    case Task::CpuState::Stopped: return t.tracer ? 't' : 'T';
    case Task::CpuState::Blocked: break;
    }
    return g.stopped ? 'T' : 'S';
}

Numbers collect(const Context& c) {
    Numbers n;
    Task& t = c.task();
    ThreadGroup& g = t.group();
    const PidNamespace& ns = *c.fs.ns();
    SharedLock l(c.kernel().tasks().mu);
    n.tgid = g.pid ? g.pid_in(ns) : t.tid_in(ns);
    const Task* parent = g.leader ? g.leader->parent : nullptr;
    n.ppid = parent ? parent->group().pid_in(ns) : 0;
    if (g.pgrp) n.pgrp = g.pgrp->nr_in(ns);
    if (g.session) {
        n.session = g.session->nr_in(ns);
        if (g.session->tty) n.tty = static_cast<ControllingTty&>(*g.session->tty).device();
        if (g.session->tty_foreground) n.tty_pgrp = g.session->tty_foreground->nr_in(ns);
    }
    if (t.tracer) n.tracer = t.tracer->tid_in(ns);
    n.threads = g.thread_count;
    n.state = state_of(t, g);
    ResourceUse use;
    if (c.subject.whole_process) {
        use = g.resource_use();
    } else {
        use.cpu = {t.user_ticks.load(), t.system_ticks.load()};
        use.minor_faults = t.minor_faults.load();
        use.major_faults = t.major_faults.load();
    }
    n.cpu = use.cpu;
    n.minor = use.minor_faults;
    n.major = use.major_faults;
    n.voluntary = t.voluntary_switches.load();
    n.involuntary = t.involuntary_switches.load();
    n.children_cpu = g.children_use.cpu;
    n.children_minor = g.children_use.minor_faults;
    n.children_major = g.children_use.major_faults;
    n.exit_signal = t.exit_signal;
    n.exit_code = static_cast<u32>(t.exit_code);
    Lock h(g.handlers()->mu);
    n.pending = t.pending.set();
    n.shared_pending = g.pending.set();
    n.blocked = t.blocked;
    for (int sig = 1; sig <= kSignalCount; sig++) {
        u64 handler = g.handlers()->actions[sig - 1].handler;
        if (handler == 1) n.ignored.add(sig);
        if (handler > 1) n.caught.add(sig);
    }
    return n;
}

unsigned long long ull(u64 x) { return x; }
u64 clock_ticks(u64 cpu_ticks) { return cpu_ticks * static_cast<u64>(CpuClock::kTick) / static_cast<u64>(kUserHz); }

const char* state_name(char s) {
    switch (s) {
    case 'R': return "R (running)";
    case 'T': return "T (stopped)";
    case 't': return "t (tracing stop)";
    case 'Z': return "Z (zombie)";
    case 'X': return "X (dead)";
    default: return "S (sleeping)";
    }
}

std::string cap_line(const char* name, CapSet c) {
    char buf[64];
    snprintf(buf, sizeof buf, "%s:\t%016llx\n", name, ull(c.bits));
    return buf;
}

}  // namespace

Result<std::string> pid_stat(const Context& c) {
    Task& t = c.task();
    Numbers n = collect(c);
    Ref<mm::MemoryManager> mm = t.mm_of();
    bool may_see = check_access(c).has_value();
    mm::MmLayout lay;
    u64 vsize = 0, rss = 0;
    if (mm) {
        vsize = mm->total_vm();
        rss = mm->rss() / kPageSize;
        if (may_see) lay = mm->layout();
    }
    std::string name = t.name();
    int nr = c.subject.whole_process ? n.tgid : t.tid_in(*c.fs.ns());
    char buf[1024];
    snprintf(buf, sizeof buf,
             "%d (%s) %c %d %d %d %llu %d %u %llu %llu %llu %llu %llu %llu %llu %llu %d %d %u 0 %llu %llu %llu %llu "
             "%llu %llu %llu 0 0 %llu %llu "
             "%llu %llu 0 0 0 %d %d %d %d 0 0 0 %llu %llu %llu %llu %llu %llu %llu %u\n",
             nr, name.c_str(), n.state, n.ppid, n.pgrp, n.session, ull(n.tty), n.tty_pgrp, 0x400000u, ull(n.minor),
             ull(n.children_minor), ull(n.major), ull(n.children_major), ull(clock_ticks(n.cpu.user)),
             ull(clock_ticks(n.cpu.system)), ull(clock_ticks(n.children_cpu.user)),
             ull(clock_ticks(n.children_cpu.system)), 20 + t.nice.load(), t.nice.load(), n.threads,
             ull(static_cast<u64>(t.start_time / kUserHz)), ull(vsize), ull(rss), ull(~0ull), ull(lay.start_code),
             ull(lay.end_code), ull(lay.start_stack), ull(n.pending.bits & 0x7fffffff),
             ull(n.blocked.bits & 0x7fffffff), ull(n.ignored.bits & 0x7fffffff), ull(n.caught.bits & 0x7fffffff),
             n.exit_signal, 0, t.sched_priority.load(), t.sched_policy.load(), ull(lay.start_data), ull(lay.end_data),
             ull(lay.start_brk), ull(lay.arg_start), ull(lay.arg_end), ull(lay.env_start), ull(lay.env_end),
             may_see ? n.exit_code : 0);
    return std::string(buf);
}

Result<std::string> pid_statm(const Context& c) {
    Ref<mm::MemoryManager> mm = c.task().mm_of();
    if (!mm) return std::string("0 0 0 0 0 0 0\n");
    char buf[160];
    snprintf(buf, sizeof buf, "%llu %llu %llu %llu 0 %llu 0\n", ull(mm->total_vm() / kPageSize),
             ull(mm->rss() / kPageSize), ull(0), ull(mm->exec_vm() / kPageSize),
             ull((mm->data_vm() + mm->stack_vm()) / kPageSize));
    return std::string(buf);
}

Result<std::string> pid_status(const Context& c) {
    Task& t = c.task();
    Numbers n = collect(c);
    CredsRef cr = t.creds_of();
    const Task* reader = c.caller.task;
    const UserNamespace& ns = reader ? *reader->creds()->user_ns : *cr->user_ns;
    std::string out, name;
    for (char ch : t.name()) {
        if (ch == '\n')
            name += "\\n";
        else if (ch == '\\')
            name += "\\\\";
        else
            name += ch;
    }
    char buf[1024];
    Ref<vfs::FsContext> fs = t.fs_of();
    out += "Name:\t" + name + "\n";
    if (fs) {
        snprintf(buf, sizeof buf, "Umask:\t%04o\n", fs->umask());
        out += buf;
    }
    Ref<vfs::FdTable> files = t.files_of();
    auto u = [&ns](Kuid k) { return ns.from_kuid_munged(k); };
    auto g = [&ns](Kgid k) { return ns.from_kgid_munged(k); };
    snprintf(buf, sizeof buf,
             "State:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\nUid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%"
             "u\t%u\t%u\nFDSize:\t%zu\nGroups:\t",
             state_name(n.state), n.tgid, t.tid_in(*c.fs.ns()), n.ppid, n.tracer, u(cr->uid), u(cr->euid), u(cr->suid),
             u(cr->fsuid), g(cr->gid), g(cr->egid), g(cr->sgid), g(cr->fsgid),
             files ? std::max<size_t>(64, (files->count() + 63) & ~size_t{63}) : 0);
    out += buf;
    for (Kgid group : cr->groups) out += std::to_string(g(group)) + " ";
    snprintf(buf, sizeof buf, "\nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", n.tgid, t.tid_in(*c.fs.ns()),
             n.pgrp, n.session);
    out += buf;
    if (Ref<mm::MemoryManager> mm = t.mm_of()) {
        u64 rss = mm->rss(), exe = mm->exec_vm();
        snprintf(buf, sizeof buf,
                 "VmPeak:\t%8llu kB\nVmSize:\t%8llu kB\nVmLck:\t%8llu kB\nVmPin:\t%8d kB\nVmHWM:\t%8llu "
                 "kB\nVmRSS:\t%8llu kB\nRssAnon:\t%8llu kB\n"
                 "RssFile:\t%8d kB\nRssShmem:\t%8d kB\nVmData:\t%8llu kB\nVmStk:\t%8llu kB\nVmExe:\t%8llu "
                 "kB\nVmLib:\t%8d kB\nVmPTE:\t%8d kB\n"
                 "VmSwap:\t%8d kB\nHugetlbPages:\t%8d kB\nCoreDumping:\t0\nTHP_enabled:\t1\n",
                 ull(mm->total_vm() / 1024), ull(mm->total_vm() / 1024), ull(mm->locked_vm() / 1024), 0,
                 ull(mm->max_rss() / 1024), ull(rss / 1024), ull(rss / 1024), 0, 0, ull(mm->data_vm() / 1024),
                 ull(mm->stack_vm() / 1024), ull(exe / 1024), 0, 0, 0, 0);
        out += buf;
    }
    snprintf(buf, sizeof buf,
             "Threads:\t%u\nSigQ:\t%u/"
             "%llu\nSigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\n",
             n.threads, 0u, ull(t.rlimit(RLIMIT_SIGPENDING)), ull(n.pending.bits), ull(n.shared_pending.bits),
             ull(n.blocked.bits), ull(n.ignored.bits), ull(n.caught.bits));
    out += buf;
    out += cap_line("CapInh", cr->inheritable) + cap_line("CapPrm", cr->permitted) + cap_line("CapEff", cr->effective) +
           cap_line("CapBnd", cr->bounding) + cap_line("CapAmb", cr->ambient);
    // All CPUs that programs see are allowed unless an affinity was set.
    unsigned cpus = c.kernel().cpus();
    snprintf(buf, sizeof buf,
             "NoNewPrivs:\t%d\nSeccomp:\t%d\nSeccomp_filters:\t%zu\nSpeculation_Store_Bypass:\tthread "
             "vulnerable\nCpus_allowed:\t%llx\n"
             "Cpus_allowed_list:\t0%s%s\nMems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t%"
             "llu\nnonvoluntary_ctxt_switches:\t%llu\n",
             t.no_new_privs, seccomp_mode(t), seccomp_filter_count(t), ull(cpus >= 64 ? ~0ull : (1ull << cpus) - 1),
             cpus > 1 ? "-" : "", cpus > 1 ? std::to_string(cpus - 1).c_str() : "", ull(n.voluntary),
             ull(n.involuntary));
    return out + buf;
}

}  // namespace sbx::procfs
