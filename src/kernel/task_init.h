// Creation of PID 1 of the sandbox. Used by cli/boot.
#pragma once

#include "src/kernel/thread_group.h"

namespace sbx {

// Completes `a` (kernel, pid, namespaces for children) and makes the task with its group, session and process group. Not started.
Result<Ref<Task>> create_init_task(Kernel& k, Task::Args a);

}  // namespace sbx
