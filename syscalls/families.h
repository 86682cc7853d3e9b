// The families of system calls, gathered by table.cc: a line each. A family is defined at the end of its file.
#pragma once

#include "syscalls/table.h"

namespace sbx {

// SBX_FAMILY(name): keep sorted.
#define SBX_SYSCALL_FAMILIES(X) \
    X(kExecSyscalls)            \
    X(kFutexSyscalls)           \
    X(kSystemSyscalls)

#define SBX_DECLARE_FAMILY(name) extern const SyscallFamily name;
SBX_SYSCALL_FAMILIES(SBX_DECLARE_FAMILY)
extern const SyscallFamily kAbsentSyscalls;
#undef SBX_DECLARE_FAMILY

}  // namespace sbx
