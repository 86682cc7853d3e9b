// Writing to stdout and stderr, and JSON (output.h).
#include "src/cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace sbx::cli {

namespace {

// Length of the well-formed UTF-8 sequence at the start, 0 if there is none (Unicode, table 3-7).
std::size_t utf8_length(std::string_view text) {
    auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    auto tail = [&](std::size_t i) { return (at(i) & 0xc0) == 0x80; };
    unsigned c = at(0);
    if (c < 0x80) return 1;
    if (c >= 0xc2 && c <= 0xdf) return tail(1) ? 2 : 0;
    if (c >= 0xe0 && c <= 0xef) {
        if ((c == 0xe0 && at(1) < 0xa0) || (c == 0xed && at(1) > 0x9f)) return 0;
        return tail(1) && tail(2) ? 3 : 0;
    }
    if (c >= 0xf0 && c <= 0xf4) {
        if ((c == 0xf0 && at(1) < 0x90) || (c == 0xf4 && at(1) > 0x8f)) return 0;
        return tail(1) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

std::string json_string(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        std::size_t length = utf8_length(text);
        unsigned char c = static_cast<unsigned char>(text.front());
        if (length == 0) {
            out += "\\ufffd";  // a byte that no text has
            length = 1;
        } else if (c == '"' || c == '\\') {
            out += '\\';
            out += text.front();
        } else if (c == '\n') {
            out += "\\n";
        } else if (c < 0x20 || c == 0x7f) {
            char hex[8];
            std::snprintf(hex, sizeof hex, "\\u%04x", c);
            out += hex;
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length);
    }
    return out + "\"";
}

std::string printable(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    return out;
}

// The number of columns of a UTF-8 text, if each character takes one.
std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void append_json(std::string& out, const config::Value& value, std::string indent) {
    using Kind = config::Value::Kind;
    std::string deeper = indent + "  ";
    if (value.kind == Kind::Array) {
        bool flat = std::none_of(value.items.begin(), value.items.end(), [](const config::Value& item) {
            return item.kind == Kind::Table || item.kind == Kind::Array;
        });
        bool first = true;
        out += '[';
        for (const config::Value& item : value.items) {
            if (!first) out += flat ? ", " : ",";
            if (!flat) out += "\n" + deeper;
            append_json(out, item, deeper);
            first = false;
        }
        if (!flat) out += "\n" + indent;
        out += ']';
    } else if (value.kind == Kind::Table) {
        bool first = true;
        out += '{';
        for (const config::Member& member : value.members) {
            out += (first ? "\n" : ",\n") + deeper + json_string(member.name) + ": ";
            append_json(out, member.value, deeper);
            first = false;
        }
        if (!first) out += "\n" + indent;
        out += '}';
    } else if (value.kind == Kind::Boolean) {
        out += value.boolean ? "true" : "false";
    } else if (value.kind == Kind::Integer) {
        out += std::to_string(value.integer);
    } else if (value.kind == Kind::Float) {
        char number[64];
        std::snprintf(number, sizeof number, "%.6f", value.real);
        out += number;
    } else {
        out += json_string(value.text);
    }
}

}  // namespace

void write_stdout(std::string_view text) {
    while (!text.empty()) {
        ssize_t n = write(STDOUT_FILENO, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw UserError{"standard output", std::strerror(errno), {}, kExitFailed};
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

void print_error(const UserError& error) {
    std::string text = "sbx: " + printable(error.where) + ": " + printable(error.what) + "\n";
    if (!error.hint.empty()) text += "     " + printable(error.hint) + "\n";
    // One write, so that lines of several processes do not mix. Nobody is left to tell if it fails.
    [[maybe_unused]] ssize_t n = write(STDERR_FILENO, text.data(), text.size());
}

std::string to_json(const config::Value& value) {
    std::string out;
    append_json(out, value, "");
    return out + "\n";
}

std::string Columns::text() const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
        if (widths.size() < row.size()) widths.resize(row.size());
        for (std::size_t i = 0; i + 1 < row.size(); i++) widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string out;
    for (const auto& row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); i++) {
            line += row[i];
            if (i + 1 < row.size()) line.append(widths[i] - width(row[i]) + 2, ' ');
        }
        while (!line.empty() && line.back() == ' ') line.pop_back();
        out += line + "\n";
    }
    return out;
}

}  // namespace sbx::cli
