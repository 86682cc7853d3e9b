// Layout of the initial stack.
#include "src/loader/stack.h"

#include <elf.h>
#include <string.h>
#include <sys/random.h>

#include "src/base/panic.h"

namespace sbx::loader {
namespace {

constexpr char kPlatform[] = "x86_64";
constexpr size_t kRandomBytes = 16;

u64 string_bytes(const std::vector<std::string>& v) {
    u64 n = 0;
    for (const std::string& s : v) n += s.size() + 1;
    return n;
}

void append(std::vector<u8>& out, const void* p, size_t n) {
    const u8* b = static_cast<const u8*>(p);
    out.insert(out.end(), b, b + n);
}

void append_word(std::vector<u8>& out, u64 w) { append(out, &w, sizeof w); }

void append_strings(std::vector<u8>& out, const std::vector<std::string>& v) {
    for (const std::string& s : v) append(out, s.c_str(), s.size() + 1);
}

void append_pointers(std::vector<u8>& out, const std::vector<std::string>& v, u64 first) {
    for (const std::string& s : v) {
        append_word(out, first);
        first += s.size() + 1;
    }
    append_word(out, 0);
}

}  // namespace

u64 stack_bytes(const StackContent& c) {
    u64 pointers = (c.argv.size() + c.envp.size() + 3) * 8 + (c.auxv.size() + 4) * sizeof(AuxEntry);
    return pointers + string_bytes(c.argv) + string_bytes(c.envp) + c.filename.size() + 1 + sizeof kPlatform +
           kRandomBytes + 64;
}

Result<u64> write_stack(mm::MemoryManager& mm, u64 top, const StackContent& c, mm::MmLayout* layout) {
    // From the top down: a null word, the file name, environment, arguments; then platform and random bytes; then the vectors.
    u64 p = top - 8;
    u64 execfn = p -= c.filename.size() + 1;
    layout->env_end = p;
    layout->env_start = p -= string_bytes(c.envp);
    layout->arg_end = p;
    layout->arg_start = p -= string_bytes(c.argv);
    std::vector<u8> strings;
    append_strings(strings, c.argv);
    append_strings(strings, c.envp);
    append(strings, c.filename.c_str(), c.filename.size() + 1);
    SBX_TRY(mm.copy_out(p, strings.data(), strings.size()));

    u64 platform = p -= sizeof kPlatform;
    SBX_TRY(mm.copy_out(platform, kPlatform, sizeof kPlatform));
    u8 random[kRandomBytes];
    if (getrandom(random, sizeof random, 0) != static_cast<ssize_t>(sizeof random))
        SBX_PANIC("the host has no random bytes");
    u64 random_at = p = (p - kRandomBytes) & ~15ull;
    SBX_TRY(mm.copy_out(random_at, random, sizeof random));

    std::vector<AuxEntry> auxv = c.auxv;
    auxv.push_back({AT_RANDOM, random_at});
    auxv.push_back({AT_EXECFN, execfn});
    auxv.push_back({AT_PLATFORM, platform});
    auxv.push_back({AT_NULL, 0});
    layout->auxv.clear();
    for (const AuxEntry& a : auxv) {
        layout->auxv.push_back(a.type);
        layout->auxv.push_back(a.value);
    }

    std::vector<u8> vectors;
    append_word(vectors, c.argv.size());
    append_pointers(vectors, c.argv, layout->arg_start);
    append_pointers(vectors, c.envp, layout->env_start);
    append(vectors, auxv.data(), auxv.size() * sizeof(AuxEntry));
    u64 sp = (p - vectors.size()) & ~15ull;
    SBX_TRY(mm.copy_out(sp, vectors.data(), vectors.size()));
    layout->start_stack = sp;
    return sp;
}

}  // namespace sbx::loader
