// The end of tasks (kernel/exit.c). Used by exec; execve's own entry points (de_thread and so on) are in task_exec.h.
#pragma once

#include "src/kernel/thread_group.h"

namespace sbx {

// What a task does to its memory as it leaves it, in exit and execve (mm_release): robust futexes, clear_child_tid. Own thread.
void release_memory_words(Task& t);

}  // namespace sbx
