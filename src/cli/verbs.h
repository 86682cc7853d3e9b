// The verbs of sbx: a table of them, and what they share. Used by main and by each verb's file.
#pragma once

#include <span>
#include <string>

#include "src/cli/options.h"
#include "src/config/config.h"

namespace sbx::cli {

struct Verb {
    const char* name;
    const char* usage;    // what follows "sbx "
    const char* summary;  // one line
    int (*run)(std::span<const std::string> args);
    std::span<const Option> options = {};
    const char* awaits = nullptr;  // the part of sbx that brings the verb, if that is not there yet
};

std::span<const Verb> verbs();
const Verb* find_verb(std::string_view name);

// The text of `sbx help` and of `sbx help VERB`.
std::string general_help();
std::string verb_help(const Verb& verb);

// The options that make a Config, from the table in run_options.cc: run, show and check have them.
std::span<const Option> run_options();
// For verbs that know --json and --help alone.
std::span<const Option> plain_options();

// Profiles, the file, then the command line; not resolved. words become run.argv if there are any.
Config load_config(const CommandLine& line);

// Prints the verb's help if that was asked for.
bool wants_help(const CommandLine& line, const char* verb);
bool wants_json(const CommandLine& line);

// The merged configuration: TOML or JSON with each value's origin; and what a run would do.
std::string show_toml(const Config& config);
std::string show_json(const Config& config);
std::string dry_run_text(const Config& config);
std::string dry_run_json(const Config& config);

int run_verb(std::span<const std::string> args);
int check_verb(std::span<const std::string> args);
int show_verb(std::span<const std::string> args);
int syscalls_verb(std::span<const std::string> args);
int info_verb(std::span<const std::string> args);
int version_verb(std::span<const std::string> args);
int help_verb(std::span<const std::string> args);

// Which of descriptors 0..2 were closed when sbx started: bit n for descriptor n. main plugs them before anything is opened.
extern unsigned closed_stdio;

}  // namespace sbx::cli
