// A Config back into Values, for `sbx show` and --dry-run --json (apply.h).
#include "src/config/apply.h"
#include "src/config/units.h"

namespace sbx::config {

namespace {

template <class T>
const T& as(const void* field) {
    return *static_cast<const T*>(field);
}

Value limit_value(std::uint64_t value) {
    if (value > static_cast<std::uint64_t>(INT64_MAX)) return Value::of(std::string("unlimited"));
    return Value::of(static_cast<std::int64_t>(value));
}

Value extract_rlimits(const std::vector<Rlimit>& limits) {
    Value table;
    table.kind = Value::Kind::Table;
    for (const Rlimit& limit : limits) {
        Value pair;
        pair.kind = Value::Kind::Array;
        pair.items = {limit_value(limit.soft), limit_value(limit.hard)};
        table.members.push_back({limit.name, {}, std::move(pair)});
    }
    return table;
}

Value extract_choice(const Key& key, unsigned char value) {
    for (const Choice& choice : key.choices)
        if (choice.value == value && !choice.awaits) return Value::of(std::string(choice.name));
    return Value::of(std::string("?"));
}

std::optional<Value> extract(const Key& key, const void* field) {
    switch (key.shape) {
    case Shape::Boolean: return Value::of(as<bool>(field));
    case Shape::Integer: return Value::of(as<std::int64_t>(field));
    case Shape::Fraction: {
        Value number;
        number.kind = Value::Kind::Float;
        number.real = as<double>(field);
        return number;
    }
    case Shape::String:
    case Shape::Path: return Value::of(as<std::string>(field));
    case Shape::Size: return Value::of(format_size(as<std::uint64_t>(field)));
    case Shape::Duration: return Value::of(format_duration(as<std::int64_t>(field)));
    case Shape::Choice: return extract_choice(key, as<unsigned char>(field));
    case Shape::Upper: return Value::of(std::string("memory"));
    case Shape::Strings: return Value::of(as<std::vector<std::string>>(field));
    case Shape::Integers: {
        Value list;
        list.kind = Value::Kind::Array;
        for (std::int64_t item : as<std::vector<std::int64_t>>(field)) list.items.push_back(Value::of(item));
        return list;
    }
    case Shape::Inherit: {
        const auto& env = as<EnvConfig>(field);
        if (env.inherit == EnvInherit::Listed) return Value::of(env.names);
        return Value::of(std::string(env.inherit == EnvInherit::All ? "all" : "none"));
    }
    case Shape::StringTable: {
        Value table;
        table.kind = Value::Kind::Table;
        for (const auto& [name, text] : as<std::vector<std::pair<std::string, std::string>>>(field))
            table.members.push_back({name, {}, Value::of(text)});
        return table;
    }
    case Shape::Identity: {
        const auto& identity = as<Identity>(field);
        if (identity.host) return Value::of(std::string("host"));
        return Value::of(static_cast<std::int64_t>(identity.id));
    }
    case Shape::Capabilities: {
        const auto& user = as<UserConfig>(field);
        if (!user.capabilities_set) return std::nullopt;
        return Value::of(user.capability_names);
    }
    case Shape::Rlimits: return extract_rlimits(as<std::vector<Rlimit>>(field));
    }
    return std::nullopt;
}

// Zero, "" and [] where they stand for "none": a file that said so would be refused or mean something else.
bool is_unset(const Key& key, const Value& value) {
    std::string_view name = key.name;
    if (name == "run.timeout" || name == "root.size" || name == "limits.memory" || name == "limits.kernel-memory")
        return value.text == "0" || value.text == "0s";
    if (name == "limits.cpus") return value.real == 0;
    if (name == "limits.pids") return value.integer == 0;
    if (key.shape == Shape::Path || key.shape == Shape::String) return value.text.empty();
    if (key.shape == Shape::StringTable || key.shape == Shape::Rlimits) return value.members.empty();
    return false;
}

}  // namespace

std::optional<Value> get_value(const Config& config, const Key& key) {
    if (key.awaits || std::string_view(key.name).starts_with("mount.")) return std::nullopt;
    // The accessor is written for storing; nothing is stored here.
    auto value = extract(key, key.field(const_cast<Config*>(&config)));
    if (value && is_unset(key, *value)) return std::nullopt;
    return value;
}

std::vector<Member> get_mount(const MountSpec& mount) {
    std::vector<Member> members;
    for (const Key& key : keys()) {
        std::string_view name = key.name;
        if (!name.starts_with("mount.")) continue;
        name.remove_prefix(6);
        bool binds = mount.type == MountType::Bind || mount.type == MountType::Overlay || mount.type == MountType::File;
        bool has_mode =
            mount.type == MountType::Bind || mount.type == MountType::File || mount.type == MountType::Tmpfs;
        if ((name == "src" && mount.src.empty()) || (name == "dst" && mount.dst.empty())) continue;
        if (name == "mode" && !has_mode) continue;
        if (name == "options" && mount.options.empty()) continue;
        if (name == "cache" && !binds) continue;
        if (name == "optional" && !mount.optional) continue;
        auto value = extract(key, key.field(const_cast<MountSpec*>(&mount)));
        if (value) members.push_back({std::string(name), {}, std::move(*value)});
    }
    return members;
}

}  // namespace sbx::config
