// The mapper's thread and its requests.
#include "platform/ptrace/mapper.h"

#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "platform/ptrace/template.h"
#include "platform/ptrace/tracee.h"
#include "platform/stub/filter.h"
#include "src/base/panic.h"
#include "src/host/futex.h"
#include "src/host/memory.h"
#include "src/host/thread.h"

namespace sbx::platform::ptrace {
namespace {
constexpr size_t kSpares = 1;    // ready stubs kept
constexpr size_t kMaxIdle = 16;  // parked threads kept a stub
constexpr Nanos kReapInterval = 2 * kNanosPerMilli;

int current_cpu() {
    unsigned cpu = 0;
    return syscall(SYS_getcpu, &cpu, nullptr, nullptr) == 0 ? static_cast<int>(cpu) : -1;
}

void pin(pid_t tid, int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<size_t>(cpu), &set);
    syscall(SYS_sched_setaffinity, tid, sizeof set, &set);
}
}  // namespace

void Stub::set_lost(int why) {
    int none = 0;
    lost.compare_exchange_strong(none, why, std::memory_order_acq_rel);
    if (why != kKilled) syscall(SYS_kill, leader, SIGKILL);
}

struct Mapper::Request {
    enum Kind { TakeStub, NewThread, Apply } kind;
    explicit Request(Kind k) : kind(k) {}
    int cpu = current_cpu();
    Stub* stub = nullptr;
    size_t count = 0;
    size_t done = 0;
    pid_t tid = 0;
    std::unique_ptr<Stub> made;
    int error = 0;
    Request* next = nullptr;
    std::atomic<u32> finished{0};
};

Result<std::unique_ptr<Mapper>> Mapper::start() {
    std::unique_ptr<Mapper> m(new Mapper);
    m->ops_file_ =
        host::UniqueFd(SBX_TRY(host::create_memfd("sbx-ops", static_cast<u64>(stub::Slots::kEnd) * kPageSize)));
    void* p = mmap(nullptr, static_cast<size_t>(stub::Slots::kEnd) * kPageSize, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_NORESERVE, m->ops_file_.get(), 0);
    if (p == MAP_FAILED) return err(errno);
    m->ops_base_ = static_cast<stub::Op*>(p);
    SBX_TRY(host::spawn_thread([](void* self) { static_cast<Mapper*>(self)->loop(); }, m.get(), "sbx-mapper"));
    while (m->started_.load(std::memory_order_acquire) == 0) host::futex_wait(m->started_, 0);
    if (m->started_.load(std::memory_order_acquire) == 1) return m;
    return err(m->start_error_);
}

Mapper::~Mapper() {
    if (started_.load(std::memory_order_acquire) == 1) {
        stop_.store(true, std::memory_order_release);
        parker_.unpark();
        while (started_.load(std::memory_order_acquire) != 3) host::futex_wait(started_, 1);
    }
    if (ops_base_) munmap(ops_base_, static_cast<size_t>(stub::Slots::kEnd) * kPageSize);
}

void Mapper::loop() {
    Result<Template> t = make_template();
    if (t) template_ = *t;
    if (!t) start_error_ = t.error().value;
    started_.store(t ? 1 : 2, std::memory_order_release);
    host::futex_wake(started_);
    if (!t) return;
    for (;;) {
        if (Request* r = pop()) {
            serve(*r);
            // The requester may destroy r as soon as it sees the word; the wake is on its address only.
            r->finished.store(1, std::memory_order_release);
            host::futex_wake(r->finished);
            continue;
        }
        if (stop_.load(std::memory_order_acquire)) break;
        if (idle_work()) continue;
        bool more = reap();
        parker_.park(more ? host_monotonic() + kReapInterval : kNever);
    }
    {
        Lock l(mu_);
        while (!spares_.empty()) {
            syscall(SYS_kill, spares_.back()->leader, SIGKILL);
            dying_.push_back(std::move(spares_.back()));
            spares_.pop_back();
        }
    }
    syscall(SYS_kill, template_.pid, SIGKILL);
    while (wait_stop(template_.pid).kind != Stop::Gone) {}
    while (reap()) parker_.park(host_monotonic() + kReapInterval);
    started_.store(3, std::memory_order_release);
    host::futex_wake(started_);
}

Mapper::Request* Mapper::pop() {
    Lock l(mu_);
    Request* r = first_;
    if (r) first_ = r->next;
    if (!first_) last_ = nullptr;
    return r;
}

void Mapper::call(Request& r) {
    {
        Lock l(mu_);
        if (last_)
            last_->next = &r;
        else
            first_ = &r;
        last_ = &r;
    }
    parker_.unpark();
    while (r.finished.load(std::memory_order_acquire) == 0) host::futex_wait(r.finished, 0);
}

void Mapper::follow(int cpu, Stub* stub) {
    if (cpu < 0 || cpu >= CPU_SETSIZE) return;
    if (cpu != cpu_) {
        cpu_ = cpu;
        pin(0, cpu);
        pin(template_.pid, cpu);
    }
    if (!stub || stub->cpu == cpu || stub->reaped) return;
    stub->cpu = cpu;
    pin(stub->leader, cpu);
}

int Mapper::lost(Stub& stub) {
    stub.reaped = stub.reaped || dies(stub.leader);
    stub.set_lost(stub.reaped ? Stub::kKilled : EIO);
    return stub.lost.load(std::memory_order_acquire);
}

void Mapper::serve(Request& r) {
    follow(r.cpu, r.stub);
    switch (r.kind) {
    case Request::TakeStub: {
        auto s = make_stub();
        if (s)
            r.made = std::move(*s);
        else
            r.error = s.error().value;
        return;
    }
    case Request::NewThread: {
        auto t = make_thread(*r.stub);
        if (t)
            r.tid = *t;
        else
            r.error = t.error().value;
        if (r.error == ESRCH && lost(*r.stub) != Stub::kKilled) r.error = EIO;
        return;
    }
    case Request::Apply: {
        Result<> a = inject_ops(r.stub->leader, r.stub->reaped, r.count, r.done);
        if (a) return;
        r.error = a.error().value;
        if (r.error == ESRCH) lost(*r.stub);
        return;
    }
    }
}

// Keeps a spare stub ready, off everybody's critical path. True if it did something.
bool Mapper::idle_work() {
    {
        Lock l(mu_);
        if (spare_failed_ || spares_.size() >= kSpares) return false;
    }
    follow(wanted_cpu_.load(std::memory_order_relaxed), nullptr);
    auto s = make_stub();
    // Try again only when somebody has taken or given back a stub: the host is short of something.
    spare_failed_ = !s;
    if (!s) return false;
    Lock l(mu_);
    spares_.push_back(std::move(*s));
    return true;
}

Result<std::unique_ptr<Stub>> Mapper::make_stub() {
    auto s = std::make_unique<Stub>();
    {
        Lock l(mu_);
        s->slot = SBX_TRY(slots_.take());
    }
    auto fail = [&](long e) {
        Lock l(mu_);
        slots_.give_back(s->slot);
        return err(static_cast<int>(-e));
    };
    const stub::Code& code = stub::code();
    u64 offset = static_cast<u64>(s->slot) * kPageSize;
    s->ops = ops_base_ + offset / sizeof(stub::Op);
    // The child inherits the mapping of its own page.
    bool reaped = false;
    long r = inject_call(template_.pid, reaped, code.call, SYS_mmap, stub::kOps, kPageSize, PROT_READ,
                         MAP_SHARED | MAP_FIXED, static_cast<u64>(ops_file_.get()), offset);
    if (r >= 0) r = inject_call(template_.pid, reaped, code.clone, SYS_clone, stub::kSpaceCloneFlags);
    if (r == -ESRCH) give_up("the host killed, or took from sbx, the process that it makes others from");
    if (r < 0) return fail(r);
    s->leader = static_cast<pid_t>(r);
    s->cpu = cpu_;
    for (;;) {
        Stop stop = wait_stop(s->leader);
        if (stop.kind == Stop::Gone) return fail(-EAGAIN);
        if (stop.kind == Stop::Event) break;
        // Killed, it still comes to its end here.
        if (trace(PTRACE_CONT, s->leader) != 0) syscall(SYS_kill, s->leader, SIGKILL);
    }
    auto t = make_thread(*s);
    if (!t) {
        int e = t.error().value;
        retire(std::move(s));
        return err(e == ESRCH ? EAGAIN : e);
    }
    s->idle.push_back({*t, false});
    Lock l(mu_);
    leaders_.push_back(s->leader);
    return s;
}

Result<pid_t> Mapper::make_thread(Stub& stub) {
    long r = inject_call(stub.leader, stub.reaped, stub::code().clone, SYS_clone, stub::kThreadCloneFlags);
    if (r < 0) return err(static_cast<int>(-r));
    return static_cast<pid_t>(r);
}

bool Mapper::reap() {
    std::vector<std::unique_ptr<Stub>> dying;
    {
        Lock l(mu_);
        dying.swap(dying_);
    }
    for (size_t i = 0; i < dying.size();) {
        int status = 0;
        bool gone = dying[i]->reaped;
        if (!gone) {
            long r = syscall(SYS_wait4, dying[i]->leader, &status, __WALL | __WNOTHREAD | WNOHANG, nullptr);
            gone = (r < 0 && errno != EINTR) || (r == dying[i]->leader && !WIFSTOPPED(status));
        }
        if (!gone) {
            i++;
            continue;
        }
        Lock l(mu_);
        slots_.give_back(dying[i]->slot);
        std::erase(leaders_, dying[i]->leader);
        std::swap(dying[i], dying.back());
        dying.pop_back();
    }
    Lock l(mu_);
    for (auto& s : dying) dying_.push_back(std::move(s));
    return !dying_.empty();
}

Nanos Mapper::cpu_time() {
    auto nanos = [](const timeval& t) { return t.tv_sec * kNanosPerSec + t.tv_usec * kNanosPerMicro; };
    Nanos sum = 0;
    for (int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage use{};
        getrusage(who, &use);
        sum += nanos(use.ru_utime) + nanos(use.ru_stime);
    }
    Lock l(mu_);
    for (pid_t leader : leaders_) {
        // The clock of a process (clock_getcpuclockid(3)): number and kind 2, CPUCLOCK_SCHED.
        timespec t{};
        if (clock_gettime(static_cast<clockid_t>(~static_cast<u32>(leader) << 3 | 2), &t) == 0) sum += to_nanos(t);
    }
    return sum;
}

Result<std::unique_ptr<Stub>> Mapper::take_stub() {
    std::unique_ptr<Stub> spare;
    {
        Lock l(mu_);
        if (!spares_.empty()) {
            spare = std::move(spares_.back());
            spares_.pop_back();
        }
    }
    if (spare) {
        wanted_cpu_.store(current_cpu(), std::memory_order_relaxed);
        parker_.unpark();  // to make another
        return spare;
    }
    Request r(Request::TakeStub);
    call(r);
    if (r.error != 0) return err(r.error);
    return std::move(r.made);
}

Result<Stub::Idle> Mapper::take_thread(Stub& stub) {
    {
        Lock l(mu_);
        if (!stub.idle.empty()) {
            Stub::Idle t = stub.idle.back();
            stub.idle.pop_back();
            return t;
        }
    }
    Request r(Request::NewThread);
    r.stub = &stub;
    call(r);
    if (r.error != 0) return err(r.error);
    return Stub::Idle{r.tid, false};
}

bool Mapper::wants_thread(Stub& stub) {
    Lock l(mu_);
    return stub.idle.size() < kMaxIdle;
}

void Mapper::keep_thread(Stub& stub, pid_t tid) {
    Lock l(mu_);
    stub.idle.push_back({tid, true});
}

Result<> Mapper::apply(Stub& stub, size_t count, size_t& done) {
    Request r(Request::Apply);
    r.stub = &stub;
    r.count = count;
    call(r);
    done = r.done;
    if (r.error != 0) return err(r.error);
    return {};
}

void Mapper::retire(std::unique_ptr<Stub> stub) {
    if (!stub->reaped) syscall(SYS_kill, stub->leader, SIGKILL);
    {
        Lock l(mu_);
        dying_.push_back(std::move(stub));
    }
    parker_.unpark();
}

}  // namespace sbx::platform::ptrace
