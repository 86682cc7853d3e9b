// A TOML value without TOML: what config/toml_file.cc reads, config/apply.cc stores in a Config, and `sbx show` prints.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/config/config.h"

namespace sbx::config {

struct Member;

struct Value {
    enum class Kind : unsigned char { Boolean, Integer, Float, String, Date, Array, Table };
    Kind kind = Kind::String;
    bool boolean = false;
    std::int64_t integer = 0;
    double real = 0;
    std::string text;
    std::vector<Value> items;
    std::vector<Member> members;
    Origin origin;

    static Value of(bool v);
    static Value of(std::int64_t v);
    static Value of(std::string v);
    static Value of(const std::vector<std::string>& v);
};

struct Member {
    std::string name;
    Origin origin;  // the key's place; value.origin is the value's
    Value value;
};

// "a string", "an integer" ...: for lines that say what was found.
const char* kind_name(Value::Kind kind);

// TOML text of a value on one line.
std::string to_toml(const Value& value);

}  // namespace sbx::config
