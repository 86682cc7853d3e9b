// FutexTable: futexes of the sandbox (futex(2)). Used by syscalls/futex.cc and by exit.
#pragma once

namespace sbx {

class FutexTable {};

}  // namespace sbx
