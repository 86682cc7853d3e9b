// A program run with some of its host calls brought before us first (seccomp user notification): they are let pass, noted or failed. It
// works on the sbx that users get, which needs no code for it. Used by the census of host calls and by the injection of faults.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/types.h>

#include <vector>

namespace sbx::test {

// What a watched call gets: 0 lets it pass, kHalf makes it move half of what it was asked to (shorten.h), else the errno it fails with.
struct Judge {
    static constexpr int kHalf = -1;
    virtual ~Judge() = default;
    // sentry: made by the program itself, not by a process that it made.
    virtual int judge(const seccomp_data& call, bool sentry) = 0;
};

// A classic BPF program that picks calls by number and by low halves of arguments.
class Picker {
public:
    struct Bound {
        unsigned index;
        unsigned mask;
        unsigned value;
    };
    void pick(int nr, const std::vector<Bound>& bounds = {});
    std::vector<sock_filter> program() const;

private:
    std::vector<sock_filter> code_;
};

// Executes argv in this very process, so that its parent sees nothing new; a child of ours asks the judge until the last watched process
// is gone. Returns only on failure, after a message.
int exec_watched(const Picker& picker, Judge& judge, char** argv);

}  // namespace sbx::test
