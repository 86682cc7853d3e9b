// What [hide] takes away from a mount, by its path inside and by its path on the host.
#include <doctest/doctest.h>

#include "src/cli/hidden.h"

using sbx::Config;

TEST_CASE("hidden paths") {
    Config config;
    CHECK(!sbx::boot::hidden_below(config, "/", "/"));
    config.hide.paths = {"/home/u/.ssh", "/**/.env", "/srv/*/key"};

    auto root = sbx::boot::hidden_below(config, "/", "/");
    CHECK(root->may_hide(".ssh"));
    CHECK(root->may_hide("key"));
    CHECK(!root->may_hide("ssh"));
    CHECK(root->hides("/home/u/.ssh"));
    CHECK(!root->hides("/home/v/.ssh"));
    CHECK(root->hides("/a/b/.env"));
    CHECK(root->hides("/.env"));
    CHECK(!root->hides("/srv/a/b/key"));

    auto mount = sbx::boot::hidden_below(config, "/home/u", "/work");
    CHECK(mount->hides("/.ssh"));
    CHECK(mount->hides("/x/.env"));
    CHECK(!mount->hides("/x"));
    CHECK(sbx::boot::hidden_below(config, "/data/x", "/srv/x")->hides("/key"));
}
