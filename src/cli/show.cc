// A Config for people and for programs: the texts of `sbx show` and `sbx run --dry-run` (verbs.h).
#include "src/cli/output.h"
#include "src/cli/verbs.h"
#include "src/config/apply.h"

namespace sbx::cli {

namespace {

using config::AccessMode;
using config::Member;
using config::MountSpec;
using config::MountType;
using config::Value;

std::string origins_of(const Config& config, std::string_view key) {
    std::string out;
    for (const auto& [name, origin] : config.origins)
        if (name == key) out += (out.empty() ? "" : ", ") + config::to_string(origin);
    return out.empty() ? "default" : out;
}

// "limits.rlimit" -> "limits" and "rlimit"; "log.trace.file" -> "log.trace" and "file"; "version" -> "" and "version".
std::string section_of(std::string_view name) {
    std::size_t dot = name.rfind('.');
    return std::string(name.substr(0, dot == std::string_view::npos ? 0 : dot));
}

Value table() {
    Value value;
    value.kind = Value::Kind::Table;
    return value;
}

Value array() {
    Value value;
    value.kind = Value::Kind::Array;
    return value;
}

Value& child(Value& parent, const std::string& name) {
    for (Member& member : parent.members)
        if (member.name == name) return member.value;
    parent.members.push_back({name, {}, table()});
    return parent.members.back().value;
}

void add(Value& parent, const char* name, Value value) { parent.members.push_back({name, {}, std::move(value)}); }

void add_comment(std::string& out, std::string line, const std::string& comment) {
    if (line.size() < 40) line.append(40 - line.size(), ' ');
    out += line + " # " + comment + "\n";
}

const char* type_name(MountType type) {
    static constexpr const char* kNames[] = {"bind", "tmpfs",  "overlay", "proc",   "sys",
                                             "dev",  "devpts", "file",    "symlink"};
    return kNames[static_cast<unsigned>(type)];
}

}  // namespace

std::string show_toml(const Config& config) {
    std::string out, section;
    for (const config::Key& key : config::keys()) {
        auto value = config::get_value(config, key);
        if (!value) continue;
        if (std::string here = section_of(key.name); here != section) {
            section = here;
            out += "\n[" + section + "]\n";
        }
        std::string_view name = key.name;
        if (!section.empty()) name.remove_prefix(section.size() + 1);
        add_comment(out, std::string(name) + " = " + config::to_toml(*value), origins_of(config, key.name));
    }
    for (const MountSpec& mount : config.mounts) {
        out += "\n";
        add_comment(out, "[[mount]]", config::to_string(mount.origin));
        for (const Member& member : config::get_mount(mount))
            out += member.name + " = " + config::to_toml(member.value) + "\n";
    }
    return out;
}

std::string show_json(const Config& config) {
    Value keys = table();
    for (const config::Key& key : config::keys()) {
        auto value = config::get_value(config, key);
        if (!value) continue;
        Value entry = table();
        add(entry, "value", std::move(*value));
        add(entry, "origin", Value::of(origins_of(config, key.name)));
        add(keys, key.name, std::move(entry));
    }
    Value mounts = array();
    for (const MountSpec& mount : config.mounts) {
        Value entry = table();
        Value value = table();
        value.members = config::get_mount(mount);
        add(entry, "value", std::move(value));
        add(entry, "origin", Value::of(config::to_string(mount.origin)));
        mounts.items.push_back(std::move(entry));
    }
    add(keys, "mount", std::move(mounts));
    return to_json(keys);
}

std::string dry_run_text(const Config& config) {
    auto shown = [&](const char* name) {
        auto value = config::get_value(config, *config::find_key(name));
        if (!value) return std::string("none");
        return value->kind == Value::Kind::String ? value->text : config::to_toml(*value);
    };
    Columns rows;
    rows.row({"program", config::to_toml(Value::of(config.run.argv))});
    rows.row({"directory", config.run.cwd});
    rows.row({"user", std::to_string(config.user.uid.id) + ":" + std::to_string(config.user.gid.id) +
                          (config.user.fakeroot ? " (fakeroot)" : "")});
    rows.row({"hostname", config.run.hostname});
    static constexpr const char* kModes[] = {"read-only", "changes reach the host", "changes stay in memory"};
    rows.row({"root", config.root.path + " (" + kModes[static_cast<unsigned>(config.root.mode)] + ")"});
    for (const MountSpec& mount : config.mounts) {
        std::string text = std::string(type_name(mount.type)) + " " + mount.dst;
        if (!mount.src.empty() && mount.src != mount.dst) text += " from " + mount.src;
        if (mount.type == MountType::Bind || mount.type == MountType::File || mount.mode == AccessMode::ReadOnly)
            text += mount.mode == AccessMode::ReadOnly ? " (read-only)" : " (changes reach the host)";
        rows.row({"mount", text});
    }
    for (const std::string& path : config.hide.paths) rows.row({"hidden", path});
    rows.row({"environment", std::to_string(config.environment.size()) + " variables (--json lists them)"});
    for (std::int64_t fd : config.run.pass_fds) rows.row({"descriptor", std::to_string(fd)});
    rows.row({"timeout", shown("run.timeout")});
    rows.row({"memory", shown("limits.memory")});
    rows.row({"cpus", shown("limits.cpus")});
    rows.row({"pids", shown("limits.pids")});
    for (const config::Rlimit& limit : config.limits.rlimits) {
        auto text = [](std::uint64_t value) {
            return value == ~std::uint64_t{0} ? std::string("unlimited") : std::to_string(value);
        };
        rows.row({"rlimit", limit.name + " " + text(limit.soft) + " (hard " + text(limit.hard) + ")"});
    }
    rows.row({"network", "none (loopback only)"});
    rows.row({"platform", shown("platform.name")});
    if (!config.log.trace_filter.empty())
        rows.row({"trace", shown("log.trace.filter") + " to " +
                               (config.log.trace_file.empty() ? "stderr" : config.log.trace_file)});
    if (!config.log.report.empty()) rows.row({"report", config.log.report});
    return rows.text();
}

std::string dry_run_json(const Config& config) {
    Value out = table();
    for (const config::Key& key : config::keys()) {
        auto value = config::get_value(config, key);
        if (!value) continue;
        Value* parent = &out;
        std::string_view name = key.name;
        for (std::size_t dot; (dot = name.find('.')) != std::string_view::npos; name.remove_prefix(dot + 1))
            parent = &child(*parent, std::string(name.substr(0, dot)));
        parent->members.push_back({std::string(name), {}, std::move(*value)});
    }
    Value& user = child(out, "user");
    for (Member& member : user.members) {
        if (member.name == "uid") member.value = Value::of(static_cast<std::int64_t>(config.user.uid.id));
        if (member.name == "gid") member.value = Value::of(static_cast<std::int64_t>(config.user.gid.id));
    }
    Value mounts = array();
    for (const MountSpec& mount : config.mounts) {
        Value entry = table();
        entry.members = config::get_mount(mount);
        if (mount.implied) add(entry, "implied", Value::of(true));
        mounts.items.push_back(std::move(entry));
    }
    add(out, "mount", std::move(mounts));
    add(out, "environment", Value::of(config.environment));
    return to_json(out);
}

}  // namespace sbx::cli
