// Splits the arguments of a verb into sbx's own options and the rest: used by cli/options before CLI11 sees anything.
#pragma once

#include "src/cli/options.h"

namespace sbx::cli {

struct Cut {
    std::vector<std::string> head;     // each option as one word, "--name=value" or "--name"
    std::vector<std::string> spelled;  // how each of them was written
    std::vector<std::string> words;
};

// Options end at "--", and with Words::EndOptions at the first word that is neither an option nor the value of one.
Cut cut_arguments(const char* verb, std::span<const Option> options, std::span<const std::string> args, Words words);

}  // namespace sbx::cli
