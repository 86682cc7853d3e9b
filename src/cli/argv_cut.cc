// The cut of the argument vector (argv_cut.h). CLI11 cannot be given PROG's arguments: with its prefix_command it swallows
// unknown options and answers `PROG --help` itself.
#include "src/cli/argv_cut.h"

#include "src/config/error.h"
#include "src/config/keys.h"

namespace sbx::cli {

namespace {

class Cutter {
public:
    Cutter(const char* verb, std::span<const Option> options, std::span<const std::string> args)
        : verb_(verb), options_(options), args_(args) {}

    Cut run(Words words) {
        while (next_ < args_.size()) {
            const std::string& word = args_[next_++];
            if (word == "--") break;
            if (word.size() < 2 || word[0] != '-') {
                cut_.words.push_back(word);
                if (words == Words::EndOptions) break;
            } else if (word[1] == '-') {
                long_option(word);
            } else {
                letters(word);
            }
        }
        while (next_ < args_.size()) cut_.words.push_back(args_[next_++]);
        return std::move(cut_);
    }

private:
    void add(const Option& option, const std::string& spelled, const std::string* value) {
        if (option.awaits) fail_usage(spelled, "not supported yet", std::string("it comes with ") + option.awaits);
        if (value && value->empty()) fail_usage(spelled, std::string("needs a value: ") + option.metavar);
        cut_.head.push_back("--" + std::string(option.name) + (value ? "=" + *value : ""));
        cut_.spelled.push_back(spelled);
    }

    const std::string& next_value(const Option& option, const std::string& spelled) {
        if (next_ == args_.size()) fail_usage(spelled, std::string("needs a value: ") + option.metavar);
        return args_[next_++];
    }

    void long_option(const std::string& word) {
        std::size_t equals = word.find('=');
        std::string spelled = word.substr(0, equals);
        const Option* found = nullptr;
        for (const Option& option : options_)
            if (spelled.substr(2) == option.name) found = &option;
        if (!found) fail_unknown(spelled);
        if (equals != std::string::npos) {
            std::string value = word.substr(equals + 1);
            if (!found->metavar) fail_usage(spelled, "takes no value");
            add(*found, spelled, &value);
        } else if (!found->metavar) {
            add(*found, spelled, nullptr);
        } else if (found->if_bare) {
            std::string value = found->if_bare;
            add(*found, spelled, &value);
        } else {
            add(*found, spelled, &next_value(*found, spelled));
        }
    }

    void letters(const std::string& word) {
        for (std::size_t i = 1; i < word.size(); i++) {
            std::string spelled = {'-', word[i]};
            const Option* found = nullptr;
            for (const Option& option : options_)
                if (option.letter != 0 && word[i] == option.letter) found = &option;
            if (!found) fail_unknown(word.size() == 2 ? word : spelled);
            if (!found->metavar) {
                add(*found, spelled, nullptr);
                continue;
            }
            std::string value = i + 1 < word.size() ? word.substr(i + 1) : next_value(*found, spelled);
            add(*found, spelled, &value);
            return;
        }
    }

    [[noreturn]] void fail_unknown(const std::string& spelled) {
        std::vector<std::string_view> names;
        for (const Option& option : options_) names.push_back(option.name);
        std::string near =
            spelled.starts_with("--") ? config::nearest_word(std::string_view(spelled).substr(2), names) : "";
        fail_usage(verb_, "unknown option " + spelled + (near.empty() ? "" : " (did you mean --" + near + "?)"),
                   std::string("`sbx help ") + verb_ + "` lists the options");
    }

    const char* verb_;
    std::span<const Option> options_;
    std::span<const std::string> args_;
    std::size_t next_ = 0;
    Cut cut_;
};

}  // namespace

Cut cut_arguments(const char* verb, std::span<const Option> options, std::span<const std::string> args, Words words) {
    return Cutter(verb, options, args).run(words);
}

}  // namespace sbx::cli
