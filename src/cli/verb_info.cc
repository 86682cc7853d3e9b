// sbx info: what works on this host, and what would help where it does not (verbs.h, info.h).
#include "src/cli/info.h"
#include "src/cli/output.h"
#include "src/cli/verbs.h"
#include "src/config/error.h"

namespace sbx::cli {

int info_verb(std::span<const std::string> args) {
    CommandLine line = parse_command_line("info", plain_options(), args, Words::Anywhere);
    if (wants_help(line, "info")) return 0;
    if (!line.words.empty()) fail_usage("info", "unexpected argument \"" + line.words[0] + "\"");

    using config::Value;
    Value out;
    out.kind = Value::Kind::Table;
    Columns columns;
    for (const InfoSection& section : info_sections()) {
        Value list;
        list.kind = Value::Kind::Table;
        columns.row({section.name});
        for (const Finding& finding : section.probe()) {
            columns.row({"  " + finding.name, finding.works ? "works" : "does not", finding.detail});
            if (!finding.remedy.empty()) columns.row({"", "", "-> " + finding.remedy});
            Value entry;
            entry.kind = Value::Kind::Table;
            entry.members.push_back({"works", {}, Value::of(finding.works)});
            entry.members.push_back({"detail", {}, Value::of(finding.detail)});
            entry.members.push_back({"remedy", {}, Value::of(finding.remedy)});
            list.members.push_back({finding.name, {}, std::move(entry)});
        }
        out.members.push_back({section.name, {}, std::move(list)});
    }
    write_stdout(wants_json(line) ? to_json(out) : columns.text());
    return 0;
}

}  // namespace sbx::cli
