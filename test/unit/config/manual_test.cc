// The manual pages describe every key and every option that there is, and none that is not. Run from the top of the tree.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "src/cli/verbs.h"
#include "src/cli/version.h"
#include "src/config/keys.h"

using sbx::config::Key;

namespace {

std::string page(const char* path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    std::string out = text.str();
    for (std::size_t at; (at = out.find("\\-")) != std::string::npos;) out.replace(at, 2, "-");
    return out;
}

// The text of a subsection, up to the next one.
std::string section(const std::string& page, const std::string& name) {
    std::size_t begin = page.find("\n.SS " + name + "\n");
    if (begin == std::string::npos) return {};
    return page.substr(begin, page.find("\n.S", begin + 1) - begin);
}

}  // namespace

TEST_CASE("sbx.toml(5) has every key") {
    std::string text = page("man/sbx.toml.5");
    REQUIRE(!text.empty());
    for (const Key& key : sbx::config::keys()) {
        std::string name = key.name;
        std::size_t dot = name.find('.');
        std::string heading = dot == std::string::npos ? "Top" : name.substr(0, dot);
        if (heading == "mount")
            heading = "[[mount]]";
        else if (dot != std::string::npos)
            heading = "[" + heading + "]";
        bool found = section(text, heading).find("\n.B " + name.substr(dot + 1) + "\n") != std::string::npos;
        CHECK_MESSAGE(found == !key.awaits, name);
        for (const auto& choice : key.choices) {
            bool named = section(text, heading).find("\"" + std::string(choice.name) + "\"") != std::string::npos;
            CHECK_MESSAGE(named == !choice.awaits, name, " ", choice.name);
        }
    }
}

TEST_CASE("sbx-run(1) has every option with its key") {
    std::string text = page("man/sbx-run.1");
    REQUIRE(!text.empty());
    for (const auto& option : sbx::cli::run_options()) {
        std::string name = std::string("--") + option.name;
        bool found = false;
        for (std::size_t at = 0; (at = text.find("\n.TP\n", at)) != std::string::npos; at += 5) {
            std::string heading = text.substr(at + 5, text.find('\n', at + 5) - at - 5) + " ";
            std::size_t here = heading.find(name);
            if (here != std::string::npos && heading.find_first_of(" \\", here + name.size()) == here + name.size())
                found = true;
        }
        CHECK_MESSAGE(found == !option.awaits, name);
        if (option.key && !option.awaits)
            CHECK_MESSAGE(text.find(std::string("(") + option.key + ")\n") != std::string::npos, name);
    }
}

TEST_CASE("the pages are of this version") {
    for (const char* path : {"man/sbx.1", "man/sbx-run.1", "man/sbx.toml.5"})
        CHECK_MESSAGE(page(path).find("\"sbx " + std::string(sbx::kVersion) + "\"") != std::string::npos, path);
}
