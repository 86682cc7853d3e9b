// The families of system calls, gathered by table.cc: a line each, in the order of the file names.
#pragma once

#include "syscalls/table.h"

namespace sbx {

}  // namespace sbx
