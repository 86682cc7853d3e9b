// sbx run: load, resolve, then hand over to boot (verbs.h).
#include "src/cli/boot.h"
#include "src/cli/exercise.h"
#include "src/cli/output.h"
#include "src/cli/verbs.h"
#include "src/config/error.h"
#include "src/config/resolve.h"

namespace sbx::cli {

int run_verb(std::span<const std::string> args) {
    std::optional<boot::Leg> leg = boot::take_leg();
    CommandLine line = parse_command_line("run", run_options(), args, Words::EndOptions);
    if (wants_help(line, "run")) return 0;
    bool dry_run = find_given(line, "dry-run") != nullptr;
    if (wants_json(line) && !dry_run)
        fail_usage("--json", "goes with --dry-run", "use --report FILE for the result of a run");
    Config config = load_config(line);
    if (config.run.argv.empty())
        fail_usage("run", "no program given", "sbx run [OPTIONS] PROG [ARGS...], or [run] argv in a file");
    config::resolve(config, config::host_facts());
    config.closed_stdio = closed_stdio;
    if (dry_run) {
        write_stdout(wants_json(line) ? dry_run_json(config) : dry_run_text(config));
        return 0;
    }
    if (config.checkpoint.exercise > 0 && !leg) return boot::run_legs(config, args);
    return boot::run_sandbox(config, leg ? &*leg : nullptr);
}

}  // namespace sbx::cli
