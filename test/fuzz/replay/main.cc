// main DIR: gives each file of the directory to the fuzz target that it is linked with, as libFuzzer does: the corpora without clang. A crash is
// the failure; the last line is `N passed, 0 failed`.
#include <dirent.h>
#include <stdio.h>

#include <string>

#include "src/base/types.h"

extern "C" int LLVMFuzzerTestOneInput(const sbx::u8* data, size_t size);

int main(int argc, char** argv) {
    DIR* dir = argc == 2 ? opendir(argv[1]) : nullptr;
    if (!dir) return fprintf(stderr, "usage: %s DIR\n", argv[0]), 2;
    int passed = 0;
    while (dirent* entry = readdir(dir)) {
        if (entry->d_name[0] == '.') continue;
        std::string path = std::string(argv[1]) + "/" + entry->d_name, bytes;
        fprintf(stderr, "%s\n", path.c_str());
        FILE* file = fopen(path.c_str(), "rbe");
        if (!file) return perror(path.c_str()), 1;
        for (int c; (c = getc(file)) != EOF;) bytes += static_cast<char>(c);
        fclose(file);
        LLVMFuzzerTestOneInput(reinterpret_cast<const sbx::u8*>(bytes.data()), bytes.size());
        passed++;
    }
    closedir(dir);
    printf("%d passed, 0 failed\n", passed);
    return passed == 0;
}
