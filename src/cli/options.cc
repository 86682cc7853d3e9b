// The parse of sbx's own options with CLI11, which no other file includes (options.h).
#include "src/cli/options.h"

#include <CLI/CLI.hpp>
#include <map>

#include "src/cli/argv_cut.h"
#include "src/cli/output.h"
#include "src/config/error.h"

namespace sbx::cli {

CommandLine parse_command_line(const char* verb, std::span<const Option> options, std::span<const std::string> args,
                               Words words) {
    Cut cut = cut_arguments(verb, options, args, words);
    CommandLine line;
    line.words = std::move(cut.words);

    CLI::App app;
    app.set_help_flag();  // --help is a row of the table like any other
    std::map<const CLI::Option*, const Option*> rows;
    for (const Option& option : options) {
        std::string name = "--" + std::string(option.name);
        CLI::Option* added = nullptr;
        if (option.metavar) {
            // Not a vector: CLI11 would rewrite a value such as "[a,b]".
            added = app.add_option_function<std::string>(name, [](const std::string&) {});
            added->take_all()->allow_extra_args(false)->expected(1);
        } else {
            added = app.add_flag(name);
        }
        rows[added] = &option;
    }
    std::vector<std::string> reversed(cut.head.rbegin(), cut.head.rend());
    try {
        app.parse(reversed);
    } catch (const CLI::Error& error) {
        fail_usage(verb, error.what(), std::string("`sbx help ") + verb + "` lists the options");
    }
    std::map<const CLI::Option*, std::size_t> seen;
    for (const CLI::Option* option : app.parse_order()) {
        Given given{rows[option], cut.spelled[line.given.size()], {}};
        if (given.option->metavar) given.value = option->results()[seen[option]++];
        line.given.push_back(std::move(given));
    }
    return line;
}

std::string option_help(std::span<const Option> options) {
    Columns columns;
    for (const Option& option : options) {
        if (option.awaits) continue;
        std::string left = option.letter != 0 ? std::string("  -") + option.letter + ", " : "      ";
        left += std::string("--") + option.name;
        if (option.metavar)
            left += option.if_bare ? std::string("[=") + option.metavar + "]" : std::string(" ") + option.metavar;
        columns.row({left, option.doc});
    }
    return columns.text();
}

const Given* find_given(const CommandLine& line, std::string_view name) {
    const Given* found = nullptr;
    for (const Given& given : line.given)
        if (name == given.option->name) found = &given;
    return found;
}

}  // namespace sbx::cli
