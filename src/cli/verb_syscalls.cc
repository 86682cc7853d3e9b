// sbx syscalls: the table of system calls as users see it (verbs.h).
#include <string_view>

#include "src/cli/output.h"
#include "src/cli/verbs.h"
#include "src/config/error.h"
#include "src/config/keys.h"
#include "syscalls/table.h"

namespace sbx::cli {

namespace {

const char* support_name(Support support) {
    switch (support) {
    case Support::Full: return "full";
    case Support::Partial: return "partial";
    case Support::None: return "none";
    }
    return "?";
}

}  // namespace

int syscalls_verb(std::span<const std::string> args) {
    CommandLine line = parse_command_line("syscalls", plain_options(), args, Words::Anywhere);
    if (wants_help(line, "syscalls")) return 0;

    std::vector<const SyscallRow*> rows;
    for (const std::string& word : line.words) {
        const SyscallRow* found = nullptr;
        std::vector<std::string_view> names;
        for (const SyscallRow* row : syscall_table()) {
            if (!row) continue;
            names.push_back(row->name);
            if (word == row->name || word == std::to_string(row->nr)) found = row;
        }
        if (!found) {
            std::string near = config::nearest_word(word, names);
            fail_usage("syscalls", "unknown system call \"" + word + "\"" +
                                       (near.empty() ? "" : " (did you mean \"" + near + "\"?)"));
        }
        rows.push_back(found);
    }
    if (line.words.empty())
        for (const SyscallRow* row : syscall_table())
            if (row) rows.push_back(row);

    using config::Value;
    if (wants_json(line)) {
        Value list;
        list.kind = Value::Kind::Array;
        for (const SyscallRow* row : rows) {
            Value entry;
            entry.kind = Value::Kind::Table;
            entry.members.push_back({"nr", {}, Value::of(static_cast<std::int64_t>(row->nr))});
            entry.members.push_back({"name", {}, Value::of(std::string(row->name))});
            entry.members.push_back({"support", {}, Value::of(std::string(support_name(row->support)))});
            entry.members.push_back({"note", {}, Value::of(std::string(row->note ? row->note : ""))});
            list.items.push_back(std::move(entry));
        }
        write_stdout(to_json(list));
        return 0;
    }
    Columns columns;
    columns.row({"NR", "NAME", "SUPPORT", "NOTE"});
    for (const SyscallRow* row : rows)
        columns.row({std::to_string(row->nr), row->name, support_name(row->support), row->note ? row->note : ""});
    write_stdout(columns.text());
    return 0;
}

}  // namespace sbx::cli
