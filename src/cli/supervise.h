// The supervisor: sbx's main thread while the program runs. It forwards signals, keeps the time limit and waits for the end.
#pragma once

#include <functional>
#include <optional>

#include "src/cli/boot_files.h"
#include "src/cli/relay.h"
#include "src/config/config.h"
#include "src/kernel/kernel.h"

namespace sbx::boot {

class Supervisor : private Waiter {
public:
    Supervisor(const Config& config, Kernel& kernel, Streams& streams);
    ~Supervisor();
    // In which tasks come to a boundary of their run loops.
    static constexpr Nanos kPauseLimit = 30 * kNanosPerSec;
    // Saves the sandbox then, once; wait() gives nothing if that worked. `save`: with all tasks stopped; an empty text, or what was wrong.
    void save_at(Nanos when, std::function<std::string()> save);
    // The program has a terminal of its own.
    void use_terminal(std::unique_ptr<Relay> relay, Ref<vfs::OpenFile> master);
    // Returns the status for sbx's caller: prog's own, 128+n, or 124 when the time limit ran out.
    std::optional<int> wait();
    bool timed_out() const { return timeout_ != Timeout::None; }
    // The time limit, for who loads the sandbox.
    Nanos deadline() const { return deadline_; }
    void go_on(Nanos deadline, bool timed_out);

private:
    void on_event(EventMask) override;
    void forward(int sig);
    void on_signal(int sig);
    bool init_ignores(int sig);
    void suspend();
    int remaining_ms() const;
    void time_is_up();
    void kill_all();
    bool save();

    const Config& config_;
    Kernel& kernel_;
    host::UniqueFd ended_;
    Ref<vfs::OpenFile> master_;
    std::unique_ptr<Relay> relay_;
    Nanos deadline_ = kNever;
    Nanos give_up_ = kNever;  // after everything was killed
    Nanos save_at_ = kNever;
    std::function<std::string()> save_;
    bool terminated_ = false;  // SIGTERM came
    enum class Timeout { None, Terminated, Killed } timeout_ = Timeout::None;
};

}  // namespace sbx::boot
