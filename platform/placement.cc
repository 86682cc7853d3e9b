// CPU affinity of sentry and stub threads, evened out by a ticker.
#include "platform/placement.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "src/host/futex.h"
#include "src/host/thread.h"

namespace sbx::platform {
namespace {
constexpr Nanos kTick = 4 * kNanosPerMilli;
constexpr u32 kIdleTicks = 50;  // without anything running, the ticker goes to sleep
constexpr u32 kComputing = 3;   // ticks inside one run(): application code that makes no calls
constexpr u32 kUnit = 1024;
// Two CPUs are uneven if moving one pair would help: pairs that take turns (a pipe's two ends) sum up to about one unit and stay.
constexpr u32 kUneven = kUnit + kUnit / 4;

void set_affinity(pid_t tid, const cpu_set_t& set) { syscall(SYS_sched_setaffinity, tid, sizeof set, &set); }
}  // namespace

Placement::Placement() {
    CPU_ZERO(&allowed_);
    sched_getaffinity(0, sizeof allowed_, &allowed_);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &allowed_)) cpus_.push_back(i);
    if (cpus_.size() < 2) return;
    stopped_.store(0, std::memory_order_relaxed);
    // Without it pairs stay where they were seated first.
    if (!host::spawn_thread([](void* self) { static_cast<Placement*>(self)->loop(); }, this, "sbx-placement"))
        stopped_.store(1, std::memory_order_relaxed);
}

Placement::~Placement() {
    stop_.store(true, std::memory_order_release);
    parker_.unpark();
    while (stopped_.load(std::memory_order_acquire) == 0) host::futex_wait(stopped_, 0);
}

void Placement::loop() {
    u32 idle = 0;
    while (!stop_.load(std::memory_order_acquire)) {
        idle = tick() ? 0 : idle + 1;
        if (idle < kIdleTicks) {
            parker_.park(host_monotonic() + kTick);
            continue;
        }
        awake_.store(false, std::memory_order_relaxed);
        parker_.park();
        awake_.store(true, std::memory_order_relaxed);
        idle = 0;
    }
    stopped_.store(1, std::memory_order_release);
    host::futex_wake(stopped_);
}

void Placement::wake() {
    if (cpus_.size() >= 2 && !awake_.exchange(true, std::memory_order_relaxed)) parker_.unpark();
}

void Placement::move(Seat& seat, int cpu) {
    if (seat.cpu == cpu) return;
    seat.cpu = cpu;
    cpu_set_t set = allowed_;
    if (cpu != Seat::kFloating) {
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
    }
    set_affinity(seat.sentry, set);
    set_affinity(seat.stub, set);
}

u32 Placement::load_of(int cpu) const {
    u32 sum = 0;
    for (const Seat* s : seats_)
        if (s->cpu == cpu) sum += s->load;
    return sum;
}

int Placement::least_loaded() const {
    return *std::min_element(cpus_.begin(), cpus_.end(),
                             [this](int a, int b) SBX_REQUIRES(mu_) { return load_of(a) < load_of(b); });
}

void Placement::sit(Seat& seat, pid_t stub) {
    if (cpus_.size() < 2) return;
    unsigned here = 0;
    syscall(SYS_getcpu, &here, nullptr, nullptr);
    int current = static_cast<int>(here);
    Lock l(mu_);
    seat.sentry = static_cast<pid_t>(syscall(SYS_gettid));
    seat.stub = stub;
    seat.load = 0;
    seat.same = 0;
    int best = least_loaded();
    bool stay = CPU_ISSET(static_cast<size_t>(current), &allowed_) && load_of(current) <= load_of(best) + kUneven;
    seat.cpu = Seat::kFloating;
    move(seat, stay ? current : best);
    seats_.push_back(&seat);
}

void Placement::leave(Seat& seat) {
    Lock l(mu_);
    std::erase(seats_, &seat);
}

bool Placement::tick() {
    Lock l(mu_);
    bool any = false;
    for (Seat* s : seats_) {
        bool running = s->running.load(std::memory_order_relaxed);
        u32 runs = s->runs.load(std::memory_order_relaxed);
        s->same = runs == s->seen ? s->same + 1 : 0;
        s->seen = runs;
        any |= running || s->same == 0;
        s->load = s->load - s->load / 16 + (running ? kUnit / 16 : 0);
        if (running && s->same >= kComputing) {
            move(*s, Seat::kFloating);
        } else if (s->cpu == Seat::kFloating && s->same == 0) {
            move(*s, least_loaded());
        }
    }
    int low = least_loaded();
    int high = *std::max_element(cpus_.begin(), cpus_.end(),
                                 [this](int a, int b) SBX_REQUIRES(mu_) { return load_of(a) < load_of(b); });
    u32 difference = load_of(high) - load_of(low);
    if (difference > kUneven) {
        for (Seat* s : seats_) {
            // The pair that leaves must not make the other CPU the fuller one.
            if (s->cpu != high || s->load > difference / 2 + kUnit / 8 || s->load < kUnit / 8) continue;
            move(*s, low);
            break;
        }
    }
    return any;
}

}  // namespace sbx::platform
