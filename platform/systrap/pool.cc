// Orders to mappers, and the life of stubs.
#include "platform/systrap/pool.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "platform/systrap/code.h"
#include "platform/systrap/filter.h"
#include "platform/systrap/template.h"
#include "src/base/panic.h"
#include "src/host/futex.h"
#include "src/host/memory.h"
#include "src/host/thread.h"
#include "src/host/vdso.h"

namespace sbx::platform::systrap {
namespace {
constexpr u32 kMaxFramesOfAll = 131072;  // threads alive at once
constexpr Nanos kPoll = 10 * kNanosPerMilli;
constexpr auto kShared = host::FutexScope::Shared;

// Puts a mapper where its customer is: a hand-over on one CPU costs a fifth of one across CPUs.
void follow(Stub& s) {
    unsigned cpu = 0;
    if (syscall(SYS_getcpu, &cpu, nullptr, nullptr) != 0 || cpu >= CPU_SETSIZE || s.cpu == static_cast<int>(cpu))
        return;
    s.cpu = static_cast<int>(cpu);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    syscall(SYS_sched_setaffinity, s.pid, sizeof set, &set);
}

template <class T>
Result<T*> map_file(int fd, u64 size) {
    void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (p == MAP_FAILED) return err(errno);
    return static_cast<T*>(p);
}
}  // namespace

Result<std::unique_ptr<Pool>> Pool::start() {
    std::unique_ptr<Pool> p(new Pool);
    u64 orders = static_cast<u64>(stub::Slots::kEnd) * kPageSize, frames = kMaxFramesOfAll * kFrameSize;
    p->orders_file_ = host::UniqueFd(SBX_TRY(host::create_memfd("sbx-orders", orders)));
    p->frames_file_ = host::UniqueFd(SBX_TRY(host::create_memfd("sbx-frames", frames)));
    p->orders_base_ = SBX_TRY(map_file<Orders>(p->orders_file_.get(), orders));
    p->frames_base_ = SBX_TRY(map_file<u8>(p->frames_file_.get(), frames));
    SBX_TRY(host::spawn_thread([](void* self) { static_cast<Pool*>(self)->loop(); }, p.get(), "sbx-stubs"));
    while (p->started_.load(std::memory_order_acquire) == 0) host::futex_wait(p->started_, 0);
    if (p->started_.load(std::memory_order_acquire) == 1) return p;
    return err(p->start_error_);
}

Pool::~Pool() {
    if (started_.load(std::memory_order_acquire) == 1) {
        stop_.store(true, std::memory_order_release);
        syscall(SYS_kill, template_.pid, SIGKILL);
        while (started_.load(std::memory_order_acquire) != 3) host::futex_wait(started_, 1);
    }
    if (orders_base_) munmap(orders_base_, static_cast<u64>(stub::Slots::kEnd) * kPageSize);
    if (frames_base_) munmap(frames_base_, kMaxFramesOfAll * kFrameSize);
}

int Pool::start_template() {
    void* page = mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return errno;
    auto* made = new (page) Made;
    code();  // the child must not be the first to initialise these
    host::vdso();
    pid_t parent = getpid();
    long pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (pid == 0) template_main(made, parent, orders_file_.get(), 0);
    int error = pid < 0 ? errno : 0;
    if (pid > 0) {
        template_.pid = static_cast<pid_t>(pid);
        template_.orders = orders_at(0);
        parent_ = parent;
        const std::atomic<u32> nobody_wakes{0};
        while (error == 0 && !made->done.load(std::memory_order_acquire)) {
            int status = 0;
            if (syscall(SYS_wait4, pid, &status, __WALL | WNOHANG, nullptr) == pid)
                error = WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : ESRCH;
            else
                host::futex_wait(nobody_wakes, 0, host_monotonic() + kNanosPerMilli / 4);
        }
        host_vdso_ = made->host_vdso;
        barriers_ = made->barriers;
    }
    munmap(page, kPageSize);
    return error;
}

void Pool::loop() {
    start_error_ = start_template();
    if (start_error_ == 0) {
        // All that it still has of the sentry.
        u64 vdso_end = stub::kHostVdso + (host_vdso_ ? host::vdso().range().length() : 0);
        const u64 others[][2] = {{0, stub::kCode},
                                 {stub::kCode + kPageSize, stub::kOps},
                                 {stub::kOps + kPageSize, stub::kHostVdso},
                                 {vdso_end, stub::kHostEnd}};
        stub::Op ops[4] = {};
        for (size_t i = 0; i < 4; i++)
            ops[i] = {SYS_munmap, {others[i][0], others[i][1] - others[i][0], 0, 0, 0, 0}, 0};
        size_t done = 0;
        Result<> r = apply(template_, ops, 4, done);
        if (!r) {
            start_error_ = r.error().value;
            syscall(SYS_kill, template_.pid, SIGKILL);
        }
    }
    bool failed = start_error_ != 0;
    started_.store(failed ? 2 : 1, std::memory_order_release);
    host::futex_wake(started_);
    if (failed) return;
    for (;;) {
        int status = 0;
        long pid = syscall(SYS_wait4, -1, &status, __WALL | __WNOTHREAD, nullptr);
        if (pid < 0 && errno == EINTR) continue;
        if (pid < 0) break;
        if (WIFSTOPPED(status)) continue;
        if (pid != template_.pid) {
            bury(static_cast<pid_t>(pid));
            continue;
        }
        if (!stop_.load(std::memory_order_acquire))
            give_up("the host killed, or took from sbx, the process that it makes others from");
        Lock l(mu_);
        for (auto& s : stubs_)
            if (!s->lost.load(std::memory_order_relaxed)) syscall(SYS_kill, s->pid, SIGKILL);
    }
    started_.store(3, std::memory_order_release);
    host::futex_wake(started_);
}

void Pool::bury(pid_t pid) {
    Lock l(mu_);
    for (auto& s : stubs_) {
        if (s->pid != pid || s->lost.load(std::memory_order_relaxed)) continue;
        s->lost.store(true, std::memory_order_seq_cst);
        // Wakes all who wait for it. Nobody else writes these words now.
        s->orders->ack.store(s->orders->seq.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst);
        host::futex_wake(s->orders->ack, 1 << 30, kShared);
        {
            Lock t(s->threads_mu);
            for (auto& thread : s->threads) {
                thread->control->state.store(Control::kDead, std::memory_order_seq_cst);
                host::futex_wake(thread->control->state, 1 << 30, kShared);
            }
        }
        if (s->retired) destroy(*s);
        return;
    }
}

void Pool::destroy(Stub& stub) {
    {
        Lock t(stub.threads_mu);
        Lock f(frames_mu_, Lock<Mutex<Rank::Leaf>>::Nested{});
        for (auto& thread : stub.threads) {
            // The next one must not see what this one had in its registers.
            u64 at = thread->frame * kFrameSize;
            if (host::punch_hole(frames_file_.get(), {at, at + kFrameSize})) free_frames_.push_back(thread->frame);
        }
    }
    slots_.give_back(stub.slot);
    std::erase_if(stubs_, [&](auto& s) { return s.get() == &stub; });
}

Result<> Pool::apply(Stub& stub, const stub::Op* ops, size_t count, size_t& done, pid_t* tid) {
    SBX_ASSERT(count <= Orders::kMost);
    Lock l(stub.mu, Lock<Mutex<Rank::PlatformMapper>>::Nested{});  // the template's under mu_
    done = 0;
    if (stub.lost.load(std::memory_order_acquire)) return err(ESRCH);
    follow(stub);
    Orders& o = *stub.orders;
    memcpy(o.ops, ops, count * sizeof *ops);
    o.count = static_cast<u32>(count);
    o.error = o.left = 0;
    u32 batch = o.seq.load(std::memory_order_relaxed) + 1;
    o.seq.store(batch, std::memory_order_seq_cst);
    host::futex_wake(o.seq, 1, kShared);
    for (;;) {
        u32 ack = o.ack.load(std::memory_order_acquire);
        if (stub.lost.load(std::memory_order_acquire)) return err(ESRCH);
        if (ack == batch) break;
        // The template has nobody to tell of its end while it is being made.
        if (&stub == &template_ && started_.load(std::memory_order_relaxed) == 0) {
            int status = 0;
            if (syscall(SYS_wait4, stub.pid, &status, __WALL | WNOHANG, nullptr) == stub.pid) return err(ESRCH);
            host::futex_wait(o.ack, ack, host_monotonic() + kPoll, kShared);
        } else {
            host::futex_wait(o.ack, ack, kNever, kShared);
        }
    }
    if (tid) {
        u32 number = 0;
        memcpy(&number, o.tid, sizeof number);
        *tid = static_cast<pid_t>(number);
    }
    done = count;
    if (o.error == 0) return {};
    done = count - std::min<size_t>(o.left, count);
    return err(o.error);
}

Result<Stub*> Pool::take_stub() {
    auto s = std::make_unique<Stub>();
    // Held until the new process is known: bury() must find it.
    Lock l(mu_);
    s->slot = SBX_TRY(slots_.take());
    s->orders = orders_at(s->slot);
    memset(static_cast<void*>(s->orders), 0, kPageSize);
    u64 page = file_and_offset(orders_file_.get(), static_cast<u64>(s->slot) * kPageSize);
    stub::Op op{SYS_clone, {kProcessFlags, 0, 0, page, static_cast<u64>(parent_), 0}, 0};
    size_t done = 0;
    Result<> r = apply(template_, &op, 1, done, &s->pid);
    if (!r) {
        slots_.give_back(s->slot);
        return err(r.error().value);
    }
    stubs_.push_back(std::move(s));
    return stubs_.back().get();
}

void Pool::kill(Stub& stub) {
    Lock l(mu_);
    if (!stub.lost.load(std::memory_order_relaxed)) syscall(SYS_kill, stub.pid, SIGKILL);
}

void Pool::kill_and_wait(Stub& stub) {
    kill(stub);
    const std::atomic<u32> nobody_wakes{0};
    while (!stub.lost.load(std::memory_order_acquire))
        host::futex_wait(nobody_wakes, 0, host_monotonic() + kNanosPerMilli / 4);
}

void Pool::retire(Stub& stub) {
    // Before its pages go to others: a hostile thread of it may run although it said that it has stopped, and SIGKILL takes a while.
    stub::Op op{SYS_munmap, {0, stub::kUserEnd, 0, 0, 0, 0}, 0};
    size_t done = 0;
    if (!apply(stub, &op, 1, done)) kill_and_wait(stub);
    Lock l(mu_);
    stub.retired = true;
    if (stub.lost.load(std::memory_order_relaxed))
        destroy(stub);
    else
        syscall(SYS_kill, stub.pid, SIGKILL);
}

Result<u32> Pool::take_frame() {
    Lock l(frames_mu_);
    if (!free_frames_.empty()) {
        u32 f = free_frames_.back();
        free_frames_.pop_back();
        return f;
    }
    if (next_frame_ == kMaxFramesOfAll) return err(ENOMEM);
    return next_frame_++;
}

Result<StubThread*> Pool::take_thread(Stub& stub, bool& fresh) {
    fresh = false;
    StubThread* t = nullptr;
    {
        Lock l(stub.threads_mu);
        if (!stub.idle.empty()) {
            t = stub.idle.back();
            stub.idle.pop_back();
            return t;
        }
    }
    fresh = true;
    u32 frame = SBX_TRY(take_frame());
    {
        Lock l(stub.threads_mu);
        if (stub.threads.size() >= kMaxFrames) return err(ENOMEM);
        u64 address = kFrames + stub.threads.size() * kFrameSize;
        u8* base = frames_base_ + frame * kFrameSize;
        stub.threads.push_back(std::make_unique<StubThread>(
            StubThread{frame, address, base, reinterpret_cast<Control*>(base + kControlOffset)}));
        t = stub.threads.back().get();
    }
    Control& c = *t->control;
    memset(static_cast<void*>(&c), 0, sizeof c);
    c.sentry_sleeps.store(1, std::memory_order_relaxed);
    c.stack.ss_sp = reinterpret_cast<void*>(t->address);
    c.stack.ss_flags = static_cast<int>(1u << 31);  // SS_AUTODISARM: frames always begin at its top
    c.stack.ss_size = kControlOffset;
    stub::Op ops[2] = {{SYS_mmap,
                        {t->address, kFrameSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                         static_cast<u64>(frames_file_.get()), frame * kFrameSize},
                        0},
                       {SYS_clone, {kThreadFlags, 0, t->address, 0, 0, 0}, 0}};
    size_t done = 0;
    Result<> r = apply(stub, ops, 2, done, &t->tid);
    if (!r) {
        // Its frame stays with the stub.
        t->tid = 0;
        return err(r.error().value);
    }
    return t;
}

void Pool::keep_thread(Stub& stub, StubThread* thread) {
    Lock l(stub.threads_mu);
    stub.idle.push_back(thread);
}

Nanos Pool::cpu_time() {
    auto nanos = [](const timeval& t) { return t.tv_sec * kNanosPerSec + t.tv_usec * kNanosPerMicro; };
    Nanos sum = 0;
    for (int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage use{};
        getrusage(who, &use);
        sum += nanos(use.ru_utime) + nanos(use.ru_stime);
    }
    Lock l(mu_);
    for (auto& s : stubs_) {
        // The clock of a process (clock_getcpuclockid(3)): number and kind 2, CPUCLOCK_SCHED.
        timespec t{};
        if (s->lost.load(std::memory_order_relaxed)) continue;
        if (clock_gettime(static_cast<clockid_t>(~static_cast<u32>(s->pid) << 3 | 2), &t) == 0) sum += to_nanos(t);
    }
    return sum;
}

}  // namespace sbx::platform::systrap
