// The relay between two terminals (relay.h).
#include "src/cli/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/base/time.h"
#include "src/host/keeper.h"
#include "src/mm/io_buf.h"

namespace sbx::boot {
namespace {

constexpr size_t kOutput = 16384;
constexpr size_t kInput = 1024;
// Without an open description of our own a write blocks when the terminal is full: little at a time, after poll(2) said that some fits.
constexpr size_t kBlockingWrite = 256;
// How much is moved before other descriptors get a look.
constexpr int kRounds = 8;
constexpr Nanos kDrainTime = 2'000'000'000;

host::UniqueFd open_anew(int fd) {
    std::string path = "/proc/self/fd/" + std::to_string(fd);
    return host::UniqueFd(open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
}

}  // namespace

Relay::Relay(Ref<vfs::OpenFile> master, SetSize set_size, int in, int out)
    : Waiter(kEventIn | kEventOut | kEventHup | kEventErr),
      master_(std::move(master)),
      set_size_(set_size),
      in_(in),
      out_(out) {}

Result<std::unique_ptr<Relay>> Relay::create(Ref<vfs::OpenFile> master, SetSize set_size, int in, int out) {
    std::unique_ptr<Relay> relay(new Relay(std::move(master), set_size, in, out));
    if (tcgetattr(in, &relay->saved_) != 0 || !isatty(out)) return err(ENOTTY);
    relay->own_in_ = open_anew(in);
    relay->own_out_ = open_anew(out);
    relay->wake_ = host::UniqueFd(eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!relay->wake_) return err(errno);
    relay->resized();
    relay->enter_raw();
    relay->master_->poll_add(*relay, vfs::Caller{});
    return relay;
}

Relay::~Relay() {
    if (!wake_) return;
    master_->poll_remove(*this);
    leave_raw();
}

void Relay::on_event(EventMask) {
    u64 one = 1;
    [[maybe_unused]] ssize_t n = write(wake_.get(), &one, sizeof one);
}

void Relay::enter_raw() {
    if (raw_ || !host::in_foreground(in_)) return;
    // What the terminal is now is what it is to be again: it may have changed while sbx was stopped.
    if (tcgetattr(in_, &saved_) != 0) return;
    termios raw = saved_;
    cfmakeraw(&raw);
    raw_ = tcsetattr(in_, TCSADRAIN, &raw) == 0;
    if (raw_) host::restore_at_end(in_, saved_);
}

void Relay::leave_raw() {
    // From the background this would stop sbx; whoever is in the foreground has set the terminal as they want it.
    host::restore_at_end(-1, saved_);
    if (raw_ && host::in_foreground(in_)) tcsetattr(in_, TCSADRAIN, &saved_);
    raw_ = false;
}

void Relay::resized() {
    winsize size{};
    if (ioctl(out_, TIOCGWINSZ, &size) == 0) set_size_(*master_, size);
}

void Relay::suspend() {
    flush_output();
    leave_raw();
}

void Relay::continued() {
    enter_raw();
    resized();
}

void Relay::prepare(pollfd* fds) const {
    bool reads = raw_ && !input_ended_ && input_.empty();
    fds[0] = {reads ? (own_in_ ? own_in_.get() : in_) : -1, POLLIN, 0};
    fds[1] = {output_.empty() ? -1 : (own_out_ ? own_out_.get() : out_), POLLOUT, 0};
    fds[2] = {wake_.get(), POLLIN, 0};
}

void Relay::handle(const pollfd* fds) {
    bool news = fds[2].revents != 0;
    bool room = fds[1].fd >= 0 && fds[1].revents != 0;
    if (fds[0].fd >= 0 && fds[0].revents != 0) read_input();
    if (room) flush_output();
    if (news) {
        u64 count;
        [[maybe_unused]] ssize_t n = read(wake_.get(), &count, sizeof count);
        flush_input();
    }
    if (!news && !room) return;
    int round = 0;
    while (output_.empty() && round < kRounds && fill_output()) {
        flush_output();
        round++;
    }
    // There may be more, of which nobody tells again.
    if (round == kRounds) on_event(kEventIn);
}

bool Relay::fill_output() {
    output_.resize(kOutput);
    mm::KernelIoBuf buffer(Bytes(reinterpret_cast<u8*>(output_.data()), kOutput));
    // EIO: no process has the terminal open now; one may open it later.
    auto n = master_->read(buffer, nullptr, 0, vfs::Caller{});
    output_.resize(n ? *n : 0);
    return !output_.empty();
}

void Relay::flush_output() {
    while (!output_.empty()) {
        size_t length = own_out_ ? output_.size() : std::min(output_.size(), kBlockingWrite);
        ssize_t n = write(own_out_ ? own_out_.get() : out_, output_.data(), length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        // A terminal that is gone takes everything; its hang-up signal does the rest.
        output_.erase(0, n < 0 ? output_.size() : static_cast<size_t>(n));
        if (!own_out_) return;
    }
}

void Relay::read_input() {
    input_.resize(kInput);
    ssize_t n = read(own_in_ ? own_in_.get() : in_, input_.data(), kInput);
    bool later = n < 0 && (errno == EAGAIN || errno == EINTR);
    input_.resize(n > 0 ? static_cast<size_t>(n) : 0);
    if (n <= 0 && !later) input_ended_ = true;
    flush_input();
}

void Relay::flush_input() {
    while (!input_.empty()) {
        mm::KernelIoBuf buffer(ConstBytes(reinterpret_cast<const u8*>(input_.data()), input_.size()));
        auto n = master_->write(buffer, nullptr, 0, vfs::Caller{});
        if (!n && n.error() == EAGAIN) return;  // on_event says when there is room
        input_.erase(0, n ? *n : input_.size());
        if (n && *n == 0) return;
    }
}

void Relay::drain() {
    Nanos end = host_monotonic() + kDrainTime;
    while (!output_.empty() || fill_output()) {
        flush_output();
        if (output_.empty()) continue;
        pollfd out{own_out_ ? own_out_.get() : out_, POLLOUT, 0};
        if (host_monotonic() >= end || poll(&out, 1, 100) < 0) return;
    }
}

}  // namespace sbx::boot
