// sbx show: the merged configuration as it was written, before the host's facts are filled in (verbs.h).
#include "src/cli/output.h"
#include "src/cli/verbs.h"
#include "src/config/error.h"

namespace sbx::cli {

int show_verb(std::span<const std::string> args) {
    CommandLine line = parse_command_line("show", run_options(), args, Words::EndOptions);
    if (wants_help(line, "show")) return 0;
    if (find_given(line, "dry-run")) fail_usage("--dry-run", "is not for show");
    Config config = load_config(line);
    write_stdout(wants_json(line) ? show_json(config) : show_toml(config));
    return 0;
}

}  // namespace sbx::cli
