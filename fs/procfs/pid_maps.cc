// /proc/PID/maps, smaps, smaps_rollup.
#include <stdio.h>
#include <sys/sysmacros.h>

#include "fs/procfs/node.h"

namespace sbx::procfs {
namespace {

std::string maps_line(const mm::VmaInfo& v) {
    char buf[160];
    int n = snprintf(buf, sizeof buf, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu",
                     static_cast<unsigned long long>(v.range.start), static_cast<unsigned long long>(v.range.end),
                     v.prot & 1 ? 'r' : '-', v.prot & 2 ? 'w' : '-', v.prot & 4 ? 'x' : '-', v.shared ? 's' : 'p',
                     static_cast<unsigned long long>(v.offset), major(v.file.dev), minor(v.file.dev),
                     static_cast<unsigned long long>(v.file.ino));
    std::string line(buf, static_cast<size_t>(n));
    const std::string& name = v.file.path.empty() ? v.label : v.file.path;
    if (!name.empty()) {
        // Names start in column 73 (seq_pad in fs/proc/task_mmu.c); a newline in one is shown as \012.
        line.resize(std::max<size_t>(line.size() + 1, 73), ' ');
        for (char ch : name) {
            if (ch == '\n')
                line += "\\012";
            else
                line += ch;
        }
    }
    return line + "\n";
}

void add_kb(std::string& out, const char* name, u64 bytes) {
    char buf[64];
    snprintf(buf, sizeof buf, "%-16s%8llu kB\n", name, static_cast<unsigned long long>(bytes / 1024));
    out += buf;
}

void add_usage(std::string& out, const mm::VmaInfo& v) {
    u64 clean = v.rss - std::min(v.rss, v.private_dirty + v.shared_dirty);
    add_kb(out, "Rss:", v.rss);
    add_kb(out, "Pss:", v.rss);
    add_kb(out, "Pss_Dirty:", v.private_dirty + v.shared_dirty);
    add_kb(out, "Shared_Clean:", v.shared ? clean : 0);
    add_kb(out, "Shared_Dirty:", v.shared_dirty);
    add_kb(out, "Private_Clean:", v.shared ? 0 : clean);
    add_kb(out, "Private_Dirty:", v.private_dirty);
    add_kb(out, "Referenced:", v.rss);
    add_kb(out, "Anonymous:", v.anonymous);
    add_kb(out, "LazyFree:", 0);
    add_kb(out, "AnonHugePages:", 0);
    add_kb(out, "ShmemPmdMapped:", 0);
    add_kb(out, "FilePmdMapped:", 0);
    add_kb(out, "Shared_Hugetlb:", 0);
    add_kb(out, "Private_Hugetlb:", 0);
    add_kb(out, "Swap:", 0);
    add_kb(out, "SwapPss:", 0);
    add_kb(out, "Locked:", v.locked ? v.rss : 0);
}

std::string vm_flags(const mm::VmaInfo& v) {
    std::string s = "VmFlags: ";
    auto flag = [&s](bool on, const char* name) {
        if (on) s += std::string(name) + " ";
    };
    flag(v.prot & 1, "rd");
    flag(v.prot & 2, "wr");
    flag(v.prot & 4, "ex");
    flag(v.shared, "sh");
    flag(v.max_prot & 1, "mr");
    flag(v.max_prot & 2, "mw");
    flag(v.max_prot & 4, "me");
    flag(v.grows_down, "gd");
    flag(v.locked, "lo");
    flag(!v.shared && (v.prot & 2), "ac");
    return s + "\n";
}

Result<std::vector<mm::VmaInfo>> vmas_of(const Context& c, bool usage) {
    Ref<mm::MemoryManager> mm = c.task().mm_of();
    if (!mm) return std::vector<mm::VmaInfo>();
    return mm->vmas(usage);
}

}  // namespace

Result<std::string> pid_maps(const Context& c) {
    std::string out;
    for (const mm::VmaInfo& v : SBX_TRY(vmas_of(c, false))) out += maps_line(v);
    return out;
}

Result<std::string> pid_smaps(const Context& c) {
    std::string out;
    for (const mm::VmaInfo& v : SBX_TRY(vmas_of(c, true))) {
        out += maps_line(v);
        add_kb(out, "Size:", v.range.length());
        add_kb(out, "KernelPageSize:", kPageSize);
        add_kb(out, "MMUPageSize:", kPageSize);
        add_usage(out, v);
        out += "THPeligible:           0\n" + vm_flags(v);
    }
    return out;
}

Result<std::string> pid_smaps_rollup(const Context& c) {
    std::vector<mm::VmaInfo> all = SBX_TRY(vmas_of(c, true));
    if (all.empty()) return std::string();
    mm::VmaInfo sum;
    sum.range = {all.front().range.start, all.back().range.end};
    sum.label = "[rollup]";
    for (const mm::VmaInfo& v : all) {
        sum.rss += v.rss;
        sum.anonymous += v.anonymous;
        sum.private_dirty += v.private_dirty;
        sum.shared_dirty += v.shared_dirty;
    }
    std::string out = maps_line(sum);
    add_usage(out, sum);
    return out;
}

}  // namespace sbx::procfs
