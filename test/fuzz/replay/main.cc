// main DIR...: gives each file of the directories to the fuzz target that it is linked with, as libFuzzer does: the corpora without clang. A
// crash is the failure; the last line is `N passed, 0 failed`.
#include <stdio.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "src/base/types.h"

extern "C" int LLVMFuzzerTestOneInput(const sbx::u8* data, size_t size);

int main(int argc, char** argv) {
    int passed = 0;
    for (int i = 1; i < argc; i++) {
        for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
            std::ifstream file(entry.path(), std::ios::binary);
            std::string bytes{std::istreambuf_iterator<char>(file), {}};
            fprintf(stderr, "%s\n", entry.path().c_str());
            LLVMFuzzerTestOneInput(reinterpret_cast<const sbx::u8*>(bytes.data()), bytes.size());
            passed++;
        }
    }
    printf("%d passed, 0 failed\n", passed);
    return passed == 0;
}
