// Fuzz target: configuration files (src/config): TOML, keys, units, names.
#include "src/base/types.h"
#include "src/config/error.h"
#include "src/config/load.h"
#include "src/config/resolve.h"

using namespace sbx;

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
    config::Config c;
    try {
        config::Loader loader{config::ProfilePath{}};
        loader.text(c, {reinterpret_cast<const char*>(data), size}, config::Origin{});
    } catch (const UserError&) {}
    return 0;
}
