// System calls that are not there: what they fail with and why. Gathered by table.cc; a call that another family serves is not here.
#include "syscalls/families.h"

namespace sbx {
namespace {

// What Linux gives a caller without the privilege for it, which nobody inside can have over the host.
Result<long> sys_not_permitted(Task&) { return err(EPERM); }

constexpr SyscallRow kRows[] = {
    {103, "syslog", syscall<sys_not_permitted>, "", Support::None, "concerns the host: EPERM"},
    {134, "uselib", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {139, "sysfs", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {154, "modify_ldt", nullptr, "", Support::None, "not implemented yet"},
    {156, "_sysctl", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {172, "iopl", syscall<sys_not_permitted>, "", Support::None, "concerns the host: EPERM"},
    {173, "ioperm", syscall<sys_not_permitted>, "", Support::None, "concerns the host: EPERM"},
    {174, "create_module", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {175, "init_module", syscall<sys_not_permitted>, "", Support::None, "concerns the host: EPERM"},
    {176, "delete_module", syscall<sys_not_permitted>, "", Support::None, "concerns the host: EPERM"},
    {177, "get_kernel_syms", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {178, "query_module", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {179, "quotactl", syscall<sys_not_permitted>, "", Support::None, "concerns the host: EPERM"},
    {180, "nfsservctl", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {181, "getpmsg", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {182, "putpmsg", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {183, "afs_syscall", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {184, "tuxcall", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {185, "security", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {205, "set_thread_area", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {211, "get_thread_area", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {212, "lookup_dcookie", syscall<sys_not_permitted>, "", Support::None, "concerns the host: EPERM"},
    {214, "epoll_ctl_old", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {215, "epoll_wait_old", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {236, "vserver", nullptr, "", Support::None, "not in Linux any more, or not on x86-64"},
    {246, "kexec_load", syscall<sys_not_permitted>, "", Support::None, "concerns the host: EPERM"},
    {248, "add_key", nullptr, "", Support::None, "no key rings"},
    {249, "request_key", nullptr, "", Support::None, "no key rings"},
    {250, "keyctl", nullptr, "", Support::None, "no key rings"},
    {298, "perf_event_open", syscall<sys_not_permitted>, "", Support::None, "concerns the host: EPERM"},
    {300, "fanotify_init", syscall<sys_not_permitted>, "", Support::None, "concerns the host: EPERM"},
    {301, "fanotify_mark", nullptr, "", Support::None, "not implemented yet"},
    {313, "finit_module", syscall<sys_not_permitted>, "", Support::None, "concerns the host: EPERM"},
    {320, "kexec_file_load", syscall<sys_not_permitted>, "", Support::None, "concerns the host: EPERM"},
    {321, "bpf", syscall<sys_not_permitted>, "", Support::None, "concerns the host: EPERM"},
    {323, "userfaultfd", nullptr, "", Support::None, "no user fault handling"},
    {334, "rseq", nullptr, "", Support::None, "cannot see preemption by the host: programs do without it"},
    {425, "io_uring_setup", nullptr, "", Support::None, "no io_uring"},
    {426, "io_uring_enter", nullptr, "", Support::None, "no io_uring"},
    {427, "io_uring_register", nullptr, "", Support::None, "no io_uring"},
    {428, "open_tree", nullptr, "", Support::None, "not implemented yet"},
    {429, "move_mount", nullptr, "", Support::None, "not implemented yet"},
    {430, "fsopen", nullptr, "", Support::None, "not implemented yet"},
    {431, "fsconfig", nullptr, "", Support::None, "not implemented yet"},
    {432, "fsmount", nullptr, "", Support::None, "not implemented yet"},
    {433, "fspick", nullptr, "", Support::None, "not implemented yet"},
    {442, "mount_setattr", nullptr, "", Support::None, "not implemented yet"},
    {443, "quotactl_fd", syscall<sys_not_permitted>, "", Support::None, "concerns the host: EPERM"},
    {447, "memfd_secret", nullptr, "", Support::None, "not implemented yet"},
    {448, "process_mrelease", nullptr, "", Support::None, "not implemented yet"},
    {451, "cachestat", nullptr, "", Support::None, "not implemented yet"},
    {453, "map_shadow_stack", nullptr, "", Support::None, "not implemented yet"},
    {454, "futex_wake", nullptr, "", Support::None, "not implemented yet"},
    {455, "futex_wait", nullptr, "", Support::None, "not implemented yet"},
    {456, "futex_requeue", nullptr, "", Support::None, "not implemented yet"},
    {457, "statmount", nullptr, "", Support::None, "not implemented yet"},
    {458, "listmount", nullptr, "", Support::None, "not implemented yet"},
    {459, "lsm_get_self_attr", nullptr, "", Support::None, "not implemented yet"},
    {460, "lsm_set_self_attr", nullptr, "", Support::None, "not implemented yet"},
    {461, "lsm_list_modules", nullptr, "", Support::None, "not implemented yet"},
    {462, "mseal", nullptr, "", Support::None, "not implemented yet"},
};

}  // namespace

const SyscallFamily kAbsentSyscalls(kRows);

}  // namespace sbx
