// Fasync: who is told by SIGIO about an open file (F_SETOWN, F_SETSIG, O_ASYNC; struct fown_struct and fasync_struct of fs/fcntl.c).
// Used by fcntl and ioctl; sockets (SIGURG) ask for the owner, dnotify tells it.
//
// Signals are sent from a thread of the kernel's own: readiness is told under locks that sending a signal may not be nested in.
#pragma once

#include "fs/vfs/open_file.h"
#include "src/kernel/pid.h"
#include "src/kernel/task.h"

namespace sbx {

struct FileOwner {
    enum class Type : u8 { Tid, Pid, Pgrp } type = Type::Pid;  // F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP
    Ref<Pid> pid;                                              // null: nobody
    int signal = 0;                                            // F_SETSIG; 0: SIGIO without details
    int fd = -1;                                               // that asked for signals, for si_fd
    CredsRef creds;                                            // of who set it
    template <class A>
    void state(A& ar) {
        ar(type, pid, signal, fd, creds);
    }
};

// When it returns, signals about what has happened to files are queued with their owners. For who saves a kernel whose tasks are stopped.
void settle_file_signals();
// Null pid: none.
FileOwner file_owner(const vfs::OpenFile& f);
void set_file_owner(Task& t, vfs::OpenFile& f, FileOwner::Type type, Ref<Pid> pid);
void set_file_signal(Task& t, vfs::OpenFile& f, int signal);
// Makes the task the owner unless there is one. The result may outlive the file.
Ref<vfs::FileSignals> claim_file(Task& t, vfs::OpenFile& f);
// F_SETFL: the status flags; O_ASYNC starts or ends the signals. EPERM for O_NOATIME by another than the owner.
Result<> set_file_flags(Task& t, vfs::OpenFile& f, int fd, int flags);

}  // namespace sbx
