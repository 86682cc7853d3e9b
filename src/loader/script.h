// Scripts: the first line of a file that starts with "#!" (fs/binfmt_script.c). Used by loader.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/base/result.h"

namespace sbx::loader {

struct ScriptLine {
    std::string interpreter;
    std::optional<std::string> argument;  // all that follows, as one
};

constexpr size_t kScriptHead = 256;  // BINPRM_BUF_SIZE: bytes of the file that are looked at

// `head`: the first bytes of a file that starts with "#!". ENOEXEC if no interpreter is named or its name is cut off.
Result<ScriptLine> parse_script(std::string_view head);

}  // namespace sbx::loader
