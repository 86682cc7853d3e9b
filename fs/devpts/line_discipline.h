// LineDiscipline: what stands between the two sides of a pty (termios(3), drivers/tty/n_tty.c): editing of input lines, echo, keys that
// send signals, output processing. No locks: the Pty's guards it. Used by devpts.
#pragma once

#include <deque>
#include <memory>

#include "src/base/ref.h"
#include "src/base/types.h"

namespace sbx::devpts {

// struct termios2 of the kernel; its first 36 bytes are struct termios (asm-generic/termbits.h).
struct KernelTermios {
    u32 iflag, oflag, cflag, lflag;
    u8 line;
    u8 cc[19];
    u32 ispeed, ospeed;
};
static_assert(sizeof(KernelTermios) == 44);
constexpr size_t kTermiosSize = 36;

// Output on its way to the master.
class OutputRing {
public:
    size_t used() const { return used_; }
    size_t room() const { return kSize - used_; }
    void push(u8 c);  // dropped if full
    ConstBytes front() const;
    void pop(size_t n);
    void clear() { used_ = 0; }

private:
    friend struct state::Access;
    template <class A>
    void state(A& ar);
    static constexpr size_t kSize = 16384;
    std::unique_ptr<u8[]> data_;
    size_t head_ = 0, used_ = 0;
};

class LineDiscipline {
public:
    LineDiscipline();
    const KernelTermios& termios() const { return t_; }
    void set_termios(const KernelTermios& t);

    // From the master.
    size_t input_room() const;
    void receive(u8 c);
    // Signals that keys asked for since the last call, as bits 1 << (sig - 1).
    u64 take_signals();

    // To the slave. How many bytes a read of n would get, copied to `to`; `consume` entries are then to be dropped. An end of file is
    // a readable nothing.
    bool input_ready(bool for_poll) const;
    size_t peek(u8* to, size_t n, size_t* consume) const;
    void consume(size_t entries);
    bool is_line_end(size_t entry) const { return in_[entry] & (kLineEnd | kEndOfFile); }
    size_t queued() const;
    void flush_input();

    // From the slave. False: no room for it now.
    bool write(u8 c);
    size_t output_room() const;
    OutputRing& output() { return out_; }
    bool stopped() const { return stopped_ || stopped_by_call_; }
    void stop_output(bool stop) { stopped_by_call_ = stop; }
    void start_output() { stopped_ = false; }

    bool canonical() const;
    u8 vmin() const;
    u8 vtime() const;

private:
    friend struct state::Access;
    template <class A>
    void state(A& ar);
    using Entry = u16;  // the byte, and in the high half:
    static constexpr Entry kLineEnd = 0x100, kEndOfFile = 0x200;
    bool local(u32 flag) const { return t_.lflag & flag; }
    bool is_key(u8 c, int index) const { return c != 0 && t_.cc[index] == c; }
    void store(u8 c, Entry mark = 0);
    void erase(int key);
    bool signal_key(u8 c);
    void echo(u8 c);
    void emit(u8 c);
    void process_output(u8 c);
    unsigned column_of_last() const;

    KernelTermios t_;
    std::deque<Entry> in_;
    size_t complete_ = 0;  // entries that belong to whole lines
    bool literal_ = false, stopped_ = false, stopped_by_call_ = false;
    u64 signals_ = 0;
    OutputRing out_;
    unsigned column_ = 0, line_column_ = 0;  // of the cursor; where the line being typed began
};

}  // namespace sbx::devpts
