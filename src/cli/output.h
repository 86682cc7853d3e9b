// What sbx itself writes: checked output to stdout, error lines to stderr, JSON text. Used by all verbs.
#pragma once

#include <string>
#include <string_view>

#include "src/config/error.h"
#include "src/config/value.h"

namespace sbx::cli {

// All of the text, or a UserError of status 125 (a full disk, a closed stdout).
void write_stdout(std::string_view text);

// "sbx: WHERE: WHAT" and the hint on a line of its own. Control characters are shown as ?, so one error is one line.
void print_error(const UserError& error);

std::string to_json(const config::Value& value);

// Rows with the columns lined up, two spaces between them.
class Columns {
public:
    void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    std::string text() const;

private:
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace sbx::cli
