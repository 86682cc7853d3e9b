// pidfd files.
#include "fs/anon/pidfd.h"

#include <fcntl.h>

#include "fs/anon/anon_inode.h"
#include "src/base/archive.h"
#include "src/kernel/kernel.h"

namespace sbx::anon {

SBX_SAVABLE(PidFile);

PidFile::PidFile(Ref<Pid> pid, int flags)
    : OpenFile(anon_path("[pidfd]"), O_RDWR | (flags & O_NONBLOCK)), pid_(std::move(pid)) {}

EventMask PidFile::poll(EventMask mask, const vfs::Caller& c) {
    SharedLock l(c.task->kernel().tasks().mu);
    ThreadGroup* g = pid_->group;
    if (!g || !g->leader) return mask & (kEventIn | kEventRdNorm | kEventHup);
    bool ended = g->leader->exit_state != Task::ExitState::Running &&
                 g->leader->exit_state != Task::ExitState::Exiting && g->thread_count == 1;
    return ended ? mask & (kEventIn | kEventRdNorm) : 0;
}

void PidFile::poll_add(Waiter& w, const vfs::Caller&) { pid_->exited.add(w); }
void PidFile::poll_remove(Waiter& w) { pid_->exited.remove(w); }

std::string PidFile::fdinfo(const vfs::Caller& c) const {
    // -1: ended; 0: not visible from the reader's PID namespace (pidfd_show_fdinfo).
    int nr = -1;
    {
        SharedLock l(c.task->kernel().tasks().mu);
        if (!pid_->dead()) nr = pid_->nr_in(c.task->pid_ns());
    }
    std::string s = "Pid:\t" + std::to_string(nr) + "\nNSpid:\t" + std::to_string(nr);
    return s + "\n";
}

}  // namespace sbx::anon
