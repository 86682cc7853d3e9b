// Declares the families of system calls (families.inc). Included by each family's file and by table.cc.
#pragma once

#include "syscalls/table.h"

namespace sbx {

#define X(name) extern const SyscallFamily name;
#include "syscalls/families.inc"
#undef X
extern const SyscallFamily kAbsentSyscalls;

}  // namespace sbx
