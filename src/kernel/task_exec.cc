// The point of no return of execve: the task becomes another program. Called by syscalls/exec.cc with a loaded image.
#include "src/kernel/task_exec.h"

#include <string.h>

#include <algorithm>

#include "src/kernel/kernel.h"
#include "src/kernel/task_internals.h"

namespace sbx {
namespace {

void init_fp(Task& t) {
    platform::FpState& fp = t.fp();
    std::fill(fp.data.begin(), fp.data.end(), 0);
    // fcw and mxcsr of a fresh task; xstate_bv 0 puts all else into its initial state.
    const u16 fcw = 0x37f;
    const u32 mxcsr = 0x1f80;
    if (fp.data.size() >= 512) {
        memcpy(&fp.data[0], &fcw, sizeof fcw);
        memcpy(&fp.data[24], &mxcsr, sizeof mxcsr);
    }
    t.context()->fp_changed();
}

void init_registers(Task& t, u64 entry, u64 sp) {
    t.regs = platform::Registers{};
    t.regs.rip = entry;
    t.regs.rsp = sp;
    t.regs.cs = 0x33;
    t.regs.ss = 0x2b;
    t.regs.eflags = 0x202;
    t.regs.orig_rax = ~0ull;
}

}  // namespace

Result<> Exec::commit(Task& t, ExecImage image) {
    SBX_TRY(de_thread(t));
    // From here on there is no program to go back to: errors are fatal for the process.
    Result<> moved = t.context()->switch_to(image.mm->address_space());
    if (!moved) {
        TaskInternals::lose_process(t, moved.error().value);
        return moved;
    }
    exec_release_mm(t);
    image.mm->thp_disable.store(t.mm().thp_disable.load());
    TaskInternals::set_mm(t, image.mm);
    {
        // Unshare what clone shared: descriptors (CLONE_FILES) and dispositions (CLONE_SIGHAND).
        if (t.files().ref_count() > 1) TaskInternals::set_files(t, t.files().clone());
        TaskSet& tasks = t.kernel().tasks();
        Lock l(tasks.mu);
        ThreadGroup& g = t.group();
        if (g.handlers()->ref_count() > 1) TaskInternals::set_handlers(g, g.handlers()->clone());
        g.did_exec = true;
    }
    t.group().handlers()->reset_for_exec();
    t.files().close_on_exec(t.caller());
    t.set_creds(image.creds);
    if (image.privileged) t.parent_death_signal = 0;
    t.set_name(image.name);
    t.altstack = stack_t{};
    t.altstack.ss_flags = SS_DISABLE;
    t.restart_block = RestartBlock{};
    t.rseq = Task::Rseq{};
    t.user_dispatch = {};
    t.robust_list = 0;
    t.clear_child_tid = 0;
    init_registers(t, image.entry, image.sp);
    init_fp(t);
    exec_notify(t);
    return {};
}

}  // namespace sbx
