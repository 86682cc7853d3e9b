// The sections of `sbx info` (info.h) and the probe of limits, which needs no part of the sandbox.
#include "src/cli/info.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "platform/registry.h"
#include "src/cli/boot_host.h"
#include "src/host/confine.h"

namespace sbx::cli {

namespace {

std::string first_line(const char* path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

Finding limit(const char* name, int resource, rlim_t enough, const char* remedy) {
    rlimit value{};
    Finding finding{name, false, "cannot be read", {}};
    if (getrlimit(static_cast<__typeof__(RLIMIT_NOFILE)>(resource), &value) != 0) return finding;
    finding.works = value.rlim_max == RLIM_INFINITY || value.rlim_max >= enough;
    finding.detail = value.rlim_max == RLIM_INFINITY ? "unlimited" : std::to_string(value.rlim_max);
    if (!finding.works) finding.remedy = remedy;
    return finding;
}

std::vector<Finding> probe_limits() {
    std::vector<Finding> findings;
    findings.push_back(limit("open files", RLIMIT_NOFILE, 4096, "raise it: ulimit -Hn 65536 before sbx"));
    findings.push_back(limit("processes", RLIMIT_NPROC, 1024, "raise it: ulimit -Hu 4096 before sbx"));
    findings.push_back(
        limit("address space", RLIMIT_AS, RLIM_INFINITY, "sbx reserves much and uses little: ulimit -v unlimited"));
    std::string maps = first_line("/proc/sys/vm/max_map_count");
    Finding mappings{
        "mappings", !maps.empty() && maps.size() >= 5, maps.empty() ? "cannot be read" : maps + " in a process", {}};
    if (!mappings.works) mappings.remedy = "sysctl vm.max_map_count=65530 or more";
    findings.push_back(mappings);
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    if (pages > 0 && size > 0)
        findings.push_back(
            {"memory",
             true,
             std::to_string(static_cast<unsigned long>(pages) / (1048576 / static_cast<unsigned long>(size))) + "M",
             {}});
    findings.push_back({"CPUs", true, std::to_string(sysconf(_SC_NPROCESSORS_ONLN)), {}});
    return findings;
}

std::vector<Finding> probe_host() {
    utsname names{};
    if (uname(&names) != 0) return {};
    return {{"kernel", true, std::string(names.sysname) + " " + names.release, {}},
            {"machine", std::string(names.machine) == "x86_64", names.machine, {}}};
}

std::vector<Finding> probe_platforms() {
    if (platform::registered_platforms().empty()) boot::register_platforms();
    std::vector<Finding> findings;
    bool chosen = false;
    for (const platform::PlatformType& type : platform::registered_platforms()) {
        platform::Probe probe = type.probe();
        std::string detail = probe.why;
        if (probe.works && !chosen) {
            detail += detail.empty() ? "chosen by auto" : "; chosen by auto";
            chosen = true;
        }
        findings.push_back({std::string(type.name), probe.works, detail, probe.hint});
    }
    return findings;
}

std::vector<Finding> probe_isolation() {
    // The seccomp filter and no_new_privs are not in the list: sbx does not run without them.
    std::vector<Finding> findings;
    for (const host::Layer& layer : host::probe_layers()) {
        Finding finding{layer.name, layer.error == 0, layer.error == 0 ? "" : std::strerror(layer.error), {}};
        if (layer.error != 0)
            finding.remedy = layer.error == ENOSYS || layer.error == EOPNOTSUPP
                                 ? "a newer kernel, or one built with it"
                                 : "allow it in the container, or set kernel.unprivileged_userns_clone=1 and "
                                   "user.max_user_namespaces";
        findings.push_back(std::move(finding));
    }
    return findings;
}

constexpr InfoSection kSections[] = {
    {"host", probe_host},
    {"platforms", probe_platforms},
    {"isolation", probe_isolation},
    {"limits", probe_limits},
};

}  // namespace

std::span<const InfoSection> info_sections() { return kSections; }

}  // namespace sbx::cli
