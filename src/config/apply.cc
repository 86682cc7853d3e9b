// Storing of values in a Config by the table of keys (apply.h). config/extract.cc goes the other way.
#include "src/config/apply.h"

#include <charconv>
#include <algorithm>
#include <string>

#include "src/config/error.h"
#include "src/config/glob.h"
#include "src/config/names.h"
#include "src/config/toml_file.h"
#include "src/config/units.h"

namespace sbx::config {

namespace {

constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

// "sbx.toml:3:5: run.timeout", where the key is not in the place already ("-s run.timeout", "--ro").
std::string where_of(const Key& key, const Value& value) {
    std::string where = to_string(value.origin);
    if (value.origin.kind == Origin::Kind::CommandLine) return where;
    return where + ": " + key.name;
}

[[noreturn]] void fail_type(const Key& key, const Value& value, const std::string& wanted) {
    fail_usage(where_of(key, value), "expected " + wanted + ", not " + kind_name(value.kind));
}

[[noreturn]] void fail_awaited(const std::string& where, const std::string& what, const char* awaits) {
    fail_usage(where, what + " is not supported yet", std::string("it comes with ") + awaits);
}

void expect(const Key& key, const Value& value, Value::Kind kind, const char* wanted) {
    if (value.kind != kind) fail_type(key, value, wanted);
}

const std::string& string_of(const Key& key, const Value& value, const char* wanted = "a string") {
    expect(key, value, Value::Kind::String, wanted);
    if (value.text.find('\0') != std::string::npos) fail_usage(where_of(key, value), "a NUL byte in a string");
    return value.text;
}

std::vector<std::string> strings_of(const Key& key, const Value& value) {
    expect(key, value, Value::Kind::Array, "an array of strings");
    std::vector<std::string> out;
    for (const Value& item : value.items) out.push_back(string_of(key, item));
    return out;
}

std::int64_t integer_of(const Key& key, const Value& value, std::int64_t min, std::int64_t max) {
    expect(key, value, Value::Kind::Integer, "an integer");
    if (value.integer < min || value.integer > max)
        fail_usage(where_of(key, value), std::to_string(value.integer) + " is not between " + std::to_string(min) +
                                             " and " + std::to_string(max));
    return value.integer;
}

double fraction_of(const Key& key, const Value& value) {
    double number = value.kind == Value::Kind::Integer ? static_cast<double>(value.integer) : value.real;
    if (value.kind != Value::Kind::Integer) expect(key, value, Value::Kind::Float, "a number such as 1.5");
    // Less would not be a number of nanoseconds at each look of the CPU clock.
    if (!(number >= 0.001 && number <= static_cast<double>(key.max)))
        fail_usage(where_of(key, value), to_toml(value) + " is not between 0.001 and " + std::to_string(key.max));
    return number;
}

std::uint64_t size_of(const Key& key, const Value& value) {
    if (value.kind == Value::Kind::Integer && value.integer >= 0) return static_cast<std::uint64_t>(value.integer);
    if (value.kind == Value::Kind::Integer) fail_usage(where_of(key, value), "a size cannot be negative");
    const std::string& text = string_of(key, value, "a size such as \"512M\"");
    auto size = parse_size(text);
    if (!size) fail_usage(where_of(key, value), "\"" + text + "\" is not a size", "write 65536, \"512M\" or \"2G\"");
    return *size;
}

std::int64_t duration_of(const Key& key, const Value& value) {
    const std::string& text = string_of(key, value, "a duration such as \"30s\"");
    auto duration = parse_duration(text);
    if (!duration)
        fail_usage(where_of(key, value), "\"" + text + "\" is not a duration", "write \"30s\", \"10m\" or \"1m30s\"");
    return *duration;
}

std::string choices_of(const Key& key) {
    std::string out;
    for (const Choice& choice : key.choices) out += (out.empty() ? "" : ", ") + std::string(choice.name);
    return out;
}

void store_choice(const Key& key, const Value& value, void* field) {
    std::string wanted = "one of " + choices_of(key);
    const std::string& text = string_of(key, value, wanted.c_str());
    for (const Choice& choice : key.choices) {
        if (text != choice.name) continue;
        if (choice.awaits) fail_awaited(where_of(key, value), "\"" + text + "\"", choice.awaits);
        *static_cast<unsigned char*>(field) = choice.value;
        return;
    }
    fail_usage(where_of(key, value), "\"" + text + "\" is not " + wanted);
}

void store_inherit(const Key& key, const Value& value, EnvConfig& env) {
    if (value.kind == Value::Kind::Array) {
        env.inherit = EnvInherit::Listed;
        env.names = strings_of(key, value);
        return;
    }
    const std::string& text = string_of(key, value, "\"all\", \"none\" or an array of names");
    if (text != "all" && text != "none")
        fail_usage(where_of(key, value), "\"" + text + "\" is not \"all\", \"none\" or an array of names",
                   "write [\"" + text + "\"] to inherit that one");
    env.inherit = text == "all" ? EnvInherit::All : EnvInherit::None;
    env.names.clear();
}

void store_table(const Key& key, const Value& value, EnvConfig& env) {
    expect(key, value, Value::Kind::Table, "a table of strings");
    for (const Member& member : value.members) {
        if (member.name.empty() || member.name.find_first_of(std::string_view("=\0", 2)) != std::string::npos)
            fail_usage(to_string(member.origin), "not a variable's name: \"" + member.name + "\"");
        const std::string& text = string_of(key, member.value);
        std::erase_if(env.set, [&](const auto& entry) { return entry.first == member.name; });
        std::erase(env.unset, member.name);
        env.set.emplace_back(member.name, text);
    }
}

void store_identity(const Key& key, const Value& value, Identity& identity) {
    constexpr std::int64_t kMaxId = 0xfffffffe;  // -1 means "leave it" to setuid(2) and chown(2)
    if (value.kind == Value::Kind::Integer) {
        identity.id = static_cast<std::uint32_t>(integer_of(key, value, 0, kMaxId));
        identity.host = false;
        return;
    }
    const std::string& text = string_of(key, value, "a number or \"host\"");
    if (text != "host") {
        auto number = parse_number(text, kMaxId);
        if (!number || value.origin.kind != Origin::Kind::CommandLine)
            fail_usage(where_of(key, value), "\"" + text + "\" is not a number or \"host\"");
        identity.id = static_cast<std::uint32_t>(*number);
    }
    identity.host = text == "host";
}

std::uint64_t rlimit_value(const Key& key, const Value& value) {
    if (value.kind == Value::Kind::String && value.text == "unlimited") return kUnlimited;
    return size_of(key, value);
}

void store_rlimits(const Key& key, const Value& value, std::vector<Rlimit>& limits) {
    expect(key, value, Value::Kind::Table, "a table such as { nofile = [1024, 4096] }");
    for (const Member& member : value.members) {
        auto number = rlimit_number(member.name);
        if (!number) {
            std::string near = nearest_word(member.name, rlimit_names());
            fail_usage(to_string(member.origin), "unknown resource limit \"" + member.name + "\"" +
                                                     (near.empty() ? "" : " (did you mean \"" + near + "\"?)"));
        }
        Rlimit limit{member.name, *number, 0, 0};
        if (member.value.kind == Value::Kind::Array) {
            if (member.value.items.size() != 2)
                fail_usage(where_of(key, member.value), member.name + " takes one value or [soft, hard]");
            limit.soft = rlimit_value(key, member.value.items[0]);
            limit.hard = rlimit_value(key, member.value.items[1]);
        } else {
            limit.soft = limit.hard = rlimit_value(key, member.value);
        }
        if (limit.soft > limit.hard)
            fail_usage(where_of(key, member.value), member.name + ": the soft limit is above the hard one");
        std::erase_if(limits, [&](const Rlimit& other) { return other.resource == limit.resource; });
        limits.push_back(std::move(limit));
    }
}

void store_capabilities(const Key& key, const Value& value, UserConfig& user) {
    std::vector<std::string> names = strings_of(key, value);
    std::uint64_t mask = 0;
    for (std::size_t i = 0; i < names.size(); i++) {
        auto bits = capability_mask(names[i]);
        if (!bits) fail_usage(where_of(key, value.items[i]), "unknown capability \"" + names[i] + "\"");
        mask |= *bits;
    }
    user.capabilities = mask;
    user.capability_names = std::move(names);
    user.capabilities_set = true;
}

void store_upper(const Key& key, const Value& value, UpperKind& upper) {
    const std::string& text = string_of(key, value, "\"memory\"");
    if (text.starts_with("dir:")) fail_awaited(where_of(key, value), "\"dir:\"", "kept overlays");
    if (text != "memory") fail_usage(where_of(key, value), "\"" + text + "\" is not \"memory\"");
    upper = UpperKind::Memory;
}

template <class T>
T& as(void* field) {
    return *static_cast<T*>(field);
}

void store(const Key& key, const Value& value, void* field) {
    switch (key.shape) {
    case Shape::Boolean:
        expect(key, value, Value::Kind::Boolean, "true or false");
        as<bool>(field) = value.boolean;
        break;
    case Shape::Integer: as<std::int64_t>(field) = integer_of(key, value, key.min, key.max); break;
    case Shape::Fraction: as<double>(field) = fraction_of(key, value); break;
    case Shape::Path:
        if (string_of(key, value).empty()) fail_usage(where_of(key, value), "an empty path");
        as<std::string>(field) = value.text;
        break;
    case Shape::String: as<std::string>(field) = string_of(key, value); break;
    case Shape::Size: as<std::uint64_t>(field) = size_of(key, value); break;
    case Shape::Duration: as<std::int64_t>(field) = duration_of(key, value); break;
    case Shape::Choice: store_choice(key, value, field); break;
    case Shape::Upper: store_upper(key, value, as<UpperKind>(field)); break;
    case Shape::Strings: {
        std::vector<std::string> strings = strings_of(key, value);
        auto& list = as<std::vector<std::string>>(field);
        if (key.merge == Merge::Replace) list.clear();
        list.insert(list.end(), strings.begin(), strings.end());
        break;
    }
    case Shape::Integers: {
        expect(key, value, Value::Kind::Array, "an array of integers");
        auto& list = as<std::vector<std::int64_t>>(field);
        for (const Value& item : value.items) {
            std::int64_t number = integer_of(key, item, key.min, key.max);
            if (std::find(list.begin(), list.end(), number) == list.end()) list.push_back(number);
        }
        break;
    }
    case Shape::Inherit: store_inherit(key, value, as<EnvConfig>(field)); break;
    case Shape::StringTable: break;  // apply_value knows the EnvConfig around it
    case Shape::Identity: store_identity(key, value, as<Identity>(field)); break;
    case Shape::Capabilities: store_capabilities(key, value, as<UserConfig>(field)); break;
    case Shape::Rlimits: store_rlimits(key, value, as<std::vector<Rlimit>>(field)); break;
    }
}

// `shown` stands before the name and before a near name of the same section: in a file both are meant as they stand there.
[[noreturn]] void fail_unknown(const std::string& where, const std::string& name, const std::string& section,
                               const std::string& shown = {}) {
    std::string near = nearest_key(name, section);
    if (!near.empty() && near.find('.') == std::string::npos) near = shown + near;
    fail_usage(where,
               "unknown key \"" + shown + name + "\"" + (near.empty() ? "" : " (did you mean \"" + near + "\"?)"));
}

void apply_mounts(Config& config, const Value& value) {
    const char* wanted = "[[mount]]";
    if (value.kind != Value::Kind::Array)
        fail_usage(to_string(value.origin), std::string("mount is an array of tables: write ") + wanted);
    for (const Value& table : value.items) {
        if (table.kind != Value::Kind::Table)
            fail_usage(to_string(table.origin), std::string("mount is an array of tables: write ") + wanted);
        MountSpec mount;
        mount.origin = table.origin;
        bool typed = false;
        for (const Member& member : table.members) {
            const Key* key = find_key("mount." + member.name);
            if (!key) fail_unknown(to_string(member.origin), member.name, "mount.");
            store(*key, member.value, key->field(&mount));
            typed = typed || member.name == "type";
        }
        if (!typed) fail_usage(to_string(mount.origin), "a mount needs a type", "add type = \"bind\"");
        add_mount(config, std::move(mount));
    }
}

void walk(Config& config, const Value& table, const std::string& section) {
    for (const Member& member : table.members) {
        std::string name = section + member.name;
        if (name == "mount") {
            apply_mounts(config, member.value);
        } else if (const Key* key = find_key(name)) {
            if (key->awaits) fail_awaited(to_string(member.origin), "\"" + name + "\"", key->awaits);
            apply_value(config, *key, member.value);
        } else if (is_section(name)) {
            if (member.value.kind != Value::Kind::Table)
                fail_usage(to_string(member.value.origin), name + " is a table: write [" + name + "]");
            walk(config, member.value, name + ".");
        } else {
            fail_unknown(to_string(member.origin), member.name, section);
        }
    }
}

void parse_options(MountSpec& mount) {
    std::string where = to_string(mount.origin);
    for (const std::string& option : mount.options) {
        bool tmpfs = mount.type == MountType::Tmpfs;
        if (option == "nosuid") {
            mount.nosuid = true;
        } else if (option == "nodev") {
            mount.nodev = true;
        } else if (option == "noexec") {
            mount.noexec = true;
        } else if (tmpfs && option.starts_with("size=")) {
            auto size = parse_size(std::string_view(option).substr(5));
            if (!size) fail_usage(where, "not a size: " + option);
            mount.size = *size;
        } else if (tmpfs && option.starts_with("mode=")) {
            std::uint32_t bits = 0;
            bool good = option.size() > 5 && option.size() <= 9;
            for (char c : std::string_view(option).substr(5)) {
                good = good && c >= '0' && c <= '7';
                bits = bits * 8 + static_cast<std::uint32_t>(c - '0');
            }
            if (!good) fail_usage(where, "not an octal mode: " + option);
            mount.permissions = bits & 07777;
        } else {
            fail_usage(where, "unknown mount option \"" + option + "\"",
                       "known are nosuid, nodev, noexec, and for tmpfs size= and mode=");
        }
    }
}

}  // namespace

void add_mount(Config& config, MountSpec mount) {
    std::string where = to_string(mount.origin);
    bool wants_src = mount.type == MountType::Bind || mount.type == MountType::Overlay ||
                     mount.type == MountType::File || mount.type == MountType::Symlink;
    if (wants_src && mount.src.empty()) fail_usage(where, "this type of mount needs src");
    if (!wants_src && !mount.src.empty()) fail_usage(where, "this type of mount has no src");
    bool dst_from_src = wants_src && mount.type != MountType::Symlink;
    if (mount.dst.empty() && !dst_from_src) fail_usage(where, "this type of mount needs dst");
    bool wants_mode = mount.type == MountType::Bind || mount.type == MountType::File || mount.type == MountType::Tmpfs;
    if (!wants_mode && mount.mode != AccessMode::Unset) fail_usage(where, "this type of mount has no mode");
    if (mount.type == MountType::Symlink && !mount.options.empty()) fail_usage(where, "a symlink has no options");
    if (mount.mode == AccessMode::Unset)
        mount.mode = mount.type == MountType::Bind || mount.type == MountType::File ? AccessMode::ReadOnly
                                                                                    : AccessMode::ReadWrite;
    parse_options(mount);
    config.mounts.push_back(std::move(mount));
}

void apply_value(Config& config, const Key& key, const Value& value) {
    if (key.awaits) fail_awaited(to_string(value.origin), std::string("\"") + key.name + "\"", key.awaits);
    std::string_view name = key.name;
    if (key.shape == Shape::StringTable)
        store_table(key, value, config.env);
    else
        store(key, value, key.field(&config));
    if (name == "env.unset") {  // a variable that an earlier layer set
        for (const Value& item : value.items)
            std::erase_if(config.env.set, [&](const auto& entry) { return glob_match(item.text, entry.first); });
    }
    if (key.merge == Merge::Replace)
        std::erase_if(config.origins, [&](const auto& entry) { return entry.first == name; });
    config.origins.emplace_back(std::string(name), value.origin);
}

void apply_table(Config& config, const Value& table) { walk(config, table, ""); }

void apply_string(Config& config, std::string_view key, std::string text, const Origin& origin) {
    Value value = Value::of(std::move(text));
    value.origin = origin;
    apply_value(config, *find_key(key), value);
}

void apply_text(Config& config, std::string_view name, std::string_view text, const Origin& origin) {
    const Key* key = find_key(name);
    std::size_t dot = name.rfind('.');
    if (name.starts_with("mount.") || name == "mount")
        fail_usage(to_string(origin), "mounts cannot be set this way", "use --ro, --rw, --ov or --tmpfs, or a file");
    if (!key && dot != std::string_view::npos) {
        // One entry of a key that is a table: env.set.CI=1, limits.rlimit.nofile=1024.
        const Key* parent = find_key(name.substr(0, dot));
        if (parent && (parent->shape == Shape::StringTable || parent->shape == Shape::Rlimits)) {
            Value entry = Value::of(std::string(text));
            if (parent->shape == Shape::Rlimits && text != "unlimited") entry = parse_toml_value(text, origin);
            entry.origin = origin;
            Value table;
            table.kind = Value::Kind::Table;
            table.origin = origin;
            table.members.push_back({std::string(name.substr(dot + 1)), origin, entry});
            return apply_value(config, *parent, table);
        }
    }
    if (!key || name == "extends") {
        if (name == "extends") fail_usage(to_string(origin), "profiles cannot be set this way", "use -P NAME");
        std::size_t first = name.find('.');
        std::string section = first == std::string_view::npos ? "" : std::string(name.substr(0, first + 1));
        if (!is_section(name.substr(0, first))) section.clear();
        fail_unknown(to_string(origin), std::string(name.substr(section.size())), section, section);
    }
    Value value;
    bool quoted = !text.empty() && (text.front() == '"' || text.front() == '\'');
    bool array = !text.empty() && text.front() == '[';
    switch (key->shape) {
    case Shape::String:
    case Shape::Path:
    case Shape::Size:
    case Shape::Duration:
    case Shape::Choice:
    case Shape::Upper:
    case Shape::Identity: value = quoted ? parse_toml_value(text, origin) : Value::of(std::string(text)); break;
    case Shape::Strings:
    case Shape::Capabilities:
        value = array ? parse_toml_value(text, origin) : Value::of(std::vector<std::string>{std::string(text)});
        break;
    case Shape::Inherit:
        if (array)
            value = parse_toml_value(text, origin);
        else if (text == "all" || text == "none")
            value = Value::of(std::string(text));
        else
            value = Value::of(std::vector<std::string>{std::string(text)});
        break;
    case Shape::Integers:
        if (array) {
            value = parse_toml_value(text, origin);
        } else {
            auto number = parse_number(text, INT64_MAX);
            if (!number) fail_usage(to_string(origin), "\"" + std::string(text) + "\" is not a number");
            value.kind = Value::Kind::Array;
            value.items.push_back(Value::of(static_cast<std::int64_t>(*number)));
        }
        break;
    case Shape::Boolean:
        if (text != "true" && text != "false")
            fail_usage(to_string(origin), "\"" + std::string(text) + "\" is not true or false");
        value = Value::of(text == "true");
        break;
    case Shape::Integer: {
        auto number = parse_number(text, INT64_MAX);
        if (!number) fail_usage(to_string(origin), "\"" + std::string(text) + "\" is not a number");
        value = Value::of(static_cast<std::int64_t>(*number));
        break;
    }
    case Shape::Fraction: {
        auto [end, e] = std::from_chars(text.data(), text.data() + text.size(), value.real);
        if (e != std::errc() || end != text.data() + text.size())
            fail_usage(to_string(origin), "\"" + std::string(text) + "\" is not a number");
        value.kind = Value::Kind::Float;
        break;
    }
    case Shape::StringTable:
    case Shape::Rlimits: value = parse_toml_value(text, origin); break;
    }
    value.origin = origin;
    for (Value& item : value.items) item.origin = origin;
    apply_value(config, *key, value);
}

}  // namespace sbx::config
