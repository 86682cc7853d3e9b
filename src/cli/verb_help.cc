// sbx help (verbs.h).
#include "src/cli/output.h"
#include "src/cli/verbs.h"
#include "src/config/error.h"

namespace sbx::cli {

int help_verb(std::span<const std::string> args) {
    CommandLine line = parse_command_line("help", find_verb("help")->options, args, Words::Anywhere);
    if (wants_help(line, "help")) return 0;
    if (line.words.size() > 1) fail_usage("help", "unexpected argument \"" + line.words[1] + "\"");
    if (line.words.empty()) {
        write_stdout(general_help());
        return 0;
    }
    const Verb* verb = find_verb(line.words[0]);
    if (!verb) fail_usage("help", "unknown verb \"" + line.words[0] + "\"", "`sbx help` lists the verbs");
    if (verb->awaits)
        fail_usage("help", std::string(verb->name) + " is not available yet",
                   std::string("it comes with ") + verb->awaits);
    write_stdout(verb_help(*verb));
    return 0;
}

}  // namespace sbx::cli
