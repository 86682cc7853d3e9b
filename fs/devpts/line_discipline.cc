// The line discipline (n_tty).
#include "fs/devpts/line_discipline.h"

#include <asm/termbits.h>
#include <signal.h>
#include <string.h>

#include <algorithm>

#include "src/base/archive.h"

namespace sbx::devpts {
namespace {

constexpr size_t kInputSize = 4096;  // N_TTY_BUF_SIZE
// What slave writes leave for echoes, and for what one byte may become (a tab).
constexpr size_t kReserve = 256;

bool is_control(u8 c) { return c < 32 || c == 127; }
bool is_word(u8 c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}
bool is_continuation(u8 c) { return (c & 0xc0) == 0x80; }

}  // namespace

// In one piece, wherever it began.
template <class A>
void OutputRing::state(A& ar) {
    std::string text;
    if constexpr (!A::kLoading)
        for (size_t i = 0; i < used_; i++) text += static_cast<char>(data_[(head_ + i) % kSize]);
    ar(text);
    if constexpr (A::kLoading) {
        head_ = used_ = 0;
        if (text.size() > kSize) return ar.fail("a terminal has more output than fits");
        for (char c : text) push(static_cast<u8>(c));
    }
}

template <class A>
void LineDiscipline::state(A& ar) {
    ar.raw(t_);
    ar(in_, complete_, literal_, stopped_, stopped_by_call_, signals_, out_, column_, line_column_);
    if constexpr (A::kLoading)
        if (in_.size() > kInputSize || complete_ > in_.size()) ar.fail("a terminal has more input than fits");
}
SBX_STATE_HERE(LineDiscipline);

void OutputRing::push(u8 c) {
    if (used_ == kSize) return;
    if (!data_) data_ = std::make_unique_for_overwrite<u8[]>(kSize);
    data_[(head_ + used_++) % kSize] = c;
}

ConstBytes OutputRing::front() const {
    if (used_ == 0) return {};
    return ConstBytes(&data_[head_], std::min(used_, kSize - head_));
}

void OutputRing::pop(size_t n) {
    head_ = (head_ + n) % kSize;
    used_ -= n;
}

// tty_std_termios
LineDiscipline::LineDiscipline() : t_{} {
    t_.iflag = ICRNL | IXON;
    t_.oflag = OPOST | ONLCR;
    t_.cflag = B38400 | CS8 | CREAD;
    t_.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    static constexpr u8 kKeys[] = {3,   034, 0177, 025, 4,   0,   1,   0, 021,
                                   023, 032, 0,    022, 017, 027, 026, 0};  // INIT_C_CC
    memcpy(t_.cc, kKeys, sizeof kKeys);
    t_.ispeed = t_.ospeed = 38400;
}

// n_tty_set_termios(): what was typed before the change is one line after it.
void LineDiscipline::set_termios(const KernelTermios& t) {
    bool changed = (t.lflag ^ t_.lflag) & ICANON;
    t_ = t;
    if (!(t_.iflag & IXON)) stopped_ = false;
    if (!changed) return;
    std::erase_if(in_, [](Entry e) { return e & kEndOfFile; });
    for (Entry& e : in_) e &= 0xff;
    complete_ = 0;
    literal_ = false;
    if (!canonical() || in_.empty()) return;
    in_.back() |= kLineEnd;
    complete_ = in_.size();
}

bool LineDiscipline::canonical() const { return local(ICANON); }
u8 LineDiscipline::vmin() const { return t_.cc[VMIN]; }
u8 LineDiscipline::vtime() const { return t_.cc[VTIME]; }

// A line without an end is taken for ever, and cut: else nobody could end it (receive_room()).
size_t LineDiscipline::input_room() const {
    if (canonical() && complete_ == 0) return kInputSize;
    return in_.size() >= kInputSize - 1 ? 0 : kInputSize - 1 - in_.size();
}

u64 LineDiscipline::take_signals() {
    u64 s = signals_;
    signals_ = 0;
    return s;
}

void LineDiscipline::store(u8 c, Entry mark) {
    if (in_.size() >= kInputSize - (mark ? 0 : 1)) return;
    in_.push_back(static_cast<Entry>(c | mark));
    if (mark) complete_ = in_.size();
}

bool LineDiscipline::signal_key(u8 c) {
    int sig = is_key(c, VINTR) ? SIGINT : is_key(c, VQUIT) ? SIGQUIT : is_key(c, VSUSP) ? SIGTSTP : 0;
    if (sig == 0) return false;
    if (!local(NOFLSH)) {
        flush_input();
        out_.clear();
    }
    signals_ |= 1ull << (sig - 1);
    if (t_.iflag & IXON) stopped_ = false;
    if (local(ECHO)) echo(c);
    return true;
}

// n_tty_receive_char()
void LineDiscipline::receive(u8 c) {
    if (literal_) {
        literal_ = false;
        if (local(ECHO)) echo(c);
        store(c);
        return;
    }
    bool extended = local(IEXTEN);
    if (t_.iflag & ISTRIP) c &= 0x7f;
    if ((t_.iflag & IUCLC) && extended && c >= 'A' && c <= 'Z') c = static_cast<u8>(c + 32);
    if (local(EXTPROC)) {
        store(c);
        return;
    }
    if (t_.iflag & IXON) {
        if (is_key(c, VSTART)) {
            stopped_ = false;
            return;
        }
        if (is_key(c, VSTOP)) {
            stopped_ = true;
            return;
        }
    }
    if (local(ISIG) && signal_key(c)) return;
    if (stopped_ && (t_.iflag & IXON) && (t_.iflag & IXANY)) stopped_ = false;
    if (c == '\r') {
        if (t_.iflag & IGNCR) return;
        if (t_.iflag & ICRNL) c = '\n';
    } else if (c == '\n' && (t_.iflag & INLCR)) {
        c = '\r';
    }
    if (canonical()) {
        if (is_key(c, VERASE)) return erase(VERASE);
        if (is_key(c, VKILL)) return erase(VKILL);
        if (extended && is_key(c, VWERASE)) return erase(VWERASE);
        if (extended && is_key(c, VLNEXT)) {
            literal_ = true;
            if (local(ECHO) && local(ECHOCTL)) {
                emit('^');
                emit('\b');
            }
            return;
        }
        if (extended && local(ECHO) && is_key(c, VREPRINT)) {
            echo(c);
            emit('\n');
            for (size_t i = complete_; i < in_.size(); i++) echo(static_cast<u8>(in_[i]));
            return;
        }
        if (c == '\n') {
            if (local(ECHO) || local(ECHONL)) emit('\n');
            return store(c, kLineEnd);
        }
        if (is_key(c, VEOF)) return store(0, kEndOfFile);
        if (is_key(c, VEOL) || (extended && is_key(c, VEOL2))) {
            if (local(ECHO)) echo(c);
            return store(c, kLineEnd);
        }
    }
    if (local(ECHO)) {
        if (in_.size() == complete_) line_column_ = column_;
        if (c == '\n')
            emit(c);
        else
            echo(c);
    }
    store(c);
}

// The cursor's column before the last entry was echoed, for a tab.
unsigned LineDiscipline::column_of_last() const {
    unsigned column = line_column_;
    for (size_t i = complete_; i + 1 < in_.size(); i++) {
        u8 c = static_cast<u8>(in_[i]);
        if (c == '\t')
            column = (column | 7) + 1;
        else if (is_control(c))
            column += local(ECHOCTL) ? 2 : 0;
        else if (!((t_.iflag & IUTF8) && is_continuation(c)))
            column++;
    }
    return column;
}

// eraser()
void LineDiscipline::erase(int key) {
    if (in_.size() == complete_) return;
    if (key == VKILL && !(local(ECHO) && local(ECHOK) && local(ECHOKE) && local(ECHOE))) {
        in_.resize(complete_);
        if (local(ECHO)) {
            echo(t_.cc[VKILL]);
            if (local(ECHOK)) emit('\n');
        }
        return;
    }
    bool seen_word = false;
    while (in_.size() > complete_) {
        u8 c = static_cast<u8>(in_.back());
        if (key == VWERASE) {
            if (is_word(c))
                seen_word = true;
            else if (seen_word)
                return;
        }
        unsigned tab_column = c == '\t' ? column_of_last() : 0;
        in_.pop_back();
        if ((t_.iflag & IUTF8) && is_continuation(c) && in_.size() > complete_) continue;
        if (local(ECHO)) {
            if (key == VERASE && !local(ECHOE)) {
                echo(t_.cc[VERASE]);
            } else if (c == '\t') {
                for (unsigned n = 8 - (tab_column & 7); n > 0; n--) emit('\b');
            } else {
                for (int cells = is_control(c) ? (local(ECHOCTL) ? 2 : 0) : 1; cells > 0; cells--)
                    for (u8 e : {'\b', ' ', '\b'}) emit(e);
            }
        }
        if (key == VERASE) return;
    }
}

void LineDiscipline::echo(u8 c) {
    if (local(ECHOCTL) && is_control(c) && c != '\t') {
        emit('^');
        emit(c ^ 0100);
    } else {
        emit(c);
    }
}

void LineDiscipline::emit(u8 c) {
    if (t_.oflag & OPOST)
        process_output(c);
    else
        out_.push(c);
}

// do_output_char()
void LineDiscipline::process_output(u8 c) {
    switch (c) {
    case '\n':
        if (t_.oflag & (ONLRET | ONLCR)) column_ = 0;
        if (t_.oflag & ONLCR) out_.push('\r');
        break;
    case '\r':
        if ((t_.oflag & ONOCR) && column_ == 0) return;
        if (t_.oflag & OCRNL) {
            c = '\n';
            if (t_.oflag & ONLRET) column_ = 0;
        } else {
            column_ = 0;
        }
        break;
    case '\t': {
        unsigned spaces = 8 - (column_ & 7);
        column_ += spaces;
        if ((t_.oflag & TABDLY) != XTABS) break;
        for (; spaces > 0; spaces--) out_.push(' ');
        return;
    }
    case '\b':
        if (column_ > 0) column_--;
        break;
    default:
        if (is_control(c)) break;
        if ((t_.oflag & OLCUC) && c >= 'a' && c <= 'z') c = static_cast<u8>(c - 32);
        if (!((t_.iflag & IUTF8) && is_continuation(c))) column_++;
    }
    out_.push(c);
}

size_t LineDiscipline::output_room() const {
    size_t room = out_.room();
    return stopped() || room <= kReserve ? 0 : room - kReserve;
}

bool LineDiscipline::write(u8 c) {
    if (output_room() == 0) return false;
    emit(c);
    return true;
}

bool LineDiscipline::input_ready(bool for_poll) const {
    if (canonical()) return complete_ != 0;
    size_t least = for_poll && vtime() == 0 && vmin() ? vmin() : 1;
    return in_.size() >= least;
}

size_t LineDiscipline::peek(u8* to, size_t n, size_t* consume) const {
    size_t i = 0, got = 0, end = canonical() ? complete_ : in_.size();
    while (i < end) {
        Entry e = in_[i];
        // An end of file right after what was asked for goes with it (canon_skip_eof()).
        if (e & kEndOfFile) {
            i++;
            break;
        }
        if (got == n) break;
        to[got++] = static_cast<u8>(e);
        i++;
        if (canonical() && (e & kLineEnd)) break;
    }
    *consume = i;
    return got;
}

void LineDiscipline::consume(size_t entries) {
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(entries));
    complete_ -= std::min(complete_, entries);
}

size_t LineDiscipline::queued() const {
    if (!canonical()) return in_.size();
    size_t n = 0;
    for (size_t i = 0; i < complete_; i++) n += !(in_[i] & kEndOfFile);
    return n;
}

void LineDiscipline::flush_input() {
    in_.clear();
    complete_ = 0;
    literal_ = false;
}

}  // namespace sbx::devpts
