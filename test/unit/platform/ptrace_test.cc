// The ptrace platform, driven as the kernel core drives it.
#include "platform/ptrace/ptrace.h"

#include <dirent.h>
#include <doctest/doctest.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "test/unit/platform/guest_code.h"

using namespace sbx;
using namespace sbx::platform;

namespace {

// One space with the test program and one context in it.
struct Machine {
    GuestMemory memory;
    std::unique_ptr<Platform> platform;
    Ref<AddressSpace> space;
    std::unique_ptr<Context> context;

    Machine() {
        auto p = ptrace::type().create();
        REQUIRE(p);
        platform = std::move(*p);
        space = *platform->create_address_space();
        memory.map_into(*space);
        context = *space->create_context();
        REQUIRE(space->flush());
    }
    ~Machine() {
        context.reset();
        space.reset();
    }
    Trap run(Registers& r) { return context->run(r); }
};

bool is_syscall(const Trap& t) { return std::holds_alternative<SyscallTrap>(t); }
const FaultTrap* fault(const Trap& t) { return std::get_if<FaultTrap>(&t); }

// Children of this process, zombies too, by the host's /proc.
int count_children() {
    int n = 0;
    DIR* d = opendir("/proc");
    while (dirent* e = readdir(d)) {
        std::string path = std::string("/proc/") + e->d_name + "/stat";
        FILE* f = fopen(path.c_str(), "r");
        if (!f) continue;
        int pid = 0, ppid = 0;
        char name[64], state = 0;
        if (fscanf(f, "%d (%63[^)]) %c %d", &pid, name, &state, &ppid) == 4 && ppid == getpid()) n++;
        fclose(f);
    }
    closedir(d);
    return n;
}

// The processes that this one started, whatever their numbers: they wrap around, and other programs' lie between.
std::vector<int> children() {
    std::vector<int> pids;
    DIR* d = opendir("/proc");
    while (dirent* e = d ? readdir(d) : nullptr) {
        FILE* f = fopen(("/proc/" + std::string(e->d_name) + "/stat").c_str(), "r");
        if (!f) continue;
        int pid = 0, ppid = 0;
        char name[64], state = 0;
        if (fscanf(f, "%d (%63[^)]) %c %d", &pid, name, &state, &ppid) == 4 && ppid == getpid()) pids.push_back(pid);
        fclose(f);
    }
    if (d) closedir(d);
    return pids;
}

// Whether that process has the test program mapped and a thread that runs.
bool runs_guest_code(int pid) {
    std::string dir = "/proc/" + std::to_string(pid);
    FILE* f = fopen((dir + "/maps").c_str(), "r");
    if (!f) return false;
    char line[256];
    bool mapped = false, running = false;
    while (fgets(line, sizeof line, f)) mapped |= strstr(line, "00400000-00401000") != nullptr;
    fclose(f);
    DIR* d = mapped ? opendir((dir + "/task").c_str()) : nullptr;
    while (dirent* e = d ? readdir(d) : nullptr) {
        FILE* t = fopen((dir + "/task/" + e->d_name + "/stat").c_str(), "r");
        if (!t) continue;
        int tid = 0;
        char name[64], state = 0;
        if (fscanf(t, "%d (%63[^)]) %c", &tid, name, &state) == 3) running |= state == 'R';
        fclose(t);
    }
    if (d) closedir(d);
    return mapped && running;
}

int count_in(const char* path) {
    int n = 0;
    DIR* d = opendir(path);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

}  // namespace

TEST_CASE("ptrace: system calls reach the sentry and return") {
    Machine m;
    Registers r = guest_regs(guest_getpid_loop);
    r.rdi = 0x1111;
    for (u64 i = 0; i < 3; i++) {
        REQUIRE(is_syscall(m.run(r)));
        CHECK(r.orig_rax == 39);
        CHECK(r.rax == static_cast<u64>(-ENOSYS));
        CHECK(r.rdi == 0x1111);
        CHECK(r.rcx == r.rip);
        CHECK(r.rbx == i);
        r.rax = 7;
    }
    // A value that means "restart" to the host kernel is just a value.
    r.rax = static_cast<u64>(-512);
    u64 rip = r.rip;
    REQUIRE(is_syscall(m.run(r)));
    CHECK(r.rip == rip);
    CHECK(r.rbx == 3);
}

TEST_CASE("ptrace: faults") {
    Machine m;
    SUBCASE("read of an unmapped page") {
        Registers r = guest_regs(guest_read_rdi);
        r.rdi = 0x700008;
        Trap t = m.run(r);
        REQUIRE(fault(t));
        CHECK(fault(t)->info.si_signo == SIGSEGV);
        CHECK(fault(t)->info.si_code == SEGV_MAPERR);
        CHECK(fault(t)->info.si_addr == reinterpret_cast<void*>(0x700008));
        CHECK(fault(t)->trap_no == 14);
        CHECK(r.rip == guest_at(guest_read_rdi));
        m.space->map({0x700000, 0x701000}, m.memory.fd.get(), kPageSize, kProtRead, true);
        REQUIRE(m.space->flush());
        m.memory.bytes[kPageSize + 8] = 0x5a;
        CHECK(is_syscall(m.run(r)));
    }
    SUBCASE("write to a read-only page") {
        Registers r = guest_regs(guest_write_rdi);
        r.rdi = kGuestCode;
        Trap t = m.run(r);
        REQUIRE(fault(t));
        CHECK(fault(t)->info.si_code == SEGV_ACCERR);
        m.space->protect({kGuestCode, kGuestCode + kPageSize}, kProtRead | kProtWrite | kProtExec);
        REQUIRE(m.space->flush());
        r.rsi = 0;
        r.rdi = kGuestCode + 4000;
        CHECK(is_syscall(m.run(r)));
    }
    SUBCASE("execution of a page without that right") {
        Registers r = guest_regs(guest_jump_rdi);
        r.rdi = kGuestData;
        Trap t = m.run(r);
        REQUIRE(fault(t));
        CHECK(fault(t)->info.si_code == SEGV_ACCERR);
        CHECK(fault(t)->error_code == 20);
        CHECK(r.rip == kGuestData);
    }
    SUBCASE("beyond the end of the file") {
        m.space->map({0x800000, 0x801000}, m.memory.fd.get(), GuestMemory::kSize, kProtRead, false);
        REQUIRE(m.space->flush());
        Registers r = guest_regs(guest_read_rdi);
        r.rdi = 0x800000;
        Trap t = m.run(r);
        REQUIRE(fault(t));
        CHECK(fault(t)->info.si_signo == SIGBUS);
    }
    SUBCASE("instructions") {
        struct {
            const char* label;
            int sig, code;
            u64 vector;
        } const cases[] = {{guest_int3, SIGTRAP, SI_KERNEL, 3},
                           {guest_ud2, SIGILL, ILL_ILLOPN, 6},
                           {guest_div0, SIGFPE, FPE_INTDIV, 0},
                           {guest_hlt, SIGSEGV, SI_KERNEL, 13}};
        for (auto& c : cases) {
            Registers r = guest_regs(c.label);
            Trap t = m.run(r);
            REQUIRE(fault(t));
            CHECK(fault(t)->info.si_signo == c.sig);
            CHECK(fault(t)->info.si_code == c.code);
            CHECK(fault(t)->trap_no == c.vector);
        }
    }
    SUBCASE("single steps") {
        Registers r = guest_regs(guest_step);
        Trap t = m.run(r);
        REQUIRE(fault(t));
        CHECK(fault(t)->info.si_signo == SIGTRAP);
        CHECK(fault(t)->trap_no == 1);
        CHECK((r.eflags & 0x100) != 0);
        u64 rip = r.rip;
        t = m.run(r);
        REQUIRE(fault(t));
        CHECK(r.rip == rip + 1);
    }
}

TEST_CASE("ptrace: 32-bit entries are refused") {
    Machine m;
    for (const char* label : {guest_int80, guest_far32}) {
        Registers r = guest_regs(label);
        Trap t;
        if (label == guest_far32) {
            std::thread other([&] {
                usleep(20000);
                m.context->interrupt();
            });
            t = m.run(r);
            other.join();
        } else {
            t = m.run(r);
        }
        REQUIRE(fault(t));
        CHECK(fault(t)->info.si_signo == SIGSEGV);
    }
    Registers r = guest_regs(guest_getpid_loop);
    r.cs = 0x23;
    CHECK(is_syscall(m.run(r)));
    CHECK(r.cs == 0x33);
}

TEST_CASE("ptrace: calls of the vsyscall page reach the sentry") {
    Machine m;
    Registers r = guest_regs(guest_vsyscall_time);
    Trap t = m.run(r);
    if (is_syscall(t)) {
        CHECK(r.orig_rax == SYS_time);
        CHECK(r.rip == guest_at(guest_wrfsbase) - 1);
        CHECK(r.rsp == kGuestStackTop);
    } else {
        REQUIRE(fault(t));  // a host with vsyscall=none
        CHECK(fault(t)->info.si_signo == SIGSEGV);
    }
}

TEST_CASE("ptrace: odd registers do not hurt") {
    Machine m;
    Registers r = guest_regs(guest_getpid_loop);
    r.eflags = ~0ull;
    r.eflags &= ~0x100ull;
    r.cs = r.ss = r.ds = r.es = r.fs = r.gs = ~0ull;
    CHECK(is_syscall(m.run(r)));
    r = guest_regs(guest_getpid_loop);
    r.fs_base = r.gs_base = ~0ull;
    r.rbx = 5;
    CHECK(is_syscall(m.run(r)));
    CHECK(r.rbx == 5);
    r = guest_regs(guest_getpid_loop);
    r.rip = 0x8000000000000000;
    Trap t = m.run(r);
    REQUIRE(fault(t));
    CHECK(fault(t)->info.si_signo == SIGSEGV);
    r = guest_regs(guest_wrfsbase);
    t = m.run(r);
    if (is_syscall(t)) {
        r.rax = 0;
        CHECK(is_syscall(m.run(r)));
    }
}

TEST_CASE("ptrace: stub pages give an application nothing") {
    Machine m;
    Range top = m.platform->user_range();
    // The code page: its syscall instructions are the application's own.
    Registers r = guest_regs(guest_jump_rdi);
    for (u64 at = 0; at < 0x60; at++) {
        r = guest_regs(guest_jump_rdi);
        r.rdi = top.end + 0x10000 + at;
        r.rax = SYS_mmap;
        r.rbx = kGuestData;
        r.r12 = 1;
        Trap t = m.run(r);
        CHECK((is_syscall(t) || fault(t)));
    }
    r = guest_regs(guest_write_rdi);
    for (u64 page : {top.end + 0x10000, top.end + 0x20000}) {
        r.rip = guest_at(guest_write_rdi);
        r.rdi = page;
        Trap t = m.run(r);
        CHECK(fault(t));
    }
}

TEST_CASE("ptrace: the host's vDSO reads clocks in the application") {
    Machine m;
    HostVdso host = m.platform->host_vdso();
    if (host.clock_gettime == 0) return;
    CHECK(host.clock_gettime >= m.platform->user_range().end);
    auto call = [&](u64 function, u64 a, u64 b) {
        Registers r = guest_regs(guest_getpid_loop);
        r.rip = function;
        r.rdi = a;
        r.rsi = b;
        r.rdx = 0;
        r.rsp = kGuestStackTop - 8;  // returns to a program that asks for its number
        u64 back = guest_at(guest_getpid_loop);
        memcpy(m.memory.bytes + 2 * kPageSize - 8, &back, sizeof back);
        REQUIRE(is_syscall(m.run(r)));
        return r;
    };
    timespec before{}, now{}, after{};
    clock_gettime(CLOCK_MONOTONIC, &before);
    Registers r = call(host.clock_gettime, CLOCK_MONOTONIC, kGuestData);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK(r.orig_rax == SYS_getpid);
    memcpy(&now, m.memory.bytes + kPageSize, sizeof now);
    auto nanos = [](timespec t) { return t.tv_sec * 1'000'000'000 + t.tv_nsec; };
    CHECK(nanos(before) <= nanos(now));
    CHECK(nanos(now) <= nanos(after));
    // What it does not know it asks of the kernel, which here is the sentry.
    r = call(host.clock_gettime, CLOCK_THREAD_CPUTIME_ID, kGuestData);
    CHECK(r.orig_rax == SYS_clock_gettime);
    CHECK(r.rdi == CLOCK_THREAD_CPUTIME_ID);
    CHECK(r.rsi == kGuestData);
    CHECK(r.rip >= m.platform->user_range().end);
    if (host.getcpu != 0) {
        r = call(host.getcpu, kGuestData, 0);
        CHECK(r.orig_rax == SYS_getpid);
    }
    // Code and data of it are not to be written, nor mapped over.
    for (u64 at : {page_down(host.clock_gettime), page_down(host.clock_gettime) - 0x4000}) {
        r = guest_regs(guest_write_rdi);
        r.rdi = at;
        Trap t = m.run(r);
        CHECK(fault(t));
    }
}

TEST_CASE("ptrace: barriers reach application threads") {
    Machine m;
    long known = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    CHECK(m.platform->barrier().has_value() == (known > 0 && (known & MEMBARRIER_CMD_GLOBAL_EXPEDITED)));
}

TEST_CASE("ptrace: interrupt") {
    Machine m;
    Registers r = guest_regs(guest_spin);
    m.context->interrupt();
    CHECK(std::holds_alternative<InterruptedTrap>(m.run(r)));
    for (int i = 0; i < 20; i++) {
        std::thread other([&] {
            usleep(500);
            m.context->interrupt();
        });
        CHECK(std::holds_alternative<InterruptedTrap>(m.run(r)));
        CHECK(r.rip >= guest_at(guest_spin));
        CHECK(r.orig_rax == ~0ull);
        other.join();
    }
    // Interrupts that meet system calls are reported once each, and no call is lost.
    r = guest_regs(guest_getpid_loop);
    std::atomic<bool> stop{false};
    std::thread other([&] {
        while (!stop) {
            m.context->interrupt();
            usleep(50);
        }
    });
    u64 calls = 0;
    while (calls < 2000) {
        Trap t = m.run(r);
        if (is_syscall(t)) {
            CHECK(r.rbx == calls);
            calls++;
        } else {
            REQUIRE(std::holds_alternative<InterruptedTrap>(t));
        }
    }
    stop = true;
    other.join();
}

TEST_CASE("ptrace: FP state") {
    Machine m;
    Registers r = guest_regs(guest_fill_xmm);
    r.rdi = 0x123456789abcdef0;
    FpState& fresh = m.context->fp();
    REQUIRE(fresh.data.size() == xsave_size());
    u32 mxcsr = 0;
    memcpy(&mxcsr, fresh.data.data() + 24, 4);
    CHECK(mxcsr == 0x1f80);
    for (size_t i = 32; i < 416; i++) REQUIRE(fresh.data[i] == 0);
    REQUIRE(is_syscall(m.run(r)));
    // A mapping change runs our code in the same thread.
    m.space->map({0x700000, 0x701000}, m.memory.fd.get(), 0, kProtRead, false);
    REQUIRE(m.space->flush());
    u64 value = 0;
    FpState& fp = m.context->fp();
    memcpy(&value, fp.data.data() + 160 + 7 * 16, 8);
    CHECK(value == 0x123456789abcdef0);
    SUBCASE("kept") {
        REQUIRE(is_syscall(m.run(r)));
        CHECK(r.rbx == 0x123456789abcdef0);
    }
    SUBCASE("changed") {
        value = 42;
        memcpy(fp.data.data() + 160 + 7 * 16, &value, 8);
        m.context->fp_changed();
        REQUIRE(is_syscall(m.run(r)));
        CHECK(r.rbx == 42);
    }
    SUBCASE("changed to what the processor refuses") {
        memset(fp.data.data() + 512, 0xff, 64);
        memset(fp.data.data() + 24, 0xff, 4);
        value = 42;
        memcpy(fp.data.data() + 160 + 7 * 16, &value, 8);
        m.context->fp_changed();
        REQUIRE(is_syscall(m.run(r)));
        CHECK(r.rbx == 42);
    }
}

TEST_CASE("ptrace: a second space, and moving to it") {
    Machine m;
    GuestMemory other_memory;
    auto other = *m.platform->create_address_space();
    other_memory.map_into(*other);
    REQUIRE(other->flush());  // no context of this thread in it: through the mapper
    Registers r = guest_regs(guest_fill_xmm);
    r.rdi = 77;
    REQUIRE(is_syscall(m.run(r)));
    auto second = *other->create_context();
    Registers r2 = guest_regs(guest_write_rdi);
    r2.rdi = kGuestData;
    r2.rsi = 0xfeed;
    CHECK(is_syscall(second->run(r2)));
    CHECK(other_memory.bytes[kPageSize] == 0xed);
    CHECK(m.memory.bytes[kPageSize] == 0);
    second.reset();
    REQUIRE(m.context->switch_to(*other));
    r = guest_regs(guest_getpid_loop);
    CHECK(is_syscall(m.run(r)));
    for (size_t i = 160; i < 416; i++) REQUIRE(m.context->fp().data[i] == 0);  // nothing of the old program shows
    m.space = other;
}

TEST_CASE("ptrace: unmapping is seen by all threads") {
    Machine m;
    std::atomic<int> stage{0};
    std::thread other([&] {
        auto c = *m.space->create_context();
        Registers r = guest_regs(guest_read_rdi);
        r.rdi = kGuestData;
        CHECK(is_syscall(c->run(r)));
        stage = 1;
        while (stage == 1) usleep(100);
        r = guest_regs(guest_read_rdi);
        r.rdi = kGuestData;
        Trap t = c->run(r);
        CHECK(fault(t));
        stage = 3;
    });
    while (stage == 0) usleep(100);
    m.space->unmap({kGuestData, kGuestData + kPageSize});
    REQUIRE(m.space->flush());
    stage = 2;
    other.join();
}

TEST_CASE("ptrace: batches, failures, holes") {
    Machine m;
    for (u64 i = 0; i < 200; i++)
        m.space->map({0x1000000 + i * 2 * kPageSize, 0x1000000 + (i * 2 + 1) * kPageSize}, m.memory.fd.get(),
                     i * kPageSize, kProtRead, false);
    REQUIRE(m.space->flush());
    Registers r = guest_regs(guest_read_rdi);
    r.rdi = 0x1000000 + 199 * 2 * kPageSize;
    CHECK(is_syscall(m.run(r)));
    // A change of protection over holes takes the pages away at least.
    m.space->protect({0x1000000, 0x1000000 + 400 * kPageSize}, kProtNone);
    REQUIRE(m.space->flush());
    for (u64 i : {0, 100, 199}) {
        r = guest_regs(guest_read_rdi);
        r.rdi = 0x1000000 + i * 2 * kPageSize;
        CHECK(fault(m.run(r)));
    }
    m.space->map({0x2000000, 0x2001000}, 999, 0, kProtRead, false);
    auto f = m.space->flush();
    REQUIRE(!f);
    CHECK(f.error() == EBADF);
    r = guest_regs(guest_getpid_loop);
    CHECK(is_syscall(m.run(r)));
}

TEST_CASE("ptrace: 500 spaces leave nothing behind") {
    Machine m;
    int fds = 0, children = 0, threads = 0;
    for (int i = 0; i < 500; i++) {
        if (i == 20) {
            fds = count_in("/proc/self/fd");
            children = count_children();
            threads = count_in("/proc/self/task");
        }
        auto s = *m.platform->create_address_space();
        m.memory.map_into(*s);
        auto c = *s->create_context();
        REQUIRE(s->flush());
        Registers r = guest_regs(guest_getpid_loop);
        REQUIRE(is_syscall(c->run(r)));
    }
    for (int i = 0; i < 500 && count_children() > children; i++) usleep(1000);
    CHECK(count_in("/proc/self/fd") <= fds);
    CHECK(count_in("/proc/self/task") <= threads);
    CHECK(count_children() <= children);
}

TEST_CASE("ptrace: many threads come and go in a space") {
    Machine m;
    for (int i = 0; i < 200; i++) {
        std::unique_ptr<Context> c[3];
        for (auto& p : c) {
            p = *m.space->create_context();
            Registers r = guest_regs(guest_getpid_loop);
            REQUIRE(is_syscall(p->run(r)));
        }
    }
    Registers r = guest_regs(guest_getpid_loop);
    CHECK(is_syscall(m.run(r)));
}

TEST_CASE("ptrace: a killed stub is reported, and the rest goes on") {
    Machine m;
    auto s = *m.platform->create_address_space();
    m.memory.map_into(*s);
    auto c = *s->create_context();
    REQUIRE(s->flush());
    Registers r = guest_regs(guest_write_rdi);
    r.rdi = kGuestData;
    REQUIRE(is_syscall(c->run(r)));
    std::thread killer([] {
        usleep(20000);
        for (int pid : children())
            if (runs_guest_code(pid)) kill(pid, SIGKILL);
    });
    r = guest_regs(guest_spin);
    Trap t = c->run(r);
    killer.join();
    REQUIRE(std::holds_alternative<SpaceLostTrap>(t));
    CHECK(std::get<SpaceLostTrap>(t).error == 0);
    CHECK(std::holds_alternative<SpaceLostTrap>(c->run(r)));
    s->map({0x700000, 0x701000}, m.memory.fd.get(), 0, kProtRead, false);
    auto f = s->flush();
    REQUIRE(!f);
    CHECK(f.error() == ESRCH);
    r = guest_regs(guest_getpid_loop);
    CHECK(is_syscall(m.run(r)));
}

TEST_CASE("ptrace: no stub survives a killed sentry") {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    pid_t sentry = fork();
    if (sentry == 0) {
        close(ends[0]);
        Machine m;
        auto s = *m.platform->create_address_space();
        m.memory.map_into(*s);
        auto c = *s->create_context();
        REQUIRE(s->flush());
        (void)!write(ends[1], "x", 1);
        Registers r = guest_regs(guest_spin);
        c->run(r);
        _exit(1);
    }
    close(ends[1]);
    char byte;
    REQUIRE(read(ends[0], &byte, 1) == 1);
    usleep(20000);
    kill(sentry, SIGKILL);
    waitpid(sentry, nullptr, 0);
    // Stubs share the sentry's descriptors: the pipe ends when the last of them is gone.
    alarm(10);
    CHECK(read(ends[0], &byte, 1) == 0);
    alarm(0);
    close(ends[0]);
}

TEST_CASE("ptrace: a group signal from outside changes nothing") {
    Machine m;
    Registers r = guest_regs(guest_getpid_loop);
    std::atomic<bool> stop{false};
    std::thread other([&] {
        while (!stop) {
            for (int pid : children())
                for (int sig : {SIGINT, SIGTERM, SIGUSR1, SIGTSTP, SIGCONT, SIGSTOP, SIGCONT}) kill(pid, sig);
            usleep(1000);
        }
    });
    for (u64 i = 0; i < 5000; i++) {
        Trap t = m.run(r);
        REQUIRE(is_syscall(t));
        REQUIRE(r.rbx == i);
    }
    stop = true;
    other.join();
}

TEST_CASE("ptrace: the probe finds it works") { CHECK(ptrace::type().probe().works); }
