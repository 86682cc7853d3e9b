// host-calls: watches the host calls of sbx for the tests of this directory.
//   host-calls census STATE PROG ARGS... notes which rows of the sentry's filter PROG uses; STATE has a byte a row
//   host-calls fail WHO NAME ERRNO N[+] COUNT PROG ARGS...
//                                        the Nth call of NAME (with +: and all after it) fails with ERRNO, or for HALF moves half of the bytes that
//                                        it was asked to; WHO makes it: sentry, stub or
//                                        all. The file COUNT gets the number of such calls, eight bytes of it.
//   host-calls unused STATE              says which rows nothing has used; status 1 if one has no reason to be rare
//   host-calls names                     the calls that have rows
// A copy of it that stands beside a file NAME.census, of two lines STATE and PROG, is in place of PROG: a script would change the environment.
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <set>
#include <string>
#include <vector>

#include "src/base/result.h"
#include "src/host/filter_rows.h"
#include "test/host/shorten.h"
#include "test/host/watched.h"

namespace sbx::test {
namespace {

using host::ArgBound;
using host::FilterRow;

std::string call_name(int nr) {
    char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, nr);
    std::string s = name ? name : std::to_string(nr);
    free(name);
    return s;
}

bool within(const ArgBound& b, u64 arg) {
    switch (b.op) {
    case ArgBound::Equal: return arg == b.value;
    case ArgBound::MaskedEqual: return (arg & b.mask) == b.value;
    case ArgBound::Less: return arg < b.value;
    case ArgBound::None: break;
    }
    return true;
}

bool matches(const FilterRow& row, const seccomp_data& call) {
    if (row.nr != call.nr) return false;
    for (const ArgBound& b : row.bounds)
        if (!within(b, call.args[b.index])) return false;
    return true;
}

// The same as far as equality goes, for the Picker.
std::vector<Picker::Bound> equalities(const FilterRow& row) {
    std::vector<Picker::Bound> bounds;
    for (const ArgBound& b : row.bounds)
        if (b.op == ArgBound::Equal || b.op == ArgBound::MaskedEqual)
            bounds.push_back({b.index, static_cast<unsigned>(b.mask), static_cast<unsigned>(b.value)});
    return bounds;
}

// A file of n bytes that all watchers of one test share.
void* open_shared(const char* path, size_t n) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return nullptr;
    void* p = ftruncate(fd, static_cast<off_t>(n)) == 0 ? mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                                                        : MAP_FAILED;
    close(fd);
    return p == MAP_FAILED ? nullptr : p;
}

u8* open_state(const char* path) { return static_cast<u8*>(open_shared(path, host::filter_rows().size())); }

struct Census : Judge {
    explicit Census(u8* s) : seen(s) {}
    int judge(const seccomp_data& call, bool sentry) override {
        if (!sentry) return 0;
        // What sbx does before its filter is there needs no row.
        if (call.nr == SYS_seccomp) filtered |= call.args[0] == SECCOMP_SET_MODE_FILTER && call.args[2] != 0;
        if (!filtered) return 0;
        auto rows = host::filter_rows();
        for (size_t i = 0; i < rows.size(); i++)
            if (matches(rows[i], call)) seen[i] = 1;
        return 0;
    }
    u8* seen;
    bool filtered = false;
};

int census(char** argv) {
    u8* seen = open_state(argv[0]);
    if (!seen) {
        // Another user's run: nothing can be noted.
        execv(argv[1], argv + 1);
        perror(argv[1]);
        return 127;
    }
    Picker picker;
    picker.pick(SYS_seccomp);
    auto rows = host::filter_rows();
    for (size_t i = 0; i < rows.size(); i++)
        if (!seen[i]) picker.pick(rows[i].nr, equalities(rows[i]));
    Census notes(seen);
    return exec_watched(picker, notes, argv + 1);
}

struct Failing : Judge {
    enum class Who { Sentry, Stub, All } who = Who::All;
    int error = 0;
    u64 first = 1;
    bool all_after = false;
    u64* count = nullptr;
    bool armed = false;
    int nr = 0;
    int judge(const seccomp_data& call, bool sentry) override {
        // What libc does before main() is not ours to answer for; main() begins with this call.
        if (call.nr == SYS_fcntl) armed = true;
        if (!armed || call.nr != nr) return 0;
        // A wake does not fail; a wait may end for no reason.
        if (call.nr == SYS_futex && (call.args[1] & 0x7f) == FUTEX_WAKE) return 0;
        if (who != Who::All && sentry != (who == Who::Sentry)) return 0;
        u64 n = ++*count;
        return n == first || (n > first && all_after) ? error : 0;
    }
};

int fail(char** argv) {
    Failing f;
    std::string who = argv[0];
    f.who = who == "sentry" ? Failing::Who::Sentry : who == "stub" ? Failing::Who::Stub : Failing::Who::All;
    char* end;
    f.nr = static_cast<int>(strtol(argv[1], &end, 10));  // a number where libseccomp knows no name
    if (*end != 0) f.nr = seccomp_syscall_resolve_name(argv[1]);
    for (int e = 1; e < 134; e++)
        if (strcmp(errno_name(e), argv[2]) == 0) f.error = e;
    if (strcmp(argv[2], "HALF") == 0 && can_shorten(f.nr)) f.error = Judge::kHalf;
    f.first = strtoul(argv[3], &end, 10);
    f.all_after = *end == '+';
    f.count = static_cast<u64*>(open_shared(argv[4], sizeof(u64)));
    if (f.nr < 0 || f.error == 0 || !f.count)
        return fprintf(stderr, "host-calls: fail %s %s %s %s?\n", argv[1], argv[2], argv[3], argv[4]), 2;
    *f.count = 0;
    Picker picker;
    picker.pick(f.nr);
    picker.pick(SYS_fcntl);
    return exec_watched(picker, f, argv + 5);
}

std::string describe(const FilterRow& row) {
    std::string s = call_name(row.nr);
    for (const ArgBound& b : row.bounds)
        if (b.op == ArgBound::Equal) s += " (argument " + std::to_string(b.index) + " " + std::to_string(b.value) + ")";
    return s + ": " + row.caller;
}

int unused(const char* path) {
    u8* seen = open_state(path);
    if (!seen) return perror(path), 2;
    auto rows = host::filter_rows();
    int bad = 0, used = 0;
    for (size_t i = 0; i < rows.size(); i++) {
        used += seen[i];
        if (seen[i] || rows[i].rare) continue;
        printf("FAIL row %s: nothing in the tests makes this call; remove it or say why it is rare\n",
               describe(rows[i]).c_str());
        bad++;
    }
    printf("%d passed, %d failed, %zu rows rarely used\n", used, bad, rows.size() - static_cast<size_t>(used + bad));
    return bad != 0;
}

// Where the file beside this executable says so, a census of the program it names.
int stand_in(char** argv) {
    std::string self(4096, 0);
    ssize_t n = readlink("/proc/self/exe", self.data(), self.size());
    self.resize(n > 0 ? static_cast<size_t>(n) : 0);
    FILE* f = fopen((self + ".census").c_str(), "re");
    if (!f) return -1;
    char state[4096], prog[4096];
    int fields = fscanf(f, "%4095s %4095s", state, prog);
    fclose(f);
    if (fields != 2) return -1;
    std::vector<char*> args = {state, prog};
    for (char** a = argv + 1; *a; a++) args.push_back(*a);
    args.push_back(nullptr);
    return census(args.data());
}

int main(int argc, char** argv) {
    if (int r = stand_in(argv); r >= 0) return r;
    std::string verb = argc > 1 ? argv[1] : "";
    if (verb == "census" && argc > 3) return census(argv + 2);
    if (verb == "fail" && argc > 7) return fail(argv + 2);
    if (verb == "unused" && argc == 3) return unused(argv[2]);
    if (verb == "names" && argc == 2) {
        std::set<std::string> names;
        for (const FilterRow& row : host::filter_rows()) names.insert(call_name(row.nr));
        for (const std::string& name : names) puts(name.c_str());
        return 0;
    }
    fprintf(stderr, "usage: host-calls census | fail | unused | names; see host_calls.cc\n");
    return 2;
}

}  // namespace
}  // namespace sbx::test

int main(int argc, char** argv) { return sbx::test::main(argc, argv); }
