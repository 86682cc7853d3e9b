// Matching of globs without the C library's fnmatch, which has no ** and follows the locale (glob.h).
#include "src/config/glob.h"

namespace sbx::config {

namespace {

constexpr std::size_t kNone = std::string_view::npos;

// Matches one character against the pattern element at `at`; returns the element's length, 0 if it does not match.
std::size_t match_one(std::string_view pattern, std::size_t at, char c) {
    switch (pattern[at]) {
    case '?': return 1;
    case '\\':
        if (at + 1 < pattern.size()) return pattern[at + 1] == c ? 2 : 0;
        return c == '\\' ? 1 : 0;
    case '[': {
        std::size_t i = at + 1;
        bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
        if (negated) i++;
        std::size_t first = i;
        bool found = false;
        for (; i < pattern.size() && (pattern[i] != ']' || i == first); i++) {
            unsigned char low = static_cast<unsigned char>(pattern[i]);
            unsigned char high = low;
            if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
                high = static_cast<unsigned char>(pattern[i + 2]);
                i += 2;
            }
            unsigned char u = static_cast<unsigned char>(c);
            if (u >= low && u <= high) found = true;
        }
        if (i >= pattern.size()) return c == '[' ? 1 : 0;  // not closed: the character itself, as POSIX has it
        return found != negated ? i + 1 - at : 0;
    }
    default: return pattern[at] == c ? 1 : 0;
    }
}

std::string_view next_component(std::string_view& path) {
    while (!path.empty() && path.front() == '/') path.remove_prefix(1);
    std::size_t end = path.find('/');
    std::string_view component = path.substr(0, end);
    path.remove_prefix(end == kNone ? path.size() : end);
    return component;
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text) {
    // Only the last star needs to be tried again, so the time is bounded by pattern times text.
    std::size_t p = 0, t = 0, star = kNone, star_text = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            star_text = t;
            continue;
        }
        if (p < pattern.size()) {
            if (std::size_t length = match_one(pattern, p, text[t])) {
                p += length;
                t++;
                continue;
            }
        }
        if (star == kNone) return false;
        p = star + 1;
        t = ++star_text;
    }
    while (p < pattern.size() && pattern[p] == '*') p++;
    return p == pattern.size();
}

bool path_glob_match(std::string_view pattern, std::string_view path) {
    // The same walk as glob_match, with components for characters and ** for the star.
    std::string_view star_pattern, star_path;
    bool starred = false;
    while (true) {
        std::string_view pattern_rest = pattern, path_rest = path;
        std::string_view want = next_component(pattern_rest);
        if (want == "**") {
            starred = true;
            pattern = star_pattern = pattern_rest;
            star_path = path;
            continue;
        }
        std::string_view have = next_component(path_rest);
        if (want.empty() && have.empty()) return true;
        if (!want.empty() && !have.empty() && glob_match(want, have)) {
            pattern = pattern_rest;
            path = path_rest;
            continue;
        }
        if (!starred || next_component(star_path).empty()) return false;
        pattern = star_pattern;
        path = star_path;
    }
}

bool has_glob(std::string_view pattern) { return pattern.find_first_of("*?[\\") != kNone; }

std::string quote_glob(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '*' || c == '?' || c == '[' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

}  // namespace sbx::config
