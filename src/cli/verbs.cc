// The table of verbs and the help texts made from it (verbs.h).
#include "src/cli/verbs.h"

#include "src/cli/output.h"

namespace sbx::cli {

namespace {

constexpr const char* kControl = "the control socket";
constexpr const char* kOverlay = "kept overlays";

constexpr Option kPlainOptions[] = {
    {0, "json", nullptr, nullptr, "print JSON"},
    {'h', "help", nullptr, nullptr, "print this"},
};
constexpr Option kHelpOnly[] = {{'h', "help", nullptr, nullptr, "print this"}};

constexpr Verb later(const char* name, const char* awaits) { return {name, name, "", nullptr, {}, awaits}; }

const Verb kVerbs[] = {
    {"run", "run [OPTIONS] [--] PROG [ARGS...]", "run a program in a sandbox", run_verb, run_options()},
    {"check", "check [-c FILE] [OPTIONS]", "say what is wrong with a configuration; nothing if it is right", check_verb,
     run_options()},
    {"show", "show [--json] [OPTIONS] [PROG [ARGS...]]",
     "print the merged configuration and where each value comes from", show_verb, run_options()},
    {"info", "info [--json]", "what works on this host: platforms, layers of isolation, limits", info_verb,
     kPlainOptions},
    {"syscalls", "syscalls [--json] [NAME...]", "the system calls that a program in a sandbox has", syscalls_verb,
     kPlainOptions},
    {"version", "version [--json]", "print the version", version_verb, kPlainOptions},
    {"help", "help [VERB]", "print this, or the help of a verb", help_verb, kHelpOnly},
    later("exec", kControl),
    later("shell", kControl),
    later("ps", kControl),
    later("list", kControl),
    later("top", kControl),
    later("kill", kControl),
    later("pause", kControl),
    later("resume", kControl),
    later("wait", kControl),
    later("delete", kControl),
    later("events", kControl),
    later("stats", kControl),
    later("checkpoint", "checkpoints"),
    later("restore", "checkpoints"),
    later("diff", kOverlay),
    later("commit", kOverlay),
    later("discard", kOverlay),
    later("publish", "the network"),
    later("trace", "the trace verb; `sbx run --trace PROG` traces"),
    later("learn", "the learn verb"),
    later("profiles", "the profiles verb"),
    later("completion", "shell completion"),
};

}  // namespace

unsigned closed_stdio = 0;

std::span<const Verb> verbs() { return kVerbs; }
std::span<const Option> plain_options() { return kPlainOptions; }

const Verb* find_verb(std::string_view name) {
    for (const Verb& verb : kVerbs)
        if (name == verb.name) return &verb;
    return nullptr;
}

std::string general_help() {
    Columns columns;
    for (const Verb& verb : kVerbs)
        if (!verb.awaits) columns.row({std::string("  ") + verb.name, verb.summary});
    return "Usage: sbx VERB [OPTIONS] [ARGS...]\n\n" + columns.text() +
           "\n`sbx run PROG` starts PROG with the whole host in view and nothing on it changeable.\n"
           "`sbx help VERB` lists the options of a verb; sbx(1), sbx-run(1) and sbx.toml(5) say more.\n";
}

std::string verb_help(const Verb& verb) {
    return std::string("Usage: sbx ") + verb.usage + "\n\n" + verb.summary + ".\n\n" + option_help(verb.options);
}

bool wants_help(const CommandLine& line, const char* verb) {
    if (!find_given(line, "help")) return false;
    write_stdout(verb_help(*find_verb(verb)));
    return true;
}

bool wants_json(const CommandLine& line) { return find_given(line, "json") != nullptr; }

}  // namespace sbx::cli
