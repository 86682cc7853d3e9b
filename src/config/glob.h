// Globs of environment names ("LC_*") and of hidden paths ("/home/**/.env"): used by config/environment and where paths are hidden.
#pragma once

#include <string>
#include <string_view>

namespace sbx::config {

// * any run of characters, ? one, [a-z] [!a-z] a set, \x the character x. The whole text must match.
bool glob_match(std::string_view pattern, std::string_view text);

// The same for each component of an absolute path; the component ** matches any number of components, none included.
// Neither side may have empty, "." or ".." components.
bool path_glob_match(std::string_view pattern, std::string_view path);

// Whether the pattern has a character that stands for more than itself, or is quoted.
bool has_glob(std::string_view pattern);

// A pattern that matches the text and nothing else.
std::string quote_glob(std::string_view text);

}  // namespace sbx::config
