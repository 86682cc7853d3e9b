// The keeper: the process that the caller of sbx started, once it has made the sentry its child. It stays outside of the sentry's
// namespaces, behind a seccomp filter of its own, and does what only somebody there can: it takes the signals from outside, stops with the
// terminal's job, tells who owns a file, and ends as the sentry ends. The two share their descriptor table and a page of memory.
// Used by the boot code, the supervisor and the terminal relay; hostfs asks for owners through a hook.
#pragma once

#include <signal.h>
#include <sys/types.h>
#include <termios.h>

#include <vector>

#include "src/base/result.h"
#include "src/base/types.h"

namespace sbx::host {

// One layer of protection and whether it is there. `name` is a word for the user; static storage.
struct Layer {
    const char* name;
    int error;  // 0: active; else why not (an errno)
};

constexpr const char* kUserNamespace = "user namespace";

struct KeeperOptions {
    bool exit_signal = false;      // end by signal n where the sentry's status is 128+n
    bool die_with_parent = false;  // SIGKILL when the caller of sbx ends
};

// Splits the calling process, which has one thread. Returns in the child, the sentry to be: in user and PID namespaces of its own as far as
// the host grants them (the layers say), signals from outside blocked, killed when the keeper dies. Errors: no process or descriptor left.
Result<std::vector<Layer>> leave_keeper(const KeeperOptions& options);

// What the keeper waits for: the signals that take_signal() names, and SIGCHLD. Also what stands before several sentries, one after the other
// (cli/exercise.h), waits for.
sigset_t outside_signals();
// Blocks them, and SIGPIPE: a program may outlive a reader of its output. From the start on, so that none is lost before there is a keeper.
void block_outside_signals();
// Ends the process `self`, the caller's, by a signal.
[[noreturn]] void end_by_signal(pid_t self, int sig);

// The rest is for the sentry, from any thread.

// Readable when take_signal() has something; a descriptor for poll(2).
int keeper_bell();
// A signal that came for sbx (SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGTSTP), or 0. Of each kind one waits.
int take_signal();
// Stops sbx as a shell's job; returns when it is continued.
void stop_with_job();
// Whether sbx belongs to the foreground of the terminal. One that is not its controlling terminal knows no foreground, and stops nobody.
bool in_foreground(int terminal);
// The terminal that gets its attributes back when the sentry ends, however that comes; -1: none any more.
void restore_at_end(int terminal, const termios& attributes);
// Whether the sentry is in a user namespace of its own. One id is mapped there, all other owners look like 65534.
bool owners_are_hidden();
// The owner of an open (or O_PATH) file by the host's count. False if that cannot be told.
bool real_owner(int fd, u32* uid, u32* gid);

}  // namespace sbx::host
