// The seccomp of applications (seccomp(2), kernel/seccomp.c): modes, filters and what they do at a system call's entry. Used by task_syscall.cc,
// task_clone.cc, syscalls/seccomp.cc and procfs.
//
// A task's mode and filters are written by itself or by a thread of its group that synchronises them, under TaskSet::mu exclusively.
#pragma once

#include <linux/filter.h>

#include <optional>

#include "src/kernel/task.h"

namespace sbx {

int seccomp_mode(const Task& t);  // SECCOMP_MODE_*
size_t seccomp_filter_count(const Task& t);

// At the entry of a system call: the state to go on with if it is not to be made. after_trace: a tracer has just been shown it.
std::optional<RunState> seccomp_entry(Task& t, bool after_trace);

// EINVAL from filter mode.
Result<> seccomp_set_strict(Task& t);
// Checks and adds a filter; with `synchronise` to all threads of the group. Returns the id of a thread that cannot be synchronised, or 0.
// EINVAL: a bad program, or strict mode; ENOMEM: too many instructions in all.
Result<int> seccomp_add_filter(Task& t, std::vector<sock_filter> program, bool synchronise);

// A new task takes over its creator's. TaskSet::mu held exclusively.
void seccomp_inherit(Task& child, const Task& t);

}  // namespace sbx
