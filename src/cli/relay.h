// Connects the caller's terminal with the one that the program got of its own: bytes both ways, the window's size, and the caller's terminal
// raw meanwhile. Used by the supervisor, in its poll loop and on its thread alone.
#pragma once

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <memory>
#include <string>

#include "fs/vfs/open_file.h"
#include "src/base/wait_queue.h"
#include "src/host/unique_fd.h"

namespace sbx::boot {

class Relay final : private Waiter {
public:
    using SetSize = void (*)(vfs::OpenFile& master, const winsize& size);

    // `in` and `out` are descriptors of the caller's terminal and stay the caller's. The terminal is raw from here on, if sbx is in its
    // foreground. ENOTTY; EMFILE.
    static Result<std::unique_ptr<Relay>> create(Ref<vfs::OpenFile> master, SetSize set_size, int in, int out);
    // Leaves the terminal as it was.
    ~Relay();

    // What to poll for: kPolled entries, some of them with fd -1. handle() is called with the same after every poll.
    static constexpr size_t kPolled = 3;
    void prepare(pollfd* fds) const;
    void handle(const pollfd* fds);

    void resized();    // SIGWINCH
    void suspend();    // before sbx stops
    void continued();  // SIGCONT: raw again if in the foreground
    // What the program wrote before it ended, for which the terminal gets a while.
    void drain();

private:
    Relay(Ref<vfs::OpenFile> master, SetSize set_size, int in, int out);
    void on_event(EventMask) override;
    void enter_raw();
    void leave_raw();
    bool fill_output();   // from the program; false if there is nothing
    void flush_output();  // to the terminal
    void read_input();    // from the terminal
    void flush_input();   // to the program

    Ref<vfs::OpenFile> master_;
    SetSize set_size_;
    int in_, out_;                     // the caller's
    host::UniqueFd own_in_, own_out_;  // the same terminal, opened anew: O_NONBLOCK is ours alone then
    host::UniqueFd wake_;              // an eventfd: the program's side has something to say
    std::string output_, input_;       // on the way
    termios saved_{};
    bool raw_ = false;
    bool input_ended_ = false;
};

}  // namespace sbx::boot
