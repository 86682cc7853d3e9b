// The loader: from an executable file to a new address space with its initial stack (fs/exec.c, fs/binfmt_elf.c, fs/binfmt_script.c).
// Used by execve and by the boot code for the first program.
#pragma once

#include <string>
#include <vector>

#include "fs/vfs/open_file.h"
#include "src/kernel/kernel.h"
#include "src/mm/memory_manager.h"

namespace sbx::loader {

struct Request {
    Kernel& kernel;
    const vfs::Caller& caller;  // opens interpreters as this caller
    Ref<vfs::OpenFile> file;    // of open_exec
    std::string filename;       // as execve got it: AT_EXECFN, and what a script's interpreter is given
    std::vector<std::string> argv, envp;
    const Creds& creds;  // for AT_UID and friends, before set-user-ID is applied
    mm::MmLimits limits;
};

struct Image {
    Ref<mm::MemoryManager> mm;
    Ref<vfs::OpenFile> file;  // what is really run (the interpreter of a script)
    u64 entry = 0, sp = 0;
    CredsRef creds;           // after set-user-ID, set-group-ID and file capabilities
    bool privileged = false;  // they gave something: not dumpable, AT_SECURE
    std::string name;         // comm
};

// Opens a file for execution: EACCES (not a regular file, no permission, noexec mount), ENOENT, ELOOP, ...; `flags`: AT_EMPTY_PATH,
// AT_SYMLINK_NOFOLLOW.
Result<Ref<vfs::OpenFile>> open_exec(const vfs::Caller& c, const vfs::Path& start, std::string_view path, int flags);

// ENOEXEC (not an executable), ELIBBAD, E2BIG, ENOMEM, ELOOP (interpreters nested too deep), EACCES, ENOENT of an interpreter. Nothing of
// the caller is changed.
Result<Image> load(Request r);

// Bytes of arguments and environment (strings and pointers) that execve takes for a stack limit (fs/exec.c: bprm_stack_limits).
u64 max_arg_bytes(u64 stack_limit);
constexpr size_t kMaxArgString = 131072;  // MAX_ARG_STRLEN

}  // namespace sbx::loader
