// The cut between sbx's options and PROG, and the parse of the former by CLI11.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "src/cli/options.h"
#include "src/config/error.h"

using namespace sbx::cli;

namespace {

constexpr Option kOptions[] = {
    {'e', "env", "K", nullptr, ""},         {'q', "quiet", nullptr, nullptr, ""},
    {'v', "verbose", nullptr, nullptr, ""}, {0, "trace", "SET", nullptr, "", "all"},
    {'h', "help", nullptr, nullptr, ""},    {0, "later", nullptr, nullptr, "", nullptr, "x"},
};

CommandLine parse(std::vector<std::string> args, Words words = Words::EndOptions) {
    return parse_command_line("run", kOptions, args, words);
}

std::string text(const CommandLine& line) {
    std::string out;
    for (const Given& given : line.given) out += given.spelled + "<" + given.value + "> ";
    out += "|";
    for (const std::string& word : line.words) out += " " + word;
    return out;
}

std::string error_of(std::vector<std::string> args) {
    try {
        parse(std::move(args));
    } catch (const sbx::UserError& error) {
        return error.where + ": " + error.what;
    }
    return "";
}

}  // namespace

TEST_CASE("PROG's arguments are its own") {
    CHECK(text(parse({"ls", "--help", "-e", "x"})) == "| ls --help -e x");
    CHECK(text(parse({"-q", "--", "--env", "x"})) == "-q<> | --env x");
    CHECK(text(parse({"-q", "ls", "--", "x"})) == "-q<> | ls -- x");
    CHECK(text(parse({"-e", "ls", "cat"})) == "-e<ls> | cat");
    CHECK(text(parse({"-"})) == "| -");
    CHECK(text(parse({""})) == "| ");
    CHECK(text(parse({"--", ""})) == "| ");
}

TEST_CASE("options keep their order and values their text") {
    CHECK(text(parse({"-qve", "[a,b]", "--env=x=y", "-eZ", "--trace", "ls"})) ==
          "-q<> -v<> -e<[a,b]> --env<x=y> -e<Z> --trace<all> | ls");
    CHECK(text(parse({"--trace=file,!futex", "-v", "-v", "ls"})) == "--trace<file,!futex> -v<> -v<> | ls");
    CHECK(text(parse({"-e", "-x", "--env", "--", "ls"})) == "-e<-x> --env<--> | ls");
    CHECK(text(parse({"-e", "a b\nc 'd' \"e\"", "ls"})) == "-e<a b\nc 'd' \"e\"> | ls");
    CHECK(text(parse({"-e", "{}", "-e", "%%", "-e", "a,b", "ls"})) == "-e<{}> -e<%%> -e<a,b> | ls");
}

TEST_CASE("options may follow words where no program follows") {
    CHECK(text(parse({"read", "-q", "write"}, Words::Anywhere)) == "-q<> | read write");
    CHECK(text(parse({"read", "--", "-q"}, Words::Anywhere)) == "| read -q");
}

TEST_CASE("wrong options are named") {
    CHECK(error_of({"--quite", "ls"}) == "run: unknown option --quite (did you mean --quiet?)");
    CHECK(error_of({"-qx", "ls"}) == "run: unknown option -x");
    CHECK(error_of({"--quiet=1"}) == "--quiet: takes no value");
    CHECK(error_of({"-e"}) == "-e: needs a value: K");
    CHECK(error_of({"--env="}) == "--env: needs a value: K");
    CHECK(error_of({"-e", ""}) == "-e: needs a value: K");
    CHECK(error_of({"--later"}) == "--later: not supported yet");
}
