// The last step from keys to a Config that boot can use: paths made absolute, the caller's facts filled in, what is named looked for.
#pragma once

#include <string>
#include <vector>

#include "src/config/config.h"

namespace sbx::config {

struct HostFacts {
    std::string cwd;   // empty: it is gone
    std::string home;  // empty: not known
    std::string hostname;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::string> environment;
};

HostFacts host_facts();

// Throws UserError for what cannot be: a root that is no readable directory, a source or a working directory that is not there,
// a descriptor that is not open. Looks at the host and changes nothing.
void resolve(Config& config, const HostFacts& host);

}  // namespace sbx::config
