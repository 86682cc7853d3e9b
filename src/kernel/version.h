// The Linux that sbx says it is (uname, /proc/version): a long-term-support release whose calls programs may then try.
#pragma once

namespace sbx {

constexpr char kSysname[] = "Linux";
constexpr char kRelease[] = "6.12.0-sbx";
constexpr char kVersion[] = "#1 SMP PREEMPT_DYNAMIC sbx";
constexpr char kMachine[] = "x86_64";

}  // namespace sbx
