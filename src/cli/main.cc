// The entry of sbx: finds the verb, calls it, and turns what it throws into one line and a status. Nothing includes it.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "src/cli/output.h"
#include "src/cli/verbs.h"
#include "src/config/error.h"
#include "src/config/keys.h"

namespace sbx::cli {

namespace {

// A descriptor that sbx opens must not become prog's stdin, and a message must not go into a file that took the place of stderr.
// The plug fails both reads and writes, as the closed descriptor did.
void plug_closed_stdio() {
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        if (open("/", O_PATH | O_CLOEXEC) != fd) _exit(kExitFailed);
        closed_stdio |= 1u << fd;
    }
}

int dispatch(const std::vector<std::string>& args) {
    if (args.empty()) {
        print_error(
            {"usage", "sbx VERB [OPTIONS] [ARGS...]", "`sbx run PROG` runs a program, `sbx help` lists the verbs"});
        return kExitUsage;
    }
    std::span<const std::string> rest = std::span(args).subspan(1);
    std::string name = args[0];
    if (name == "--help" || name == "-h") name = "help";
    if (name == "--version" || name == "-V") name = "version";
    if (name.starts_with("-"))
        fail_usage("usage", "unknown option " + name, "options follow the verb: sbx run " + name + " ... PROG");
    const Verb* verb = find_verb(name);
    if (!verb) {
        std::vector<std::string_view> names;
        for (const Verb& known : verbs()) names.push_back(known.name);
        std::string near = config::nearest_word(name, names);
        fail_usage("usage", "unknown verb \"" + name + "\"" + (near.empty() ? "" : " (did you mean \"" + near + "\"?)"),
                   near.empty() ? "to run a program: sbx run " + name : "`sbx help` lists the verbs");
    }
    if (verb->awaits) fail_usage(name, "not available yet", std::string("it comes with ") + verb->awaits);
    return verb->run(rest);
}

}  // namespace
}  // namespace sbx::cli

int main(int argc, char** argv) {
    sbx::cli::plug_closed_stdio();
    try {
        return sbx::cli::dispatch(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
    } catch (const sbx::UserError& error) {
        sbx::cli::print_error(error);
        return error.status;
    } catch (const std::exception& error) {
        sbx::cli::print_error({"internal error", error.what(), {}, sbx::kExitFailed});
        return sbx::kExitFailed;
    }
}
