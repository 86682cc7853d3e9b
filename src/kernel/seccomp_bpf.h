// Programs of seccomp filters: the classic BPF that seccomp(2) takes, checked and interpreted. Used by seccomp.cc.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <vector>

#include "src/base/result.h"
#include "src/base/types.h"

namespace sbx {

// bpf_check_classic() of net/core/filter.c and seccomp_check_filter() of kernel/seccomp.c: EINVAL for what run_seccomp_program() cannot run.
Result<> check_seccomp_program(const std::vector<sock_filter>& program);
// The program must have been checked. Ends: jumps go forward only.
u32 run_seccomp_program(const std::vector<sock_filter>& program, const seccomp_data& data);

}  // namespace sbx
