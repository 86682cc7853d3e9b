// The thread behind inherited descriptors.
#include "fs/hostfs/host_poller.h"

#include <errno.h>
#include <sys/epoll.h>

#include "fs/hostfs/hostfs.h"
#include "src/host/thread.h"

namespace sbx::hostfs {

HostPoller& HostPoller::get() {
    static HostPoller* poller = new HostPoller;  // no state: of the descriptors of this process; its thread never ends
    return *poller;
}

Result<> HostPoller::start_locked() {
    if (epoll_ >= 0) return {};
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) return err(errno);
    epoll_ = fd;
    return host::spawn_thread(&HostPoller::run, this, "host-poller");
}

Result<u64> HostPoller::add(int fd, PolledFd& target) {
    Lock l(mu_);
    SBX_TRY(start_locked());
    u64 number = next_++;
    epoll_event e{};
    e.events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET;
    e.data.u64 = number;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e) != 0) return err(errno);
    targets_.emplace(number, &target);
    return number;
}

void HostPoller::remove(int fd, u64 number) {
    Lock l(mu_);
    epoll_event e{};
    (void)epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, &e);
    targets_.erase(number);
}

void HostPoller::run(void* arg) {
    HostPoller& self = *static_cast<HostPoller*>(arg);
    for (;;) {
        epoll_event events[16];
        int n = epoll_wait(self.epoll_, events, 16, -1);
        for (int i = 0; i < n; i++) {
            Ref<PolledFd> target;
            {
                Lock l(self.mu_);
                auto it = self.targets_.find(events[i].data.u64);
                if (it != self.targets_.end() && it->second->try_ref()) target = Ref<PolledFd>::adopt(it->second);
            }
            if (!target) continue;
            EventMask m = events[i].events;
            if (m & kEventIn) m |= kEventRdNorm;
            if (m & kEventOut) m |= kEventWrNorm;
            Lock l(self.telling_);
            target->queue.notify(m);
        }
    }
}

void hold_events() { HostPoller::get().hold(); }
void let_events_go() { HostPoller::get().let_go(); }

}  // namespace sbx::hostfs
