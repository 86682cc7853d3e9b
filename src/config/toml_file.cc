// TOML text to Values by way of tomlplusplus, which stays inside this file (toml_file.h).
#include "src/config/toml_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "src/config/error.h"

// tomlplusplus 3.3 asserts what a malformed file can break ("[ = x", "[1 }"), and assumes it with NDEBUG. At those two places it
// goes on to a proper error when nothing stops it; nowhere else has a file been seen to break one.
#undef NDEBUG
namespace {
constexpr bool is_handled(std::string_view text) {
    return text.starts_with("is_bare_key_character(") || text.starts_with("!is_value_terminator(");
}
[[noreturn]] void assertion_failed() {
    constexpr std::string_view kLine = "sbx: configuration: not TOML\n";
    [[maybe_unused]] ssize_t n = write(STDERR_FILENO, kLine.data(), kLine.size());
    _exit(sbx::kExitUsage);
}
}  // namespace
#define TOML_ASSERT(condition) (is_handled(#condition) || (condition) ? static_cast<void>(0) : assertion_failed())

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace sbx::config {

namespace {

constexpr std::size_t kMaxFile = 1 << 20;

Origin place(const Origin& base, const toml::source_region& region) {
    Origin origin = base;
    origin.line = static_cast<unsigned>(region.begin.line);
    origin.column = static_cast<unsigned>(region.begin.column);
    return origin;
}

Value convert(const toml::node& node, const Origin& base) {
    Value value;
    value.origin = place(base, node.source());
    if (const auto* table = node.as_table()) {
        value.kind = Value::Kind::Table;
        for (const auto& [key, child] : *table) {
            Member member;
            member.name = std::string(key.str());
            member.origin = place(base, key.source());
            member.value = convert(child, base);
            value.members.push_back(std::move(member));
        }
        // tomlplusplus keeps its tables by name; the first mistake to be named is the first in the file.
        std::stable_sort(value.members.begin(), value.members.end(), [](const Member& a, const Member& b) {
            return std::pair(a.origin.line, a.origin.column) < std::pair(b.origin.line, b.origin.column);
        });
    } else if (const auto* array = node.as_array()) {
        value.kind = Value::Kind::Array;
        for (const auto& child : *array) value.items.push_back(convert(child, base));
    } else if (const auto* text = node.as_string()) {
        value.kind = Value::Kind::String;
        value.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
        value.kind = Value::Kind::Integer;
        value.integer = integer->get();
    } else if (const auto* boolean = node.as_boolean()) {
        value.kind = Value::Kind::Boolean;
        value.boolean = boolean->get();
    } else if (const auto* real = node.as_floating_point()) {
        value.kind = Value::Kind::Float;
        value.real = real->get();
    } else {
        value.kind = Value::Kind::Date;
    }
    return value;
}

}  // namespace

Value parse_toml(std::string_view text, const Origin& origin) {
    toml::parse_result result = toml::parse(text);
    if (!result) {
        const toml::parse_error& error = result.error();
        std::string what(error.description());
        for (char& c : what)
            if (c == '\n') c = ' ';
        fail_usage(to_string(place(origin, error.source())), what);
    }
    return convert(result.table(), origin);
}

Value parse_toml_value(std::string_view text, const Origin& origin) {
    if (text.find_first_of("\r\n") != std::string_view::npos) fail_usage(to_string(origin), "a value is one line");
    toml::parse_result result = toml::parse("value = " + std::string(text));
    if (!result) fail_usage(to_string(origin), "not a TOML value: " + std::string(text));
    Value table = convert(result.table(), origin);
    Value value = std::move(table.members.front().value);
    value.origin = origin;
    return value;
}

std::string read_config_file(const std::string& path) {
    auto failed = [&](const char* why) { fail_usage(path, why); };
    int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) failed(std::strerror(errno));
    std::string text;
    char buffer[16384];
    ssize_t n = 0;
    int error = 0;
    while (text.size() <= kMaxFile) {
        n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            error = n < 0 ? errno : 0;
            break;
        }
        text.append(buffer, static_cast<std::size_t>(n));
    }
    close(fd);
    if (error != 0) failed(std::strerror(error));
    if (text.size() > kMaxFile) failed("longer than 1 MiB");
    return text;
}

}  // namespace sbx::config
