// JSON text and lined-up columns.
#include <doctest/doctest.h>

#include "src/cli/output.h"

using namespace sbx::cli;
using sbx::config::Value;

TEST_CASE("JSON strings are escaped and made UTF-8") {
    CHECK(to_json(Value::of(std::string("a\"b\\c\n\x01\x7f"))) == "\"a\\\"b\\\\c\\n\\u0001\\u007f\"\n");
    CHECK(to_json(Value::of(std::string("\xc3\xa9\xe2\x82\xac"))) == "\"\xc3\xa9\xe2\x82\xac\"\n");
    CHECK(to_json(Value::of(std::string("\xff\xc3"))) == "\"\\ufffd\\ufffd\"\n");
    CHECK(to_json(Value::of(std::string("\xed\xa0\x80"))) == "\"\\ufffd\\ufffd\\ufffd\"\n");
}

TEST_CASE("columns line up") {
    Columns columns;
    columns.row({"a", "bb", "c"});
    columns.row({"aaa", "b", ""});
    columns.row({"\xc3\xa9", "b", "c"});
    CHECK(columns.text() == "a    bb  c\naaa  b\n\xc3\xa9    b   c\n");
}
