// ELF headers and segments. Every number in the file is hostile.
#include "src/loader/elf.h"

#include <string.h>
#include <sys/mman.h>

namespace sbx::loader {
namespace {

constexpr size_t kMaxHeaderBytes = 65536;  // ELF_MIN_ALIGN limit of load_elf_phdrs()

int segment_prot(const Elf64_Phdr& p) {
    return (p.p_flags & PF_R ? PROT_READ : 0) | (p.p_flags & PF_W ? PROT_WRITE : 0) |
           (p.p_flags & PF_X ? PROT_EXEC : 0);
}

// Finds the span of the PT_LOADs and checks that no sum overflows and addresses ascend.
Result<> check_segments(Elf& e, int bad) {
    u64 last_end = 0;
    bool first = true;
    for (const Elf64_Phdr& p : e.segments) {
        if (p.p_type != PT_LOAD) continue;
        u64 end = 0, file_end = 0;
        if (p.p_filesz > p.p_memsz || !checked_add(p.p_vaddr, p.p_memsz, &end) || end > (1ull << 47) ||
            !checked_add(p.p_offset, p.p_filesz, &file_end) || file_end > INT64_MAX - kPageSize)
            return err(bad);
        if ((p.p_vaddr - p.p_offset) & kPageMask) return err(bad);
        if (!first && page_down(p.p_vaddr) < page_down(last_end)) {
            // Linux maps later segments over earlier ones; no toolchain makes such files.
            return err(bad);
        }
        if (first) e.span.start = page_down(p.p_vaddr);
        e.span.end = page_up(end);
        last_end = end;
        first = false;
        if (e.header.e_phoff >= p.p_offset && e.header.e_phoff < file_end)
            e.phdr_address = e.header.e_phoff - p.p_offset + p.p_vaddr;
    }
    if (first || e.span.empty()) return err(bad);
    return {};
}

Result<> map_segment(mm::MemoryManager& mm, const Elf64_Phdr& p, u64 bias, const Ref<mm::Mappable>& file,
                     const mm::MmLimits& l) {
    u64 start = page_down(p.p_vaddr) + bias;
    u64 file_end = p.p_vaddr + p.p_filesz + bias;  // first byte without file content
    u64 end = page_up(p.p_vaddr + p.p_memsz + bias);
    u64 anonymous = start;
    if (p.p_filesz != 0) {
        anonymous = page_up(file_end);
        mm::MmapRequest r;
        r.addr = start;
        r.length = anonymous - start;
        r.prot = segment_prot(p);
        r.flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE;
        r.file = file;
        r.offset = page_down(p.p_offset);
        SBX_TRY(mm.mmap(r, l));
        // The rest of the last file page is zero, if it can be written (padzero in fs/binfmt_elf.c).
        if (p.p_memsz > p.p_filesz && (p.p_flags & PF_W) && (file_end & kPageMask))
            SBX_TRY(mm.zero_out_partial(file_end, anonymous - file_end));
    }
    if (end > anonymous) {
        mm::MmapRequest r;
        r.addr = anonymous;
        r.length = end - anonymous;
        r.prot = segment_prot(p);
        r.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
        SBX_TRY(mm.mmap(r, l));
    }
    return {};
}

}  // namespace

Result<> read_exact(vfs::OpenFile& f, const vfs::Caller& c, u64 offset, void* to, size_t n) {
    mm::KernelIoBuf buf{Bytes(static_cast<u8*>(to), n)};
    i64 pos = static_cast<i64>(offset);
    while (buf.remaining() != 0) {
        size_t got = SBX_TRY(f.read(buf, &pos, 0, c));
        if (got == 0) return err(EIO);
    }
    return {};
}

Result<Elf> read_elf(vfs::OpenFile& f, const vfs::Caller& c, int bad) {
    Elf e;
    if (!read_exact(f, c, 0, &e.header, sizeof e.header)) return err(bad == ELIBBAD ? EIO : bad);  // elf_read()
    const Elf64_Ehdr& h = e.header;
    if (memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_ident[EI_CLASS] != ELFCLASS64 ||
        h.e_ident[EI_DATA] != ELFDATA2LSB || h.e_machine != EM_X86_64 || (h.e_type != ET_EXEC && h.e_type != ET_DYN) ||
        h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phnum == 0)
        return err(bad);
    size_t bytes = h.e_phnum * sizeof(Elf64_Phdr);
    if (bytes > kMaxHeaderBytes || h.e_phoff > INT64_MAX - bytes) return err(bad);
    e.segments.resize(h.e_phnum);
    if (!read_exact(f, c, h.e_phoff, e.segments.data(), bytes)) return err(bad);
    for (const Elf64_Phdr& p : e.segments) {
        if (p.p_type == PT_GNU_STACK) e.executable_stack = (p.p_flags & PF_X) != 0;
        if (p.p_type != PT_INTERP || !e.interpreter.empty()) continue;
        if (p.p_filesz < 2 || p.p_filesz > vfs::kPathMax || p.p_offset > INT64_MAX - p.p_filesz) return err(bad);
        std::string name(p.p_filesz, '\0');
        SBX_TRY(read_exact(f, c, p.p_offset, name.data(), name.size()));
        if (name.back() != '\0') return err(bad);
        e.interpreter = name.c_str();
    }
    SBX_TRY(check_segments(e, bad));
    return e;
}

Result<ElfMapping> map_elf(mm::MemoryManager& mm, const Elf& e, vfs::OpenFile& f, const vfs::Caller& c, u64 hint,
                           const mm::MmLimits& l) {
    ElfMapping m;
    if (e.header.e_type == ET_DYN) {
        // Find room for the whole span, then give it back: the segments take it piece by piece, holes stay unmapped.
        mm::MmapRequest r;
        r.addr = hint;
        r.length = e.span.length();
        r.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        u64 at = SBX_TRY(mm.mmap(r, l));
        SBX_TRY(mm.munmap(at, e.span.length()));
        m.bias = at - e.span.start;
    }
    Ref<mm::Mappable> file = SBX_TRY(f.mappable(PROT_READ | PROT_EXEC, MAP_PRIVATE, c));
    bool first = true;
    for (const Elf64_Phdr& p : e.segments) {
        if (p.p_type != PT_LOAD || p.p_memsz == 0) continue;
        SBX_TRY(map_segment(mm, p, m.bias, file, l));
        u64 start = p.p_vaddr + m.bias, file_end = start + p.p_filesz, end = start + p.p_memsz;
        if (p.p_flags & PF_X) {
            if (m.start_code == 0 || start < m.start_code) m.start_code = start;
            if (file_end > m.end_code) m.end_code = file_end;
        }
        if (first || start > m.start_data) m.start_data = start;
        if (file_end > m.end_data) m.end_data = file_end;
        if (end > m.end_bss) m.end_bss = end;
        first = false;
    }
    m.entry = e.header.e_entry + m.bias;
    return m;
}

}  // namespace sbx::loader
