// The first process of a sandbox.
#include "src/kernel/task_init.h"

#include "src/kernel/kernel.h"
#include "src/kernel/ns/namespaces.h"
#include "src/kernel/process_tree.h"

namespace sbx {

Result<Ref<Task>> create_init_task(Kernel& k, Task::Args a) {
    TaskSet& tasks = k.tasks();
    a.kernel = &k;
    {
        Lock l(tasks.mu);
        a.pid = SBX_TRY(tasks.root_ns->allocate());
    }
    a.ns = initial_namespaces(k, std::move(a.ns.mnt));
    Ref<Task> t = Task::create(a);
    SBX_TRY(adopt_outside_task(*t));
    return t;
}

}  // namespace sbx
