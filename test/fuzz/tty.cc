// Fuzz target: the line discipline (fs/devpts/line_discipline.h): what comes from either side, with settings that change on the way.
#include <string.h>

#include "fs/devpts/line_discipline.h"

using namespace sbx;

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
    devpts::LineDiscipline tty;
    u8 out[300];
    for (size_t i = 0; i + 1 < size; i += 2) {
        u8 value = data[i + 1];
        switch (data[i] & 15) {
        case 0 ... 5:
            if (tty.input_room() != 0) tty.receive(value);
            break;
        case 6 ... 8: tty.write(value); break;
        case 9: {
            devpts::KernelTermios t = tty.termios();
            u32* flags[] = {&t.iflag, &t.oflag, &t.cflag, &t.lflag};
            *flags[data[i] >> 4 & 3] ^= 1u << (value & 31);
            tty.set_termios(t);
            break;
        }
        case 10: {
            devpts::KernelTermios t = tty.termios();
            t.cc[(data[i] >> 4) % sizeof t.cc] = value;
            tty.set_termios(t);
            break;
        }
        case 11: {
            size_t entries = 0, n = tty.peek(out, value, &entries);
            if (n > value) __builtin_trap();
            tty.consume(entries);
            break;
        }
        case 12: tty.output().pop(std::min<size_t>(value, tty.output().front().size())); break;
        case 13: value & 1 ? tty.flush_input() : tty.output().clear(); break;
        case 14: value & 1 ? tty.stop_output(value & 2) : tty.start_output(); break;
        case 15: {
            tty.take_signals();
            if (tty.input_ready(value & 1) && tty.queued() > 100000) __builtin_trap();
            break;
        }
        }
    }
    return 0;
}
