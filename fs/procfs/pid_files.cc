// The text files of /proc/PID (fs/proc/base.c).
#include <stdio.h>
#include <sys/resource.h>

#include <algorithm>

#include "fs/procfs/node.h"

namespace sbx::procfs {
namespace {

constexpr size_t kMaxText = 4 << 20;  // arguments and environment that are copied at once

Result<std::string> memory_text(const Context& c, u64 start, u64 end) {
    Ref<mm::MemoryManager> mm = c.task().mm_of();
    if (!mm || end <= start) return std::string();
    std::string text(std::min<u64>(end - start, kMaxText), '\0');
    Result<size_t> n = mm->access_remote(start, text.data(), text.size(), false);
    text.resize(n ? *n : 0);
    return text;
}

Result<std::string> cmdline(const Context& c) {
    Ref<mm::MemoryManager> mm = c.task().mm_of();
    if (!mm) return std::string();
    mm::MmLayout l = mm->layout();
    std::string args = SBX_TRY(memory_text(c, l.arg_start, l.arg_end));
    // setproctitle() writes over the arguments and into the environment: without a NUL at the end, what follows belongs to the title
    // (get_mm_proctitle).
    if (!args.empty() && args.back() != '\0') {
        args += SBX_TRY(memory_text(c, l.env_start, l.env_end));
        args.resize(std::min(args.size(), args.find('\0')));
        args += '\0';
    }
    return args;
}

Result<std::string> environ_text(const Context& c) {
    Ref<mm::MemoryManager> mm = c.task().mm_of();
    if (!mm) return std::string();
    mm::MmLayout l = mm->layout();
    return memory_text(c, l.env_start, l.env_end);
}

Result<std::string> auxv(const Context& c) {
    Ref<mm::MemoryManager> mm = c.task().mm_of();
    if (!mm) return std::string();
    mm::MmLayout l = mm->layout();
    return std::string(reinterpret_cast<const char*>(l.auxv.data()), l.auxv.size() * 8);
}

Result<std::string> comm(const Context& c) { return c.task().name() + "\n"; }

Result<> set_comm(const Context& c, std::string_view text) {
    if (!c.caller.task || &c.caller.task->group() != &c.task().group()) return err(EINVAL);
    c.task().set_name(text.substr(0, std::min(text.size(), text.find('\n'))));
    return {};
}

struct LimitRow {
    int resource;
    const char *name, *unit;
};
constexpr LimitRow kLimits[] = {
    {RLIMIT_CPU, "Max cpu time", "seconds"},         {RLIMIT_FSIZE, "Max file size", "bytes"},
    {RLIMIT_DATA, "Max data size", "bytes"},         {RLIMIT_STACK, "Max stack size", "bytes"},
    {RLIMIT_CORE, "Max core file size", "bytes"},    {RLIMIT_RSS, "Max resident set", "bytes"},
    {RLIMIT_NPROC, "Max processes", "processes"},    {RLIMIT_NOFILE, "Max open files", "files"},
    {RLIMIT_MEMLOCK, "Max locked memory", "bytes"},  {RLIMIT_AS, "Max address space", "bytes"},
    {RLIMIT_LOCKS, "Max file locks", "locks"},       {RLIMIT_SIGPENDING, "Max pending signals", "signals"},
    {RLIMIT_MSGQUEUE, "Max msgqueue size", "bytes"}, {RLIMIT_NICE, "Max nice priority", ""},
    {RLIMIT_RTPRIO, "Max realtime priority", ""},    {RLIMIT_RTTIME, "Max realtime timeout", "us"},
};

std::string limit_text(rlim_t v) { return v == RLIM_INFINITY ? "unlimited" : std::to_string(v); }

Result<std::string> limits(const Context& c) {
    std::string out;
    char buf[160];
    snprintf(buf, sizeof buf, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    out = buf;
    for (const LimitRow& r : kLimits) {
        rlimit l = c.task().group().limit(r.resource);
        snprintf(buf, sizeof buf, "%-25s %-20s %-20s %-10s\n", r.name, limit_text(l.rlim_cur).c_str(),
                 limit_text(l.rlim_max).c_str(), r.unit);
        out += buf;
    }
    return out;
}

Result<std::string> io(const Context& c) {
    u64 rb = 0, wb = 0, rc = 0, wc = 0;
    auto add = [&](Task& t) {
        rb += t.read_bytes.load();
        wb += t.write_bytes.load();
        rc += t.read_calls.load();
        wc += t.write_calls.load();
    };
    SharedLock l(c.kernel().tasks().mu);
    if (c.subject.whole_process) {
        for (Task& t : c.task().group().threads) add(t);
    } else {
        add(c.task());
    }
    char buf[240];
    snprintf(
        buf, sizeof buf,
        "rchar: %llu\nwchar: %llu\nsyscr: %llu\nsyscw: %llu\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n",
        static_cast<unsigned long long>(rb), static_cast<unsigned long long>(wb), static_cast<unsigned long long>(rc),
        static_cast<unsigned long long>(wc));
    return std::string(buf);
}

Result<std::string> cgroup(const Context&) { return std::string("0::/\n"); }
Result<std::string> wchan(const Context&) { return std::string("0"); }
Result<std::string> loginuid(const Context&) { return std::string("4294967295"); }
Result<std::string> sessionid(const Context&) { return std::string("4294967295"); }
Result<std::string> oom_score(const Context&) { return std::string("0\n"); }
Result<std::string> coredump_filter(const Context&) { return std::string("00000033\n"); }
Result<std::string> schedstat(const Context& c) {
    return std::to_string((c.task().user_ticks.load() + c.task().system_ticks.load()) * 1000000) + " 0 " +
           std::to_string(c.task().voluntary_switches.load()) + "\n";
}

Result<std::string> personality(const Context& c) {
    char buf[16];
    snprintf(buf, sizeof buf, "%08x\n", c.task().personality);
    return std::string(buf);
}

Result<std::string> oom_score_adj(const Context& c) {
    return std::to_string(c.task().group().oom_score_adj.load()) + "\n";
}

Result<> set_oom_score_adj(const Context& c, std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    bool negative = text.starts_with('-');
    int n = parse_number(negative ? text.substr(1) : text);
    if (n < 0 || n > 1000) return err(EINVAL);
    if (negative) n = -n;
    int old = c.task().group().oom_score_adj.load();
    // Lowering it below what it was needs CAP_SYS_RESOURCE.
    constexpr unsigned kCapSysResource = 24;
    if (n < old && !c.caller.creds->capable(kCapSysResource)) return err(EACCES);
    c.task().group().oom_score_adj.store(n);
    return {};
}

Result<std::string> id_map(const std::vector<IdMapRange>& map, const Context& c, bool group) {
    std::string out;
    Ref<UserNamespace> ns = c.task().creds_of()->user_ns;
    const UserNamespace* shown = c.caller.creds ? c.caller.creds->user_ns.get() : ns.get();
    // The reader's own map is shown in terms of its parent.
    if (shown == ns.get() && ns->parent()) shown = ns->parent();
    for (const IdMapRange& r : map) {
        u32 outside = group ? shown->from_kgid(r.outside) : shown->from_kuid(r.outside);
        char buf[64];
        snprintf(buf, sizeof buf, "%10u %10u %10u\n", r.inside, outside, r.count);
        out += buf;
    }
    return out;
}

Result<std::string> uid_map(const Context& c) { return id_map(c.task().creds_of()->user_ns->uid_map(), c, false); }
Result<std::string> gid_map(const Context& c) { return id_map(c.task().creds_of()->user_ns->gid_map(), c, true); }
Result<std::string> setgroups(const Context& c) {
    return std::string(c.task().creds_of()->user_ns->setgroups_allowed() ? "allow\n" : "deny\n");
}

Result<std::vector<IdMapRange>> parse_map(std::string_view text) {
    std::vector<IdMapRange> map;
    std::string s(text);
    const char* p = s.c_str();
    while (*p) {
        IdMapRange r{};
        int used = 0;
        if (sscanf(p, " %u %u %u%n", &r.inside, &r.outside, &r.count, &used) != 3) return err(EINVAL);
        map.push_back(r);
        if (map.size() > 340) return err(EINVAL);
        p += used;
        while (*p == ' ' || *p == '\t') p++;
        if (*p == '\n')
            p++;
        else if (*p)
            return err(EINVAL);
    }
    if (map.empty()) return err(EINVAL);
    return map;
}

// user_namespaces(7), "Defining user and group ID mappings": the writer is in the namespace or its parent with CAP_SETUID there, or maps
// just its own id.
Result<> may_map(const Context& c, const std::vector<IdMapRange>& map, bool group) {
    Ref<UserNamespace> ns = c.task().creds_of()->user_ns;
    if (!ns->parent()) return err(EPERM);
    const Creds& w = *c.caller.creds;
    constexpr unsigned kCapSetgid = 6, kCapSetuid = 7, kCapSysAdmin = 21;
    if (!w.capable(kCapSysAdmin, *ns)) return err(EPERM);
    if (w.capable(group ? kCapSetgid : kCapSetuid, *ns->parent())) return {};
    if (map.size() != 1 || map[0].count != 1) return err(EPERM);
    if (group) {
        if (ns->setgroups_allowed() || ns->parent()->to_kgid(map[0].outside) != w.egid) return err(EPERM);
    } else if (ns->parent()->to_kuid(map[0].outside) != w.euid) {
        return err(EPERM);
    }
    return {};
}

Result<> set_uid_map(const Context& c, std::string_view text) {
    std::vector<IdMapRange> map = SBX_TRY(parse_map(text));
    SBX_TRY(may_map(c, map, false));
    return c.task().creds_of()->user_ns->set_uid_map(std::move(map));
}

Result<> set_gid_map(const Context& c, std::string_view text) {
    std::vector<IdMapRange> map = SBX_TRY(parse_map(text));
    SBX_TRY(may_map(c, map, true));
    return c.task().creds_of()->user_ns->set_gid_map(std::move(map));
}

Result<> set_setgroups(const Context& c, std::string_view text) {
    Ref<UserNamespace> ns = c.task().creds_of()->user_ns;
    if (text.starts_with("deny")) return ns->deny_setgroups();
    if (text.starts_with("allow")) return ns->setgroups_allowed() ? Result<>{} : Result<>(err(EPERM));
    return err(EINVAL);
}

constexpr FileRow kRows[] = {
    {"auxv", 0400, auxv, nullptr, true},
    {"cgroup", 0444, cgroup},
    {"cmdline", 0444, cmdline},
    {"comm", 0644, comm, set_comm},
    {"coredump_filter", 0444, coredump_filter},
    {"environ", 0400, environ_text, nullptr, true},
    {"gid_map", 0644, gid_map, set_gid_map},
    {"io", 0400, io, nullptr, true},
    {"limits", 0444, limits},
    {"loginuid", 0444, loginuid},
    {"maps", 0444, pid_maps, nullptr, true},
    {"mountinfo", 0444, pid_mountinfo},
    {"mounts", 0444, pid_mounts},
    {"mountstats", 0400, pid_mountstats},
    {"oom_score", 0444, oom_score},
    {"oom_score_adj", 0644, oom_score_adj, set_oom_score_adj},
    {"personality", 0400, personality, nullptr, true},
    {"schedstat", 0444, schedstat},
    {"sessionid", 0444, sessionid},
    {"setgroups", 0644, setgroups, set_setgroups},
    {"smaps", 0444, pid_smaps, nullptr, true},
    {"smaps_rollup", 0444, pid_smaps_rollup, nullptr, true},
    {"stat", 0444, pid_stat},
    {"statm", 0444, pid_statm},
    {"status", 0444, pid_status},
    {"uid_map", 0644, uid_map, set_uid_map},
    {"wchan", 0444, wchan},
};

}  // namespace

std::span<const FileRow> pid_files() { return kRows; }

}  // namespace sbx::procfs
