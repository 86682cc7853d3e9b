// /proc/sys: a tree made from one table of dotted names (sysctl(8)).
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <bit>

#include "fs/procfs/node.h"
#include "src/kernel/ns/uts.h"
#include "src/kernel/version.h"

namespace sbx::procfs {
namespace {

constexpr size_t kMaxUtsName = 64;  // __NEW_UTS_LEN

using Uuid = std::array<u64, 2>;

Result<Uuid> random_uuid() {
    u8 r[16];
    if (getrandom(r, sizeof r, 0) != sizeof r) return err(EIO);
    r[6] = static_cast<u8>((r[6] & 0x0f) | 0x40);
    r[8] = static_cast<u8>((r[8] & 0x3f) | 0x80);
    return std::bit_cast<Uuid>(r);
}

std::string uuid_text(const Uuid& uuid) {
    auto r = std::bit_cast<std::array<u8, 16>>(uuid);
    char buf[48];
    snprintf(buf, sizeof buf, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n", r[0], r[1],
             r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
    return buf;
}

// The sandbox's, which goes on when it is loaded. 0: nobody has asked yet.
Mutex<Rank::Leaf> boot_id_mu;
std::atomic<u64> boot_id_high{0}, boot_id_low{0};
SBX_SAVED_COUNTER(boot_id_high);
SBX_SAVED_COUNTER(boot_id_low);
Result<std::string> boot_id(const Context&) {
    Lock l(boot_id_mu);
    if (boot_id_low == 0) {
        Uuid fresh = SBX_TRY(random_uuid());
        boot_id_high = fresh[0];
        boot_id_low = fresh[1];
    }
    return uuid_text({boot_id_high, boot_id_low});
}
Result<std::string> fresh_uuid(const Context&) { return uuid_text(SBX_TRY(random_uuid())); }

Result<std::string> uts_text(const Context& c, bool domain) {
    NsProxy ns = c.caller.task ? c.caller.task->ns_of() : NsProxy{};
    if (!ns.uts) return std::string(c.kernel().options().hostname + "\n");
    auto& uts = static_cast<UtsNamespace&>(*ns.uts);
    return (domain ? uts.domain_name() : uts.host_name()) + "\n";
}
Result<std::string> hostname(const Context& c) { return uts_text(c, false); }
Result<std::string> domainname(const Context& c) { return uts_text(c, true); }

// proc_do_uts_string(): the names of the writer's own namespace. What is too long is cut off.
Result<> set_uts_text(const Context& c, std::string_view text, bool domain) {
    if (!c.caller.task) return err(EPERM);
    NsProxy ns = c.caller.task->ns_of();
    if (!ns.uts) return err(EPERM);
    auto& uts = static_cast<UtsNamespace&>(*ns.uts);
    std::string name(text.substr(0, kMaxUtsName));
    domain ? uts.set_domain_name(std::move(name)) : uts.set_host_name(std::move(name));
    return {};
}
Result<> set_hostname(const Context& c, std::string_view text) { return set_uts_text(c, text, false); }
Result<> set_domainname(const Context& c, std::string_view text) { return set_uts_text(c, text, true); }

Result<std::string> pid_max(const Context& c) { return std::to_string(c.fs.ns()->pid_max) + "\n"; }
Result<std::string> threads_max(const Context& c) { return std::to_string(c.kernel().tasks().task_limit) + "\n"; }
Result<std::string> last_cap(const Context&) { return std::to_string(kCapLast) + "\n"; }
Result<std::string> osrelease(const Context&) { return std::string(kRelease) + "\n"; }
Result<std::string> ostype(const Context&) { return std::string(kSysname) + "\n"; }
Result<std::string> version(const Context&) { return std::string(kVersion) + "\n"; }

struct SysRow {
    const char* path;         // below /proc/sys
    Generate generate;        // or null:
    const char* text;         // this, and a newline
    Accept accept = nullptr;  // null: read-only, also for root
};
constexpr SysRow kRows[] = {
    {"fs/dir-notify-enable", nullptr, "1"},
    {"fs/epoll/max_user_watches", nullptr, "1000000"},
    {"fs/file-max", nullptr, "2097152"},
    {"fs/file-nr", nullptr, "0\t0\t2097152"},
    {"fs/inotify/max_queued_events", nullptr, "16384"},
    {"fs/inotify/max_user_instances", nullptr, "128"},
    {"fs/inotify/max_user_watches", nullptr, "65536"},
    {"fs/lease-break-time", nullptr, "45"},
    {"fs/leases-enable", nullptr, "1"},
    {"fs/mqueue/msg_max", nullptr, "10"},
    {"fs/mqueue/msgsize_max", nullptr, "8192"},
    {"fs/mqueue/queues_max", nullptr, "256"},
    {"fs/nr_open", nullptr, "1048576"},
    {"fs/overflowgid", nullptr, "65534"},
    {"fs/overflowuid", nullptr, "65534"},
    {"fs/pipe-max-size", nullptr, "1048576"},
    {"fs/pipe-user-pages-hard", nullptr, "0"},
    {"fs/pipe-user-pages-soft", nullptr, "16384"},
    {"fs/protected_hardlinks", nullptr, "1"},
    {"fs/protected_symlinks", nullptr, "1"},
    {"fs/suid_dumpable", nullptr, "0"},
    {"kernel/cap_last_cap", last_cap, nullptr},
    {"kernel/core_pattern", nullptr, "core"},
    {"kernel/core_uses_pid", nullptr, "0"},
    {"kernel/domainname", domainname, nullptr, set_domainname},
    {"kernel/hostname", hostname, nullptr, set_hostname},
    {"kernel/keys/maxkeys", nullptr, "200"},
    {"kernel/msgmax", nullptr, "8192"},
    {"kernel/msgmnb", nullptr, "16384"},
    {"kernel/msgmni", nullptr, "32000"},
    {"kernel/ngroups_max", nullptr, "65536"},
    {"kernel/osrelease", osrelease, nullptr},
    {"kernel/ostype", ostype, nullptr},
    {"kernel/overflowgid", nullptr, "65534"},
    {"kernel/overflowuid", nullptr, "65534"},
    {"kernel/perf_event_paranoid", nullptr, "4"},
    {"kernel/pid_max", pid_max, nullptr},
    {"kernel/printk", nullptr, "4\t4\t1\t7"},
    {"kernel/random/boot_id", boot_id, nullptr},
    {"kernel/random/entropy_avail", nullptr, "256"},
    {"kernel/random/poolsize", nullptr, "256"},
    {"kernel/random/uuid", fresh_uuid, nullptr},
    {"kernel/randomize_va_space", nullptr, "2"},
    {"kernel/seccomp/actions_avail", nullptr, "kill_process kill_thread trap errno trace log allow"},
    {"kernel/sem", nullptr, "32000\t1024000000\t500\t32000"},
    {"kernel/shmall", nullptr, "18446744073692774399"},
    {"kernel/shmmax", nullptr, "18446744073692774399"},
    {"kernel/shmmni", nullptr, "4096"},
    {"kernel/tainted", nullptr, "0"},
    {"kernel/threads-max", threads_max, nullptr},
    {"kernel/version", version, nullptr},
    {"kernel/yama/ptrace_scope", nullptr, "0"},
    {"net/core/rmem_default", nullptr, "212992"},
    {"net/core/rmem_max", nullptr, "212992"},
    {"net/core/somaxconn", nullptr, "4096"},
    {"net/core/wmem_default", nullptr, "212992"},
    {"net/core/wmem_max", nullptr, "212992"},
    {"net/ipv4/ip_local_port_range", nullptr, "32768\t60999"},
    {"net/unix/max_dgram_qlen", nullptr, "512"},
    {"user/max_user_namespaces", nullptr, "96000"},
    {"vm/max_map_count", nullptr, "65530"},
    {"vm/mmap_min_addr", nullptr, "65536"},
    {"vm/nr_hugepages", nullptr, "0"},
    {"vm/overcommit_memory", nullptr, "0"},
    {"vm/overcommit_ratio", nullptr, "50"},
    {"vm/swappiness", nullptr, "60"},
};

// A row by its path, which is how archives know it.
struct SysRowRef {
    const SysRow* row = nullptr;
    template <class A>
    void state(A& ar) {
        std::string path = row ? row->path : "";
        ar(path);
        if constexpr (A::kLoading) {
            for (const SysRow& r : kRows)
                if (path == r.path) row = &r;
            if (!row) ar.fail("there is no /proc/sys/" + path);
        }
    }
    operator const SysRow&() const { return *row; }
};

class SysFile final : public vfs::OpenFile {
public:
    SysFile(vfs::Path path, int flags, ProcFs& fs, const SysRow& row)
        : OpenFile(std::move(path), flags), fs_(fs), row_(row) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(vfs::Path(), 0, a.by_ref(fs_), SysRowRef{&row_});
    }
    bool seekable() const override { return true; }
    Result<size_t> read(mm::IoBuf& dst, i64* pos, u32, const vfs::Caller& c) override {
        std::string text = row_.generate ? SBX_TRY(row_.generate(Context{fs_, none_, c})) : std::string(row_.text) + "\n";
        if (*pos < 0 || static_cast<u64>(*pos) >= text.size()) return 0;
        size_t n = SBX_TRY(dst.put(text.data() + *pos, text.size() - static_cast<size_t>(*pos)));
        *pos += static_cast<i64>(n);
        return n;
    }
    // _proc_do_string(): up to a newline; a write that goes on where the text ends adds to it, one further on changes nothing.
    Result<size_t> write(mm::IoBuf& src, i64* pos, u32, const vfs::Caller& c) override {
        if (!row_.accept) return err(EINVAL);
        size_t n = src.remaining();
        std::string text(std::min(n, kPageSize), '\0');
        text.resize(SBX_TRY(src.get(text.data(), text.size())));
        text.resize(std::min(text.find_first_of(std::string_view("\n\0", 2)), text.size()));
        Context context{fs_, none_, c};
        std::string old = SBX_TRY(row_.generate(context));
        old.pop_back();
        if (*pos >= 0 && static_cast<u64>(*pos) <= old.size())
            SBX_TRY(row_.accept(context, old.substr(0, static_cast<size_t>(*pos)) + text));
        *pos += static_cast<i64>(n);
        return n;
    }

private:
    ProcFs& fs_;
    const SysRow& row_;
    Subject none_;  // no state: always empty
};

class SysNode final : public Node {
public:
    SysNode(ProcFs& fs, const SysRow& row) : Node(fs, {}, row.path, S_IFREG | (row.accept ? 0644 : 0444)), row_(row) {}
    SysNode(const Remade& r, const SysRow& row) : Node(r), row_(row) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(remade(), SysRowRef{&row_});
    }
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs& a) override {
        if ((a.flags & O_ACCMODE) != O_RDONLY && !row_.accept) return err(EACCES);
        return Ref<vfs::OpenFile>(make_ref<SysFile>(a.path, a.flags, proc(), row_));
    }

private:
    const SysRow& row_;
};

class SysDir final : public Directory {
public:
    SysDir(ProcFs& fs, std::string prefix) : Directory(fs, {}, "sys/" + prefix), prefix_(std::move(prefix)) {}
    SysDir(const Remade& r, std::string prefix) : Directory(r), prefix_(std::move(prefix)) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(remade(), prefix_);
    }
    Result<Ref<vfs::Inode>> find(std::string_view name) override {
        std::string full = prefix_ + std::string(name);
        for (const SysRow& r : kRows) {
            std::string_view path = r.path;
            if (path == full) return Ref<vfs::Inode>(make_ref<SysNode>(proc(), r));
            if (path.size() > full.size() && path.starts_with(full) && path[full.size()] == '/')
                return Ref<vfs::Inode>(make_ref<SysDir>(proc(), full + "/"));
        }
        return err(ENOENT);
    }
    std::vector<Entry> list(const vfs::Caller&) override {
        std::vector<Entry> out;
        for (const SysRow& r : kRows) {
            std::string_view path = r.path;
            if (!path.starts_with(prefix_)) continue;
            std::string_view rest = path.substr(prefix_.size());
            size_t slash = rest.find('/');
            std::string name(rest.substr(0, slash));
            if (out.empty() || out.back().name != name)
                out.push_back({name, static_cast<u8>(slash == rest.npos ? DT_REG : DT_DIR)});
        }
        return out;
    }

private:
    std::string prefix_;  // "" or ends in a slash
};

SBX_SAVABLE(SysFile);
SBX_SAVABLE(SysNode);
SBX_SAVABLE(SysDir);

}  // namespace

Ref<vfs::Inode> make_sys_dir(ProcFs& fs) { return make_ref<SysDir>(fs, ""); }

}  // namespace sbx::procfs
