// The profiles that every sbx has: found by -P after the directories of load.h.
#include <iterator>

#include "src/config/load.h"

namespace sbx::config {

namespace {

constexpr BuiltinProfile kProfiles[] = {
    {"work", "the working directory can be changed, secrets of the home directory are hidden", R"(
version = 1
extends = ["private"]
[[mount]]
type = "bind"
src = "."
mode = "rw"
)"},
    {"private", "keys, tokens and browser profiles of the home directory are hidden", R"(
version = 1
[hide]
paths = ["~/.ssh", "~/.gnupg", "~/.aws", "~/.azure", "~/.kube", "~/.docker", "~/.netrc", "~/.git-credentials",
         "~/.config/gcloud", "~/.config/gh", "~/.mozilla", "~/.config/chromium", "~/.config/google-chrome",
         "~/.password-store", "~/.local/share/keyrings"]
)"},
    {"clean-env", "only the variables that a login would set are inherited", R"(
version = 1
[env]
inherit = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "COLORTERM", "LANG", "LC_*", "TZ", "TMPDIR"]
)"},
};

}  // namespace

const BuiltinProfile* builtin_profiles(std::size_t& count) {
    count = std::size(kProfiles);
    return kProfiles;
}

}  // namespace sbx::config
