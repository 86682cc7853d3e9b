// Fuzz target: seccomp filters (src/kernel/seccomp_bpf.h): what the check lets pass must run, and end.
#include <string.h>

#include "src/kernel/seccomp_bpf.h"

using namespace sbx;

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
    seccomp_data call{};
    if (size < sizeof call) return 0;
    memcpy(&call, data, sizeof call);
    std::vector<sock_filter> program((size - sizeof call) / sizeof(sock_filter));
    if (!program.empty()) memcpy(program.data(), data + sizeof call, program.size() * sizeof(sock_filter));
    if (check_seccomp_program(program)) (void)run_seccomp_program(program, call);
    return 0;
}
