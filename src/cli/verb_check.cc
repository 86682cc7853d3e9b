// sbx check: everything that sbx run does before it starts anything (verbs.h).
#include "src/cli/verbs.h"
#include "src/config/error.h"
#include "src/config/resolve.h"

namespace sbx::cli {

int check_verb(std::span<const std::string> args) {
    CommandLine line = parse_command_line("check", run_options(), args, Words::EndOptions);
    if (wants_help(line, "check")) return 0;
    for (const char* name : {"dry-run", "json"})
        if (const Given* given = find_given(line, name)) fail_usage(given->spelled, "is not for check");
    Config config = load_config(line);
    config::resolve(config, config::host_facts());
    return 0;
}

}  // namespace sbx::cli
