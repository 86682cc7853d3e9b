// ResourceUse as struct rusage: for wait4, waitid and getrusage.
#pragma once

#include <sys/time.h>

#include "src/kernel/thread_group.h"

namespace sbx {

// struct rusage of the kernel; libcs append fields of their own.
struct KernelRusage {
    timeval utime, stime;
    long maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv, nsignals, nvcsw, nivcsw;
};
static_assert(sizeof(KernelRusage) == 144);

KernelRusage to_rusage(const ResourceUse& u);

}  // namespace sbx
