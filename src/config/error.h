// What went wrong, for the user's terminal: thrown inside src/config and src/cli only, printed by cli/main.
#pragma once

#include <string>
#include <utility>

namespace sbx {

// The statuses of sbx itself (INTERFACE: Exit status).
enum ExitStatus : int {
    kExitUsage = 2,
    kExitTimeout = 124,
    kExitFailed = 125,
    kExitNotExecutable = 126,
    kExitNotFound = 127,
};

struct UserError {
    std::string where;  // "sbx.toml:3:5", "--ro", "run"
    std::string what;
    std::string hint;  // the next step; may be empty
    int status = kExitUsage;
};

[[noreturn]] inline void fail_usage(std::string where, std::string what, std::string hint = {}) {
    throw UserError{std::move(where), std::move(what), std::move(hint), kExitUsage};
}

}  // namespace sbx
