// devpts: pseudo-terminals (devpts of Linux, pts(4), tty(4)). Used by the boot code, which also makes the program's own terminal of it.
#pragma once

#include "fs/vfs/open_file.h"
#include "src/kernel/thread_group.h"

struct winsize;

namespace sbx::devpts {

// Registers the file system "devpts" and the devices 5:0 (tty), 5:2 (ptmx) and 136:N.
void init(TaskSet& tasks);

// For the program's own terminal. `master` was opened by opening a ptmx.
bool is_master(const vfs::OpenFile& f);
unsigned number_of(vfs::OpenFile& master);
void unlock(vfs::OpenFile& master);
void set_size(vfs::OpenFile& master, const winsize& size);
// Makes it the controlling terminal of the session that `g` leads.
void make_controlling(vfs::OpenFile& master, ThreadGroup& g);
// True once after the key that stops jobs was typed while the program itself, PID 1, was in the foreground, and it does nothing about it:
// nobody inside could continue it, so that it is sbx that is to stop.
bool take_suspend_request(vfs::OpenFile& master);

}  // namespace sbx::devpts
