// Parsing of the #! line.
#include "src/loader/script.h"

namespace sbx::loader {
namespace {
constexpr std::string_view kBlank = " \t";
}

Result<ScriptLine> parse_script(std::string_view head) {
    bool whole_line = true;
    size_t end = head.find('\n');
    if (end == head.npos) {
        // The line goes on beyond what was read: fine as long as the interpreter's name is complete. A shorter file ends its line.
        whole_line = head.size() < kScriptHead;
        end = head.size();
    }
    std::string_view line = head.substr(2, end - 2);
    if (size_t nul = line.find('\0'); nul != line.npos) {
        line = line.substr(0, nul);
        whole_line = true;
    }
    size_t start = line.find_first_not_of(kBlank);
    if (start == line.npos) return err(ENOEXEC);
    line = line.substr(start);
    size_t name_end = line.find_first_of(kBlank);
    if (name_end == line.npos && !whole_line) return err(ENOEXEC);
    ScriptLine s;
    s.interpreter = line.substr(0, name_end);
    if (name_end == line.npos) return s;
    line = line.substr(name_end);
    size_t arg = line.find_first_not_of(kBlank);
    if (arg == line.npos) return s;
    line = line.substr(arg);
    s.argument = line.substr(0, line.find_last_not_of(kBlank) + 1);
    return s;
}

}  // namespace sbx::loader
