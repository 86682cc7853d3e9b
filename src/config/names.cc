// The tables behind names.h, in the order of Linux's numbers (include/uapi/linux/capability.h, asm-generic/resource.h).
#include "src/config/names.h"

#include <iterator>
#include <string>

namespace sbx::config {

namespace {

constexpr std::string_view kCapabilities[] = {
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
};
static_assert(std::size(kCapabilities) == 41);

constexpr std::string_view kRlimits[] = {
    "cpu",     "fsize", "data",  "stack",      "core",     "rss",  "nproc",  "nofile",
    "memlock", "as",    "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime",
};

}  // namespace

std::optional<std::uint64_t> capability_mask(std::string_view name) {
    std::string lower;
    for (char c : name) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    std::string_view wanted = lower;
    if (wanted == "all") return (std::uint64_t{1} << std::size(kCapabilities)) - 1;
    if (wanted.starts_with("cap_")) wanted.remove_prefix(4);
    for (std::size_t i = 0; i < std::size(kCapabilities); i++)
        if (kCapabilities[i] == wanted) return std::uint64_t{1} << i;
    return std::nullopt;
}

std::optional<unsigned> rlimit_number(std::string_view name) {
    for (unsigned i = 0; i < std::size(kRlimits); i++)
        if (kRlimits[i] == name) return i;
    return std::nullopt;
}

std::span<const std::string_view> rlimit_names() { return kRlimits; }

}  // namespace sbx::config
