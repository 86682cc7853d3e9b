// Sandbox: the root of what is saved of a running sandbox, and its way to files and back (ARCHITECTURE.md, "State"). Used by cli/boot.
//
// Two files: the archive of all objects, and the pages of the memory file at their own offsets in a sparse one.
#pragma once

#include <string>

#include "fs/hostfs/hostfs.h"
#include "fs/vfs/open_file.h"
#include "src/kernel/kernel.h"
#include "src/kernel/timekeeper.h"

namespace sbx {

class Sandbox final : public RefCounted {
public:
    explicit Sandbox(Kernel& k) : kernel_(k) {}
    Ref<ThreadGroup> program;      // whose end is reported
    Ref<vfs::OpenFile> terminal;   // the master of the program's own terminal, or null
    Nanos deadline = kNever;       // of run.timeout
    bool deadline_passed = false;  // and the program was asked to end

    // All tasks are stopped. An empty text, or what could not be saved.
    std::string save(int archive_fd, int pages_fd);
    // Into a kernel that has nothing yet and whose pause has begun. Null: *why.
    static Ref<Sandbox> load(Kernel& kernel, hostfs::Sources& sources, int archive_fd, int pages_fd, std::string* why);
    // Starts the threads of all tasks, which wait for the end of the pause. EAGAIN.
    Result<> start();
    // Lets the sandbox's clock go on from where it stood, right before the end of the pause. A tick later: the coarse clock is up to one behind,
    // and must not go back either.
    void start_clock() const { set_monotonic(clock_ + Timekeeper::resolution(CLOCK_MONOTONIC_COARSE)); }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(a.given(kernel_));
    }
    template <class A>
    void state(A& ar) {
        ar(clock_, kernel_, program, terminal, deadline, deadline_passed);
    }
    Nanos clock_ = 0;  // when it was saved
    Kernel& kernel_;
};

}  // namespace sbx
