// Saving and loading of System V IPC, POSIX message queues, asynchronous I/O and seccomp filters.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "src/kernel/seccomp.h"
#include "src/kernel/sem_undo.h"
#include "test/unit/state/sandbox.h"

using namespace sbx;
using namespace sbx::test;

namespace {

struct Text {
    long type;
    char text[24];
};
long send(Sandbox& s, long id, long type, std::string_view text) {
    Text m{type, {}};
    text.copy(m.text, sizeof m.text);
    return s.call(SYS_msgsnd, id, s.put(m), text.size(), IPC_NOWAIT);
}
std::string receive(Sandbox& s, long id, long type) {
    u64 at = s.put(Text{});
    long n = s.call(SYS_msgrcv, id, at, sizeof(Text::text), type, IPC_NOWAIT);
    return n < 0 ? std::string("!") + errno_name(static_cast<int>(-n)) : s.text(at + 8, static_cast<size_t>(n));
}

long operate(Sandbox& s, long id, u16 num, i16 op, i16 flags) {
    sembuf b{num, op, flags};
    return s.call(SYS_semop, id, s.put(b), 1);
}
long value(Sandbox& s, long id, int num) { return s.call(SYS_semctl, id, num, 12 /* GETVAL */, 0); }

}  // namespace

TEST_CASE("state: System V message queues") {
    Sandbox a;
    long id = a.call(SYS_msgget, 77, IPC_CREAT | 0600);
    REQUIRE(id >= 0);
    REQUIRE(send(a, id, 2, "second") == 0);
    REQUIRE(send(a, id, 1, "first") == 0);
    REQUIRE(send(a, id, 2, "third") == 0);
    Sandbox b = Sandbox::load(a.save());
    CHECK(b.call(SYS_msgget, 77, 0) == id);
    CHECK(receive(b, id, -2) == "first");
    CHECK(receive(b, id, 0) == "second");
    CHECK(send(b, id, 5, "fourth") == 0);
    CHECK(receive(b, id, 0) == "third");
    CHECK(receive(b, id, 5) == "fourth");
    CHECK(receive(b, id, 0) == "!ENOMSG");
    CHECK(b.call(SYS_msgctl, id, IPC_RMID, 0) == 0);
    CHECK(b.call(SYS_msgget, 77, 0) == -ENOENT);
    CHECK(receive(a, id, 0) == "second");
}

TEST_CASE("state: semaphores that exit gives back") {
    Sandbox a;
    long id = a.call(SYS_semget, 78, 2, IPC_CREAT | 0600);
    REQUIRE(id >= 0);
    REQUIRE(operate(a, id, 0, 5, 0) == 0);
    REQUIRE(operate(a, id, 0, -3, SEM_UNDO) == 0);
    REQUIRE(operate(a, id, 1, 4, SEM_UNDO) == 0);
    Sandbox b = Sandbox::load(a.save());
    CHECK(b.call(SYS_semget, 78, 2, 0) == id);
    CHECK(value(b, id, 0) == 2);
    CHECK(b.call(SYS_semctl, id, 0, 11 /* GETPID */, 0) == b.task().tid());
    CHECK(operate(b, id, 0, -3, IPC_NOWAIT) == -EAGAIN);
    // What was done before and what is done since are one.
    CHECK(operate(b, id, 1, -1, SEM_UNDO) == 0);
    undo_semaphores(b.task());
    CHECK(value(b, id, 0) == 5);
    CHECK(value(b, id, 1) == 0);
    CHECK(value(a, id, 0) == 2);
}

TEST_CASE("state: System V shared memory, attached, removed and not") {
    Sandbox a;
    long kept = a.call(SYS_shmget, 79, 8192, IPC_CREAT | 0600), gone = a.call(SYS_shmget, IPC_PRIVATE, 5000, 0600);
    long at_kept = a.call(SYS_shmat, kept, 0, 0), at_gone = a.call(SYS_shmat, gone, 0, 0);
    REQUIRE(at_kept > 0);
    REQUIRE(at_gone > 0);
    REQUIRE(a.call(SYS_shmctl, gone, IPC_RMID, 0) == 0);
    u64 x = 0x1111, y = 0x2222;
    REQUIRE(a.task().mm().copy_out(static_cast<u64>(at_kept), &x, sizeof x));
    REQUIRE(a.task().mm().copy_out(static_cast<u64>(at_gone), &y, sizeof y));
    Sandbox b = Sandbox::load(a.save());
    CHECK(b.get<u64>(static_cast<u64>(at_kept)) == x);
    CHECK(b.get<u64>(static_cast<u64>(at_gone)) == y);
    CHECK(b.call(SYS_shmget, 79, 8192, 0) == kept);
    u64 ds = b.put(shmid_ds{});
    CHECK(b.call(SYS_shmctl, kept, IPC_STAT, ds) == 0);
    CHECK(b.get<u64>(ds + 88) == 1);  // shm_nattch
    long again = b.call(SYS_shmat, kept, 0, SHM_RDONLY);
    REQUIRE(again > 0);
    CHECK(b.get<u64>(static_cast<u64>(again)) == x);
    CHECK(b.call(SYS_shmctl, kept, IPC_STAT, ds) == 0);
    CHECK(b.get<u64>(ds + 88) == 2);
    CHECK(b.call(SYS_shmctl, gone, IPC_STAT, ds) == 0);
    CHECK(b.call(SYS_shmdt, at_gone) == 0);
    CHECK(b.call(SYS_shmctl, gone, IPC_STAT, ds) == -EINVAL);
    CHECK(b.call(SYS_shmdt, at_kept) == 0);
    CHECK(b.get<u64>(static_cast<u64>(again)) == x);
}

TEST_CASE("state: POSIX message queues with messages and who wants to hear of them") {
    Sandbox a;
    struct {
        i64 flags, most, size, count, reserved[4];
    } attr{0, 3, 16, 0, {}}, now{};
    long q = a.call(SYS_mq_open, a.put("q"), O_CREAT | O_RDWR | O_NONBLOCK, 0600, a.put(attr));
    long gone = a.call(SYS_mq_open, a.put("gone"), O_CREAT | O_RDWR | O_NONBLOCK, 0600, a.put(attr));
    REQUIRE(q >= 0);
    REQUIRE(a.call(SYS_mq_unlink, a.put("gone")) == 0);
    REQUIRE(a.call(SYS_mq_timedsend, q, a.put("low"), 3, 1, 0) == 0);
    REQUIRE(a.call(SYS_mq_timedsend, q, a.put("high"), 4, 9, 0) == 0);
    SigSet mask{1ull << (SIGUSR1 - 1)};
    REQUIRE(a.call(SYS_rt_sigprocmask, SIG_BLOCK, a.put(mask), 0, 8) == 0);
    sigevent e{};
    e.sigev_notify = SIGEV_SIGNAL;
    e.sigev_signo = SIGUSR1;
    REQUIRE(a.call(SYS_mq_notify, gone, a.put(e)) == 0);
    Sandbox b = Sandbox::load(a.save());
    u64 at = b.put(now), text = b.put(std::string(16, 0).data(), 16), priority = b.put(0);
    CHECK(b.call(SYS_mq_getsetattr, q, 0, at) == 0);
    CHECK(b.get<i64>(at + 8) == 3);
    CHECK(b.get<i64>(at + 24) == 2);
    long other = b.call(SYS_mq_open, b.put("q"), O_RDWR | O_NONBLOCK, 0, 0);
    REQUIRE(other >= 0);
    CHECK(b.call(SYS_mq_open, b.put("gone"), O_RDWR, 0, 0) == -ENOENT);
    CHECK(b.call(SYS_mq_timedsend, other, text, 16, 5, 0) == 0);
    CHECK(b.call(SYS_mq_timedsend, other, text, 16, 5, 0) == -EAGAIN);
    CHECK(b.call(SYS_mq_timedreceive, q, text, 16, priority, 0) == 4);
    CHECK(b.text(text, 4) == "high");
    CHECK(b.get<u32>(priority) == 9);
    CHECK(b.call(SYS_mq_timedreceive, q, text, 16, priority, 0) == 16);
    CHECK(b.call(SYS_mq_timedreceive, q, text, 16, priority, 0) == 3);
    CHECK(b.text(text, 3) == "low");
    CHECK(b.call(SYS_mq_timedreceive, q, text, 16, priority, 0) == -EAGAIN);
    CHECK(b.call(SYS_mq_notify, gone, b.put(e)) == -EBUSY);
    CHECK(b.call(SYS_mq_timedsend, gone, text, 1, 0, 0) == 0);
    u64 pending = b.put(u64{0});
    CHECK(b.call(SYS_rt_sigpending, pending, 8) == 0);
    CHECK(b.get<u64>(pending) == mask.bits);
}

TEST_CASE("state: asynchronous requests whose events nobody took") {
    Sandbox a;
    long fd = a.call(SYS_open, a.put("/f"), O_CREAT | O_RDWR, 0600);
    u64 at = a.put(u64{0});
    REQUIRE(a.call(SYS_io_setup, 2, at) == 0);
    u64 id = a.get<u64>(at);
    iocb cb{};
    cb.aio_data = 1234;
    cb.aio_lio_opcode = IOCB_CMD_PWRITE;
    cb.aio_fildes = static_cast<u32>(fd);
    cb.aio_buf = a.put("written");
    cb.aio_nbytes = 7;
    u64 request = a.put(cb), list = a.put(request);
    REQUIRE(a.call(SYS_io_submit, id, 1, list) == 1);
    Sandbox b = Sandbox::load(a.save());
    CHECK(b.call(SYS_io_submit, id, 1, list) == 1);
    CHECK(b.call(SYS_io_submit, id, 1, list) == -EAGAIN);
    io_event none[3] = {};
    u64 events = b.put(none);
    CHECK(b.call(SYS_io_getevents, id, 2, 3, events, 0) == 2);
    CHECK(b.get<io_event>(events).data == 1234);
    CHECK(b.get<io_event>(events).obj == request);
    CHECK(b.get<io_event>(events).res == 7);
    CHECK(b.read(fd) == "written");
    CHECK(b.call(SYS_io_destroy, id) == 0);
    CHECK(b.call(SYS_io_destroy, id) == -EINVAL);
}

TEST_CASE("state: seccomp filters") {
    Sandbox a;
    sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTTY),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    REQUIRE(seccomp_add_filter(a.task(), std::vector<sock_filter>(std::begin(code), std::end(code)), false));
    std::string bytes = a.save();
    Sandbox b = Sandbox::load(bytes);
    CHECK(seccomp_mode(b.task()) == SECCOMP_MODE_FILTER);
    CHECK(seccomp_filter_count(b.task()) == 1);
    b.task().regs.orig_rax = SYS_getuid;
    CHECK(!seccomp_entry(b.task(), false));
    b.task().regs.orig_rax = SYS_getpid;
    CHECK(seccomp_entry(b.task(), false));
    CHECK(static_cast<i64>(b.task().regs.rax) == -ENOTTY);
    // A jump beyond the program's end.
    size_t at = bytes.find(std::string(reinterpret_cast<const char*>(&code[1]), sizeof code[1]));
    REQUIRE(at != std::string::npos);
    bytes[at + 3] = 100;
    CHECK(Sandbox::why_not(bytes).find("seccomp filter") != std::string::npos);
}

TEST_CASE("state: damaged semaphores and message queues are an error") {
    Sandbox a;
    long id = a.call(SYS_semget, IPC_PRIVATE, 2, 0600);
    REQUIRE(operate(a, id, 1, 0x1234, SEM_UNDO) == 0);
    struct {
        i64 flags, most, size, count, reserved[4];
    } attr{0, 3, 16, 0, {}};
    long q = a.call(SYS_mq_open, a.put("q"), O_CREAT | O_RDWR, 0600, a.put(attr));
    REQUIRE(a.call(SYS_mq_timedsend, q, a.put("a message"), 9, 0, 0) == 0);
    REQUIRE(a.call(SYS_mq_unlink, a.put("q")) == 0);
    std::string bytes = a.save();
    CHECK(Sandbox::why_not(bytes) == "");
    // The number of the semaphore that is to be undone stands before by how much.
    int undo = -0x1234;
    size_t at = bytes.find(std::string(reinterpret_cast<char*>(&undo), sizeof undo));
    REQUIRE(at != std::string::npos);
    std::string damaged = bytes;
    damaged[at - 1] = 7;
    CHECK(Sandbox::why_not(damaged).find("belongs to no semaphore") != std::string::npos);
    for (std::string_view what :
         {std::string_view(reinterpret_cast<char*>(&undo), sizeof undo), std::string_view("a message")}) {
        at = bytes.find(what);
        REQUIRE(at != std::string::npos);
        for (size_t i = at - 40; i < at + 40; i += 3) {
            damaged = bytes;
            damaged[i] = static_cast<char>(damaged[i] ^ 1 << i % 7);
            (void)Sandbox::why_not(damaged);
        }
    }
}
