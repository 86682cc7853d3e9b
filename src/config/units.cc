// Strict parsers and printers of sizes and durations (units.h).
#include "src/config/units.h"

#include <limits>

namespace sbx::config {

namespace {

struct Unit {
    std::string_view name;
    std::int64_t ns;
};

constexpr Unit kUnits[] = {
    {"d", 86'400'000'000'000},
    {"h", 3'600'000'000'000},
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
    {"us", 1'000},
    {"ns", 1},
};
constexpr std::string_view kSizeUnits = "KMGTP";
constexpr std::uint64_t kMaxSize = std::numeric_limits<std::int64_t>::max();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max) {
    if (text.empty()) return std::nullopt;
    std::uint64_t value = 0;
    for (char c : text) {
        if (!is_digit(c)) return std::nullopt;
        if (__builtin_mul_overflow(value, std::uint64_t{10}, &value) ||
            __builtin_add_overflow(value, static_cast<std::uint64_t>(c - '0'), &value))
            return std::nullopt;
    }
    if (value > max) return std::nullopt;
    return value;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    unsigned shift = 0;
    if (!text.empty()) {
        std::size_t unit = kSizeUnits.find(text.back());
        if (unit != std::string_view::npos) {
            shift = 10 * (static_cast<unsigned>(unit) + 1);
            text.remove_suffix(1);
        }
    }
    auto number = parse_number(text, kMaxSize >> shift);
    if (!number) return std::nullopt;
    return *number << shift;
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
    if (text.empty()) return std::nullopt;
    std::int64_t total = 0;
    std::int64_t last = std::numeric_limits<std::int64_t>::max();
    while (!text.empty()) {
        std::size_t digits = 0;
        while (digits < text.size() && is_digit(text[digits])) digits++;
        std::size_t end = digits;
        while (end < text.size() && !is_digit(text[end])) end++;
        std::string_view name = text.substr(digits, end - digits);
        const Unit* unit = nullptr;
        for (const Unit& candidate : kUnits)
            if (candidate.name == name) unit = &candidate;
        auto number = parse_number(text.substr(0, digits), std::numeric_limits<std::int64_t>::max());
        std::int64_t part = 0;
        if (!unit || !number || unit->ns >= last ||
            __builtin_mul_overflow(static_cast<std::int64_t>(*number), unit->ns, &part) ||
            __builtin_add_overflow(total, part, &total))
            return std::nullopt;
        last = unit->ns;
        text.remove_prefix(end);
    }
    return total;
}

std::string format_size(std::uint64_t bytes) {
    for (std::size_t i = kSizeUnits.size(); i > 0; i--) {
        std::uint64_t unit = std::uint64_t{1} << (10 * i);
        if (bytes != 0 && bytes % unit == 0) return std::to_string(bytes / unit) + kSizeUnits[i - 1];
    }
    return std::to_string(bytes);
}

std::string format_duration(std::int64_t ns) {
    if (ns <= 0) return "0s";
    std::string text;
    for (const Unit& unit : kUnits) {
        if (ns / unit.ns == 0) continue;
        text += std::to_string(ns / unit.ns);
        text += unit.name;
        ns %= unit.ns;
    }
    return text;
}

}  // namespace sbx::config
