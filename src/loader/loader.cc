// Loading of executables: scripts, interpreters, address space, stack and auxiliary vector.
#include "src/loader/loader.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <unistd.h>

#include "fs/vfs/landlock.h"
#include "fs/vfs/walk.h"
#include "src/kernel/exe_ref.h"
#include "src/loader/elf.h"
#include "src/loader/exec_creds.h"
#include "src/loader/hwcap.h"
#include "src/loader/script.h"
#include "src/loader/stack.h"
#include "src/loader/vdso.h"

namespace sbx::loader {
namespace {

constexpr int kMaxScriptDepth = 5;
constexpr u64 kStackReserve = 132 * 1024;  // mapped below the arguments at once; the rest grows

u64 random_pages(unsigned bits) {
    u64 r = 0;
    if (getrandom(&r, sizeof r, 0) != sizeof r) r = 0;
    return (r & ((1ull << bits) - 1)) * kPageSize;
}

// Replaces a script by its interpreter, until there is an ELF file.
Result<> resolve_scripts(Request& r) {
    for (int depth = 0;; depth++) {
        char head[kScriptHead];
        mm::KernelIoBuf buf{Bytes(reinterpret_cast<u8*>(head), sizeof head)};
        i64 pos = 0;
        while (buf.remaining() != 0 && SBX_TRY(r.file->read(buf, &pos, 0, r.caller)) != 0) {}
        std::string_view text(head, sizeof head - buf.remaining());
        if (!text.starts_with("#!")) return {};
        if (depth == kMaxScriptDepth) return err(ELOOP);
        ScriptLine line = SBX_TRY(parse_script(text));
        if (r.argv.empty()) r.argv.emplace_back();
        r.argv[0] = r.filename;
        if (line.argument) r.argv.insert(r.argv.begin(), *line.argument);
        r.argv.insert(r.argv.begin(), line.interpreter);
        r.file = SBX_TRY(open_exec(r.caller, {}, line.interpreter, 0));
        r.filename = line.interpreter;
    }
}

struct Loaded {
    Elf elf;
    ElfMapping program;
    u64 entry = 0;
    u64 interpreter_base = 0;
};

Result<Loaded> load_elf(Request& r, mm::MemoryManager& mm, Elf elf) {
    Loaded out;
    out.elf = std::move(elf);
    Ref<vfs::OpenFile> interpreter;
    Elf interpreter_elf;
    if (!out.elf.interpreter.empty()) {
        interpreter = SBX_TRY(open_exec(r.caller, {}, out.elf.interpreter, 0));
        interpreter_elf = SBX_TRY(read_elf(*interpreter, r.caller, ELIBBAD));
    }
    // ELF_ET_DYN_BASE: programs with an interpreter stand at two thirds of the space, away from mmap and from small static addresses.
    Range user = r.kernel.platform().user_range();
    u64 hint = interpreter ? page_down(user.end / 3 * 2) + random_pages(24) : 0;
    out.program = SBX_TRY(map_elf(mm, out.elf, *r.file, r.caller, hint, r.limits));
    out.entry = out.program.entry;
    if (interpreter) {
        ElfMapping m = SBX_TRY(map_elf(mm, interpreter_elf, *interpreter, r.caller, 0, r.limits));
        out.interpreter_base = m.bias;
        out.entry = m.entry;
    }
    return out;
}

std::vector<AuxEntry> auxiliary_vector(const Request& r, const Loaded& l, const Creds& c, bool secure, u64 vdso) {
    const UserNamespace& ns = *c.user_ns;
    std::vector<AuxEntry> v;
    if (vdso) v.push_back({AT_SYSINFO_EHDR, vdso});
    v.push_back({AT_MINSIGSTKSZ, min_signal_stack()});
    v.push_back({AT_HWCAP, hwcap()});
    v.push_back({AT_PAGESZ, kPageSize});
    v.push_back({AT_CLKTCK, 100});
    v.push_back({AT_PHDR, l.elf.phdr_address ? l.elf.phdr_address + l.program.bias : 0});
    v.push_back({AT_PHENT, sizeof(Elf64_Phdr)});
    v.push_back({AT_PHNUM, l.elf.segments.size()});
    v.push_back({AT_BASE, l.interpreter_base});
    v.push_back({AT_FLAGS, 0});
    v.push_back({AT_ENTRY, l.program.entry});
    v.push_back({AT_UID, ns.from_kuid_munged(r.creds.uid)});
    v.push_back({AT_EUID, ns.from_kuid_munged(c.euid)});
    v.push_back({AT_GID, ns.from_kgid_munged(r.creds.gid)});
    v.push_back({AT_EGID, ns.from_kgid_munged(c.egid)});
    v.push_back({AT_SECURE, secure});
    v.push_back({AT_HWCAP2, hwcap2()});
    return v;
}

u64 string_cost(const std::vector<std::string>& v) {
    u64 n = 0;
    for (const std::string& s : v) n += s.size() + 1 + sizeof(u64);
    return n;
}

}  // namespace

u64 max_arg_bytes(u64 stack_limit) {
    constexpr u64 kStackDefault = 8 << 20;
    u64 n = std::min<u64>(kStackDefault / 4 * 3, stack_limit / 4);
    return std::max<u64>(n, kMaxArgString);
}

Result<Ref<vfs::OpenFile>> open_exec(const vfs::Caller& c, const vfs::Path& start, std::string_view path, int flags) {
    vfs::WalkFlags w;
    w.follow = !(flags & AT_SYMLINK_NOFOLLOW);
    w.empty_path = (flags & AT_EMPTY_PATH) != 0;
    vfs::Path p = SBX_TRY(vfs::walk(c, start, path, w));
    vfs::Inode* inode = p.dentry->inode();
    if (!inode) return err(ENOENT);
    if (inode->is_symlink()) return err(ELOOP);
    if (!inode->is_regular() || (p.mount->flags() & MS_NOEXEC)) return err(EACCES);
    SBX_TRY(vfs::check_permission(c, p, vfs::kMayExec));
    SBX_TRY(vfs::landlock::check(c, p, vfs::landlock::kExecute | vfs::landlock::kReadFile));
    return inode->open(vfs::OpenArgs{p, O_RDONLY | O_CLOEXEC, c});
}

Result<Image> load(Request r) {
    // Linux runs a program with an empty argv as one with one empty argument (execve(2), since 5.18).
    if (r.argv.empty()) r.argv.emplace_back();
    std::string name = r.filename.substr(r.filename.find_last_of('/') + 1);
    SBX_TRY(resolve_scripts(r));
    if (string_cost(r.argv) + string_cost(r.envp) > max_arg_bytes(r.limits.stack)) return err(E2BIG);
    Ref<ExeRef> exe = SBX_TRY(ExeRef::create(r.file));
    Elf elf = SBX_TRY(read_elf(*r.file, r.caller, ENOEXEC));

    Image image;
    ExecCreds exec = SBX_TRY(exec_creds(r.creds, *r.file, r.caller));
    image.creds = exec.creds;
    image.privileged = exec.privileged;
    image.mm = SBX_TRY(mm::MemoryManager::create(r.kernel.platform(), r.kernel.memory()));
    mm::MemoryManager& mm = *image.mm;

    // The stack first: it stands at the top, whatever the program maps. mmap's area begins below its room to grow.
    StackContent content{r.argv, r.envp, r.filename, {}};
    u64 top = r.kernel.platform().user_range().end - kPageSize - random_pages(22);
    mm.set_stack_top(top, r.limits);
    content.auxv.resize(24);  // for the size
    u64 stack_size = page_up(stack_bytes(content) + kStackReserve);
    mm::MmapRequest stack;
    stack.addr = top - stack_size;
    stack.length = stack_size;
    stack.prot = PROT_READ | PROT_WRITE | (elf.executable_stack ? PROT_EXEC : 0);
    stack.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_GROWSDOWN | MAP_STACK;
    SBX_TRY(mm.mmap(stack, r.limits));

    Loaded loaded = SBX_TRY(load_elf(r, mm, std::move(elf)));
    u64 vdso = SBX_TRY(map_vdso(mm, *r.kernel.vdso));
    mm::MmLayout layout;
    layout.start_code = loaded.program.start_code;
    layout.end_code = loaded.program.end_code;
    layout.start_data = loaded.program.start_data;
    layout.end_data = loaded.program.end_data;
    layout.start_brk = page_up(loaded.program.end_bss) + random_pages(13);
    content.auxv = auxiliary_vector(r, loaded, *image.creds, exec.secure, vdso);
    image.sp = SBX_TRY(write_stack(mm, top, content, &layout));
    mm.set_layout(layout);
    mm.set_brk_start(layout.start_brk);
    mm.set_exe(std::move(exe));
    // Not dumpable if the file gave privileges or could not be read by the caller (would_dump in fs/exec.c).
    bool readable = vfs::check_permission(r.caller, r.file->path(), vfs::kMayRead).has_value();
    mm.dumpable.store(exec.privileged || !readable ? 0 : 1);
    image.entry = loaded.entry;
    image.file = r.file;
    image.name = name;
    return image;
}

}  // namespace sbx::loader
