// Job control: sessions and foreground groups (drivers/tty/tty_jobctrl.c).
#include <asm/ioctls.h>
#include <linux/capability.h>
#include <sys/sysmacros.h>

#include "fs/devpts/pty.h"
#include "src/kernel/sessions.h"
#include "src/mm/memory_manager.h"

namespace sbx::devpts {
namespace {

constexpr unsigned kSlaveMajor = 136;

bool ignores_or_blocks(Task& t, int sig) {
    Ref<SignalHandlers> h = t.group().handlers();
    Lock l(h->mu);
    return t.blocked.has(sig) || h->actions[sig - 1].handler == kSigIgn;
}

}  // namespace

u64 Pty::device() const { return makedev(kSlaveMajor, index); }

bool Pty::is_of(const Task& t) const {
    return session_ && t.group().session == session_ && session_->tty.get() == this;
}

void Pty::clear_session_locked() {
    if (!session_) return;
    session_->tty_foreground.reset();
    // The caller's file keeps this alive.
    session_->tty.reset();
    session_.reset();
}

// disassociate_ctty(): a pty is not hung up by its session's end.
void Pty::session_ended(Pid& session, Pid* foreground, bool exiting) {
    Lock l(tasks_.mu);
    if (session_.get() == &session) session_.reset();
    if (!foreground) return;
    send_pgrp_signal(*foreground, kernel_siginfo(SIGHUP));
    if (!exiting) send_pgrp_signal(*foreground, kernel_siginfo(SIGCONT));
}

void Pty::signal_foreground(int sig) {
    SharedLock l(tasks_.mu);
    if (!session_ || !session_->tty_foreground) return;
    if (sig == SIGTSTP) note_suspend(*session_->tty_foreground);
    send_pgrp_signal(*session_->tty_foreground, kernel_siginfo(sig));
}

void Pty::note_suspend(const Pid& foreground) {
    ThreadGroup* init = tasks_.root_ns->init;
    if (!init || !init->leader || init->pgrp.get() != &foreground) return;
    Ref<SignalHandlers> h = init->handlers();
    Lock l(h->mu);
    if (h->actions[SIGTSTP - 1].handler == kSigDfl) suspend_.store(true);
}

Result<> Pty::check_job_control(Task& t, int sig) {
    SharedLock l(tasks_.mu);
    if (!is_of(t)) return {};
    Ref<Pid> group = t.group().pgrp;
    if (!session_->tty_foreground || session_->tty_foreground == group) return {};
    if (ignores_or_blocks(t, sig)) {
        if (sig == SIGTTIN) return err(EIO);
        return {};
    }
    if (is_orphaned_pgrp(*group, nullptr)) return err(EIO);
    send_pgrp_signal(*group, kernel_siginfo(sig));
    return err(ERESTARTSYS);
}

void Pty::make_controlling(ThreadGroup& g) {
    Lock l(tasks_.mu);
    if (session_ || g.session->tty) return;
    session_ = g.session;
    g.session->tty = Ref<ControllingTty>(*this);
    g.session->tty_foreground = g.pgrp;
}

// tty_open_proc_set_tty()
void Pty::opened_by(Task& t, bool readable) {
    if (!readable) return;
    {
        SharedLock l(tasks_.mu);
        if (!t.group().is_session_leader()) return;
    }
    make_controlling(t.group());
}

Result<long> Pty::job_control_ioctl(u32 cmd, u64 arg, const vfs::Caller& c, bool master, bool readable) {
    if (!c.task || !c.mm) return err(ENOTTY);
    Task& t = *c.task;
    ThreadGroup& g = t.group();
    switch (cmd) {
    case TIOCSCTTY: {
        Lock l(tasks_.mu);
        bool leader = g.is_session_leader();
        if (leader && session_ == g.session) return 0;
        if (!leader || g.session->tty) return err(EPERM);
        if (session_) {
            if (arg != 1 || !c.creds->capable(CAP_SYS_ADMIN)) return err(EPERM);
            clear_session_locked();
        }
        if (!readable && !c.creds->capable(CAP_SYS_ADMIN)) return err(EPERM);
        session_ = g.session;
        g.session->tty = Ref<ControllingTty>(*this);
        g.session->tty_foreground = g.pgrp;
        return 0;
    }
    case TIOCNOTTY: {
        Ref<Pid> session, foreground;
        Ref<ControllingTty> tty;
        {
            Lock l(tasks_.mu);
            if (!is_of(t)) return err(ENOTTY);
            // Linux detaches other members one by one; here the terminal is the session's, and only the leader gives it up.
            if (!g.is_session_leader()) return 0;
            session = g.session;
            tty = std::move(session->tty);
            foreground = std::move(session->tty_foreground);
        }
        session_ended(*session, foreground.get(), false);
        return 0;
    }
    case TIOCGPGRP:
    case TIOCGSID: {
        int nr = 0;
        {
            SharedLock l(tasks_.mu);
            if (!master && !is_of(t)) return err(ENOTTY);
            if (cmd == TIOCGSID) {
                if (!session_) return err(ENOTTY);
                nr = session_->nr_in(t.pid_ns());
            } else if (session_ && session_->tty_foreground) {
                nr = session_->tty_foreground->nr_in(t.pid_ns());
            }
        }
        SBX_TRY(c.mm->copy_out(arg, &nr, sizeof nr));
        return 0;
    }
    case TIOCSPGRP: {
        Result<> allowed = check_job_control(t, SIGTTOU);
        if (!allowed) return err(allowed.error() == EIO ? Errno{ENOTTY} : allowed.error());
        int nr = 0;
        SBX_TRY(c.mm->copy_in(arg, &nr, sizeof nr));
        Lock l(tasks_.mu);
        if (!is_of(t)) return err(ENOTTY);
        if (nr < 0) return err(EINVAL);
        Pid* p = t.pid_ns().find(nr);
        if (!p) return err(ESRCH);
        ThreadGroup* member = !p->pgrp_members.empty() ? &*p->pgrp_members.front() : p->group;
        if (!member || !(member->session == g.session)) return err(EPERM);
        session_->tty_foreground = Ref<Pid>(*p);
        return 0;
    }
    default: return err(ENOTTY);
    }
}

}  // namespace sbx::devpts
