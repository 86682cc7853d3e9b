// The options of the verbs as a table, the cut that finds where PROG begins, and the parse of what stands before it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sbx::cli {

struct Option {
    char letter;          // 0: none
    const char* name;     // without the dashes
    const char* metavar;  // null: a flag
    const char* key;      // the TOML key that the option sets; null: it is about sbx itself
    const char* doc;
    const char* if_bare = nullptr;  // the value may be left out, and then is this; given, it follows a "="
    const char* awaits = nullptr;   // the part of sbx that brings the option, if that is not there yet
};

// One option as it was given.
struct Given {
    const Option* option;
    std::string spelled;  // "--root", "-C"
    std::string value;
};

struct CommandLine {
    std::vector<Given> given;        // in order
    std::vector<std::string> words;  // PROG and its arguments, or the words of another verb
};

enum class Words : unsigned char {
    EndOptions,  // the first word ends sbx's options: what follows is PROG's
    Anywhere,    // options may follow words
};

// Throws UserError, where being the verb or the option.
CommandLine parse_command_line(const char* verb, std::span<const Option> options, std::span<const std::string> args,
                               Words words);

// The list of options, for help.
std::string option_help(std::span<const Option> options);

const Given* find_given(const CommandLine& line, std::string_view name);

}  // namespace sbx::cli
