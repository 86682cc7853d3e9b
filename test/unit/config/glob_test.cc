// Globs of names and of paths.
#include <doctest/doctest.h>

#include <string>

#include "src/config/glob.h"

using namespace sbx::config;

TEST_CASE("globs of names") {
    CHECK(glob_match("LC_*", "LC_ALL"));
    CHECK(glob_match("LC_*", "LC_"));
    CHECK(!glob_match("LC_*", "LANG"));
    CHECK(glob_match("*", ""));
    CHECK(glob_match("a?c", "abc"));
    CHECK(!glob_match("a?c", "ac"));
    CHECK(glob_match("[a-c]x", "bx"));
    CHECK(!glob_match("[!a-c]x", "bx"));
    CHECK(glob_match("[]]", "]"));
    CHECK(glob_match("[a", "[a"));
    CHECK(glob_match("\\*", "*"));
    CHECK(!glob_match("\\*", "x"));
    CHECK(glob_match("*.t*.c", "a.tar.c"));
    CHECK(!glob_match("", "a"));
    // Time is bounded: this took for ever with a matcher that goes back to every star.
    CHECK(!glob_match("*a*a*a*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
}

TEST_CASE("globs of paths") {
    CHECK(path_glob_match("/home/u/.ssh", "/home/u/.ssh"));
    CHECK(!path_glob_match("/home/u/.ssh", "/home/u"));
    CHECK(!path_glob_match("/home/u/.ssh", "/home/u/.ssh/id"));
    CHECK(path_glob_match("/**/.env", "/.env"));
    CHECK(path_glob_match("/**/.env", "/a/b/.env"));
    CHECK(!path_glob_match("/**/.env", "/a/b.env"));
    CHECK(path_glob_match("/a/**/z/*.c", "/a/z/z/y/z/x.c"));
    CHECK(!path_glob_match("/a/*", "/a/b/c"));
    CHECK(path_glob_match("/a/**", "/a"));
    CHECK(path_glob_match("/", "/"));
    CHECK(glob_match(quote_glob("a*b?[c]\\"), "a*b?[c]\\"));
}
