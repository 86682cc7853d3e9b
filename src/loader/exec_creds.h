// Credentials after execve: set-user-ID, set-group-ID, file capabilities and the rules of capabilities(7) (security/commoncap.c). Used by loader.cc.
#pragma once

#include "fs/vfs/open_file.h"
#include "src/cred/creds.h"

namespace sbx::loader {

struct ExecCreds {
    CredsRef creds;
    bool privileged = false;  // ids or capabilities were gained: not dumpable
    bool secure = false;      // AT_SECURE
};

// From the caller's credentials and the executable. EPERM if a file's effective capabilities cannot be given.
Result<ExecCreds> exec_creds(const Creds& old, vfs::OpenFile& file, const vfs::Caller& c);

}  // namespace sbx::loader
