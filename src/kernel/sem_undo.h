// SemUndo: what the exit of a process asks of the System V semaphores of its IPC namespace (SEM_UNDO, semop(2)). Implemented by
// syscalls/ipc_sem.cc, called by exit, unshare and setns.
#pragma once

#include "src/kernel/ns/ipc.h"
#include "src/kernel/thread_group.h"

namespace sbx {

// The namespace's table of kind kSem.
class SemUndo : public RefCounted {
public:
    virtual void process_leaves(ThreadGroup& g) = 0;
    virtual bool has_undo(const ThreadGroup& g) = 0;
};

// Takes back what the process did with SEM_UNDO (exit_sem). Own thread, no lock held.
inline void undo_semaphores(Task& t) {
    if (!t.ns().ipc) return;
    // None is made for a process that never used any.
    Ref<SemUndo> table = static_cast<IpcNamespace&>(*t.ns().ipc).table<SemUndo>(IpcNamespace::kSem, [](IpcNamespace&) {
        return Ref<SemUndo>();
    });
    if (table) table->process_leaves(t.group());
}

}  // namespace sbx
