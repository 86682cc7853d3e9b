// Values and origins as text (value.h, config.h): used by error lines and by `sbx show`.
#include "src/config/value.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace sbx::config {

namespace {

// A TOML basic string. Bytes above 0x7f are passed on: TOML is UTF-8, and so are most paths.
std::string quote(const std::string& text) {
    std::string out = "\"";
    for (char c : text) {
        unsigned char u = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (u < 0x20 || u == 0x7f) {
            char hex[8];
            std::snprintf(hex, sizeof hex, "\\u%04X", u);
            out += hex;
        } else {
            out += c;
        }
    }
    return out + "\"";
}

std::string key_text(const std::string& name) {
    bool bare = !name.empty();
    for (char c : name)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            bare = false;
    return bare ? name : quote(name);
}

// The shortest text that is the number, and is a float in TOML.
std::string real_text(double real) {
    char text[32];
    std::string out(text, std::to_chars(text, text + sizeof text, real).ptr);
    return out.find_first_of(".en") == out.npos ? out + ".0" : out;
}

}  // namespace

Value Value::of(bool v) {
    Value value;
    value.kind = Kind::Boolean;
    value.boolean = v;
    return value;
}

Value Value::of(std::int64_t v) {
    Value value;
    value.kind = Kind::Integer;
    value.integer = v;
    return value;
}

Value Value::of(std::string v) {
    Value value;
    value.kind = Kind::String;
    value.text = std::move(v);
    return value;
}

Value Value::of(const std::vector<std::string>& v) {
    Value value;
    value.kind = Kind::Array;
    for (const std::string& item : v) value.items.push_back(of(item));
    return value;
}

const char* kind_name(Value::Kind kind) {
    switch (kind) {
    case Value::Kind::Boolean: return "true or false";
    case Value::Kind::Integer: return "an integer";
    case Value::Kind::Float: return "a fraction";
    case Value::Kind::String: return "a string";
    case Value::Kind::Date: return "a date";
    case Value::Kind::Array: return "an array";
    case Value::Kind::Table: return "a table";
    }
    return "?";
}

std::string to_toml(const Value& value) {
    std::string out;
    switch (value.kind) {
    case Value::Kind::Boolean: return value.boolean ? "true" : "false";
    case Value::Kind::Integer: return std::to_string(value.integer);
    case Value::Kind::Float: return real_text(value.real);
    case Value::Kind::String:
    case Value::Kind::Date: return quote(value.text);
    case Value::Kind::Array:
        for (const Value& item : value.items) out += (out.empty() ? "" : ", ") + to_toml(item);
        return "[" + out + "]";
    case Value::Kind::Table:
        for (const Member& member : value.members)
            out += (out.empty() ? " " : ", ") + key_text(member.name) + " = " + to_toml(member.value);
        return out.empty() ? "{}" : "{" + out + " }";
    }
    return out;
}

const Origin& origin_of(const Config& config, std::string_view key) {
    static const Origin none;
    const Origin* found = &none;
    for (const auto& [name, origin] : config.origins)
        if (name == key) found = &origin;
    return *found;
}

std::string place_of(const Config& config, std::string_view key) {
    auto times = std::count_if(config.origins.begin(), config.origins.end(),
                               [&](const auto& entry) { return entry.first == key; });
    return times == 1 ? to_string(origin_of(config, key)) : std::string(key);
}

std::string to_string(const Origin& origin) {
    std::string place = origin.name;
    if (origin.line != 0) place += ":" + std::to_string(origin.line) + ":" + std::to_string(origin.column);
    switch (origin.kind) {
    case Origin::Kind::Default: return "default";
    case Origin::Kind::Profile: return "profile " + origin.profile + " (" + place + ")";
    case Origin::Kind::File:
    case Origin::Kind::CommandLine: return place;
    }
    return place;
}

}  // namespace sbx::config
