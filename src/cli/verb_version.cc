// sbx version (verbs.h).
#include "src/cli/output.h"
#include "src/cli/verbs.h"
#include "src/cli/version.h"
#include "src/config/error.h"

namespace sbx::cli {

int version_verb(std::span<const std::string> args) {
    CommandLine line = parse_command_line("version", plain_options(), args, Words::Anywhere);
    if (wants_help(line, "version")) return 0;
    if (!line.words.empty()) fail_usage("version", "unexpected argument \"" + line.words[0] + "\"");
    if (!wants_json(line)) {
        write_stdout(std::string("sbx ") + kVersion + "\n");
        return 0;
    }
    config::Value out;
    out.kind = config::Value::Kind::Table;
    out.members.push_back({"name", {}, config::Value::of(std::string("sbx"))});
    out.members.push_back({"version", {}, config::Value::of(std::string(kVersion))});
    out.members.push_back({"arch", {}, config::Value::of(std::string("x86_64"))});
    write_stdout(to_json(out));
    return 0;
}

}  // namespace sbx::cli
