// What `sbx info` prints: sections of findings, each made by a function that a part of sbx registers in info.cc.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace sbx::cli {

struct Finding {
    std::string name;  // "ptrace", "seccomp", "memory"
    bool works = false;
    std::string detail;  // a version or a figure; why it does not work
    std::string remedy;  // what would help; may be empty
};

struct InfoSection {
    const char* name;  // "platforms"
    std::vector<Finding> (*probe)();
};

std::span<const InfoSection> info_sections();

}  // namespace sbx::cli
