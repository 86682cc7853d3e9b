// The host's vDSO: its mappings as /proc/self/maps names them, its functions as its dynamic symbols do.
#include "src/host/vdso.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "src/host/unique_fd.h"

namespace sbx::host {
namespace {
constexpr u64 kLargest = 64 * kPageSize;  // of all its mappings; those of Linux have eight pages

std::string read_maps() {
    UniqueFd fd(open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
    std::string text;
    char chunk[4096];
    for (ssize_t n; fd && (n = read(fd.get(), chunk, sizeof chunk)) > 0;) text.append(chunk, static_cast<size_t>(n));
    return text;
}

// "START-END PERMISSIONS ... [NAME]"
bool parse(const std::string& line, Range& r) {
    if (line.find(" [vvar") == line.npos && line.find(" [vdso]") == line.npos) return false;
    char* end = nullptr;
    r.start = strtoull(line.c_str(), &end, 16);
    if (*end != '-') return false;
    r.end = strtoull(end + 1, nullptr, 16);
    return !r.empty();
}

Vdso find() {
    Vdso v;
    bool image = false;
    const std::string maps = read_maps();
    for (size_t at = 0; at < maps.size();) {
        size_t end = std::min(maps.find('\n', at), maps.size());
        std::string line = maps.substr(at, end - at);
        at = end + 1;
        Range r;
        if (!parse(line, r)) continue;
        v.mappings.push_back(r);
        image = line.find(" [vdso]") != line.npos;
    }
    // The code comes last; whatever looks otherwise is no vDSO that we know.
    if (!image || v.range().length() > kLargest) return {};
    Range code = v.mappings.back();
    ConstBytes bytes(reinterpret_cast<const u8*>(code.start), code.length());
    auto address = [&](const char* name) {
        u64 value = vdso_symbol(bytes, name);
        return value ? code.start + value : 0;
    };
    v.clock_gettime = address("__vdso_clock_gettime");
    v.getcpu = address("__vdso_getcpu");
    return v;
}

// Reads a T at an offset of the image; zeros beyond its end.
template <class T>
T at(ConstBytes image, u64 offset) {
    T value{};
    if (offset <= image.size() && image.size() - offset >= sizeof value)
        memcpy(&value, image.data() + offset, sizeof value);
    return value;
}
}  // namespace

const Vdso& vdso() {
    static const Vdso v = find();
    return v;
}

u64 vdso_symbol(ConstBytes image, std::string_view name) {
    auto header = at<Elf64_Ehdr>(image, 0);
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return 0;
    // The one loaded segment begins with the ELF header: addresses less its own are offsets in the image.
    u64 base = 0;
    Elf64_Phdr dynamic{};
    for (unsigned i = 0; i < header.e_phnum; i++) {
        auto p = at<Elf64_Phdr>(image, header.e_phoff + i * sizeof(Elf64_Phdr));
        if (p.p_type == PT_LOAD && p.p_offset == 0) base = p.p_vaddr;
        if (p.p_type == PT_DYNAMIC) dynamic = p;
    }
    u64 strings = 0, strings_size = 0, symbols = 0;
    for (u64 o = 0; o < std::min<u64>(dynamic.p_filesz, image.size()); o += sizeof(Elf64_Dyn)) {
        auto d = at<Elf64_Dyn>(image, dynamic.p_offset + o);
        if (d.d_tag == DT_STRTAB) strings = d.d_un.d_ptr - base;
        if (d.d_tag == DT_STRSZ) strings_size = d.d_un.d_val;
        if (d.d_tag == DT_SYMTAB) symbols = d.d_un.d_ptr - base;
    }
    if (strings == 0 || symbols == 0 || strings > image.size() || strings_size > image.size() - strings) return 0;
    std::string_view text(reinterpret_cast<const char*>(image.data()) + strings, strings_size);
    // How many symbols there are only hash tables say; linkers put the strings right behind them.
    u64 end = strings > symbols ? strings : image.size();
    for (u64 o = symbols; o < end; o += sizeof(Elf64_Sym)) {
        auto s = at<Elf64_Sym>(image, o);
        if (s.st_shndx == SHN_UNDEF || ELF64_ST_TYPE(s.st_info) != STT_FUNC || s.st_name >= text.size()) continue;
        std::string_view found = text.substr(s.st_name);
        found = found.substr(0, found.find('\0'));
        if (found == name && s.st_value - base < image.size()) return s.st_value - base;
    }
    return 0;
}

}  // namespace sbx::host
