// Task: what it shows to other threads, and its copies from application memory.
#include "src/kernel/task.h"

#include <linux/capability.h>

#include "src/base/heap.h"
#include "src/host/thread.h"
#include "src/kernel/kernel.h"
#include "src/kernel/pause.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/task_internals.h"

namespace sbx {

Task::Task(Kernel& k) : kernel_(k) { altstack.ss_flags = SS_DISABLE; }
Task::~Task() = default;

Ref<Task> Task::create(const Args& a) {
    Ref<Task> t = adopt_ref(new Task(*a.kernel));
    t->group_ = a.group;
    t->pid_ = a.pid;
    t->mm_ = a.mm;
    t->files_ = a.files;
    t->fs_ = a.fs;
    t->creds_ = a.creds;
    t->ns_ = a.ns;
    t->regs = a.regs;
    if (a.fp) t->initial_fp_.data = a.fp->data;
    t->name_ = a.name.substr(0, 15);
    t->start_time = host_monotonic();
    return t;
}

Result<> Task::start(RunState first) {
    state_ = std::move(first);
    return TaskInternals::start(*this);
}

Result<> TaskInternals::start(Task& task) {
    task.ref();  // the thread's own
    Kernel& kernel = task.kernel();
    kernel.tasks().sentry_threads.fetch_add(1);
    if (kernel.pause().on()) task.set_work(kWorkPause);
    Result<> r = host::spawn_thread(
        [](void* p) {
            Ref<Task> t = adopt_ref(static_cast<Task*>(p));
            TaskSet& tasks = t->kernel().tasks();
            heap::charge_to(&t->group().held);
            TaskInternals::run(*t);
            heap::charge_to(nullptr);  // the group may go with the task
            t.reset();
            if (tasks.sentry_threads.fetch_sub(1) == 1) tasks.all_gone.notify(kEventInternal);
        },
        &task, task.name_.c_str());
    if (!r) {
        kernel.tasks().sentry_threads.fetch_sub(1);
        task.unref();
    }
    return r;
}

int Task::tid() const { return pid_->nr_in(pid_->ns()); }
bool Task::is_leader() const { return group_->leader == this; }

const vfs::Caller& Task::caller() {
    caller_.creds = creds_.get();
    caller_.fs = fs_.get();
    caller_.mm = mm_.get();
    caller_.task = this;
    caller_.file_size_limit = rlimit(RLIMIT_FSIZE);
    return caller_;
}

std::string Task::name() const {
    Lock l(mu_);
    return name_;
}

void Task::set_name(std::string_view n) {
    Lock l(mu_);
    name_ = n.substr(0, 15);
}

CredsRef Task::creds_of() const {
    Lock l(mu_);
    return creds_;
}

void Task::set_creds(CredsRef c) {
    Lock l(mu_);
    std::swap(creds_, c);
}

Ref<mm::MemoryManager> Task::mm_of() const {
    Lock l(mu_);
    return mm_;
}

Ref<vfs::FdTable> Task::files_of() const {
    Lock l(mu_);
    return files_;
}

Ref<vfs::FsContext> Task::fs_of() const {
    Lock l(mu_);
    return fs_;
}

NsProxy Task::ns_of() const {
    Lock l(mu_);
    return ns_;
}

std::vector<u64> Task::affinity() const {
    Lock l(mu_);
    return affinity_;
}

void Task::set_affinity(std::vector<u64> mask) {
    Lock l(mu_);
    affinity_ = std::move(mask);
}

// The old object of each is dropped by the caller's argument, after the lock.
void TaskInternals::set_mm(Task& t, Ref<mm::MemoryManager> mm) {
    Lock l(t.mu_);
    std::swap(t.mm_, mm);
    l.unlock();
}

void TaskInternals::set_files(Task& t, Ref<vfs::FdTable> f) {
    Lock l(t.mu_);
    std::swap(t.files_, f);
    l.unlock();
}

void TaskInternals::set_fs(Task& t, Ref<vfs::FsContext> f) {
    Lock l(t.mu_);
    std::swap(t.fs_, f);
    l.unlock();
}

void TaskInternals::set_ns(Task& t, NsProxy ns) {
    Lock l(t.mu_);
    std::swap(t.ns_, ns);
    l.unlock();
}

Result<std::string> Task::copy_in_path(UserString s) { return mm_->copy_in_string(s.addr, vfs::kPathMax); }

u64 Task::rlimit(int resource) const { return group_->limit(resource).rlim_cur; }

mm::MmLimits Task::mm_limits() const {
    mm::MmLimits l;
    l.as = rlimit(RLIMIT_AS);
    l.data = rlimit(RLIMIT_DATA);
    l.stack = rlimit(RLIMIT_STACK);
    l.memlock = rlimit(RLIMIT_MEMLOCK);
    l.ipc_lock = creds_->capable(CAP_IPC_LOCK, kernel_.user_ns());
    return l;
}

}  // namespace sbx
