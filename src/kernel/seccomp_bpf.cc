// The checker and the interpreter of seccomp programs.
#include "src/kernel/seccomp_bpf.h"

#include <string.h>

#include <array>

namespace sbx {
namespace {

// Instructions by what must hold for their operands.
enum class Class { Bad, Plain, Load, Divide, Shift, Read, Write, Jump, Branch, Return };

Class classify(u16 code) {
    switch (code) {
    case BPF_LD | BPF_W | BPF_ABS: return Class::Load;
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
    case BPF_ALU | BPF_NEG:
    case BPF_ALU | BPF_ADD | BPF_K:
    case BPF_ALU | BPF_ADD | BPF_X:
    case BPF_ALU | BPF_SUB | BPF_K:
    case BPF_ALU | BPF_SUB | BPF_X:
    case BPF_ALU | BPF_MUL | BPF_K:
    case BPF_ALU | BPF_MUL | BPF_X:
    case BPF_ALU | BPF_DIV | BPF_X:
    case BPF_ALU | BPF_AND | BPF_K:
    case BPF_ALU | BPF_AND | BPF_X:
    case BPF_ALU | BPF_OR | BPF_K:
    case BPF_ALU | BPF_OR | BPF_X:
    case BPF_ALU | BPF_XOR | BPF_K:
    case BPF_ALU | BPF_XOR | BPF_X:
    case BPF_ALU | BPF_LSH | BPF_X:
    case BPF_ALU | BPF_RSH | BPF_X: return Class::Plain;
    case BPF_ALU | BPF_DIV | BPF_K: return Class::Divide;
    case BPF_ALU | BPF_LSH | BPF_K:
    case BPF_ALU | BPF_RSH | BPF_K: return Class::Shift;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM: return Class::Read;
    case BPF_ST:
    case BPF_STX: return Class::Write;
    case BPF_JMP | BPF_JA: return Class::Jump;
    case BPF_JMP | BPF_JEQ | BPF_K:
    case BPF_JMP | BPF_JEQ | BPF_X:
    case BPF_JMP | BPF_JGE | BPF_K:
    case BPF_JMP | BPF_JGE | BPF_X:
    case BPF_JMP | BPF_JGT | BPF_K:
    case BPF_JMP | BPF_JGT | BPF_X:
    case BPF_JMP | BPF_JSET | BPF_K:
    case BPF_JMP | BPF_JSET | BPF_X: return Class::Branch;
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A: return Class::Return;
    default: return Class::Bad;
    }
}

bool operands_fit(const sock_filter& f, size_t left) {
    switch (classify(f.code)) {
    case Class::Bad: return false;
    case Class::Load: return f.k < sizeof(seccomp_data) && f.k % 4 == 0;
    case Class::Divide: return f.k != 0;
    case Class::Shift: return f.k < 32;
    case Class::Read:
    case Class::Write: return f.k < BPF_MEMWORDS;
    case Class::Jump: return f.k < left;
    case Class::Branch: return f.jt < left && f.jf < left;
    case Class::Plain:
    case Class::Return: return true;
    }
    return false;
}

// check_load_and_stores(): no path reads a word of memory that it has not written.
bool reads_what_it_wrote(const std::vector<sock_filter>& p) {
    std::vector<u16> written_at(p.size(), 0xffff);  // on every path that jumps there
    u16 written = 0;
    for (size_t i = 0; i < p.size(); i++) {
        written &= written_at[i];
        auto flows_to = [&](size_t offset) { written_at[i + 1 + offset] &= written; };
        switch (classify(p[i].code)) {
        case Class::Write: written = static_cast<u16>(written | (1u << p[i].k)); break;
        case Class::Read:
            if (!(written >> p[i].k & 1)) return false;
            break;
        case Class::Jump:
            flows_to(p[i].k);
            written = 0xffff;
            break;
        case Class::Branch:
            flows_to(p[i].jt);
            flows_to(p[i].jf);
            written = 0xffff;
            break;
        default: break;
        }
    }
    return true;
}

u32 load(const seccomp_data& data, u32 offset) {
    u32 v;
    memcpy(&v, reinterpret_cast<const char*>(&data) + offset, sizeof v);
    return v;
}

u32 compute(u16 op, u32 a, u32 b) {
    switch (op) {
    case BPF_ADD: return a + b;
    case BPF_SUB: return a - b;
    case BPF_MUL: return a * b;
    case BPF_DIV: return a / b;
    case BPF_AND: return a & b;
    case BPF_OR: return a | b;
    case BPF_XOR: return a ^ b;
    case BPF_LSH: return a << (b & 31);
    case BPF_RSH: return a >> (b & 31);
    default: return -a;  // BPF_NEG
    }
}

bool compare(u16 op, u32 a, u32 b) {
    switch (op) {
    case BPF_JEQ: return a == b;
    case BPF_JGE: return a >= b;
    case BPF_JGT: return a > b;
    default: return (a & b) != 0;  // BPF_JSET
    }
}

}  // namespace

Result<> check_seccomp_program(const std::vector<sock_filter>& program) {
    if (program.empty() || program.size() > BPF_MAXINSNS) return err(EINVAL);
    for (size_t i = 0; i < program.size(); i++)
        if (!operands_fit(program[i], program.size() - 1 - i)) return err(EINVAL);
    if (classify(program.back().code) != Class::Return || !reads_what_it_wrote(program)) return err(EINVAL);
    return {};
}

u32 run_seccomp_program(const std::vector<sock_filter>& program, const seccomp_data& data) {
    u32 a = 0, x = 0;
    std::array<u32, BPF_MEMWORDS> memory{};
    for (size_t i = 0;; i++) {
        const sock_filter& f = program[i];
        u32 operand = BPF_SRC(f.code) == BPF_X ? x : f.k;
        switch (BPF_CLASS(f.code)) {
        case BPF_LD:
        case BPF_LDX: {
            u32 v = f.k;
            if (BPF_MODE(f.code) == BPF_ABS) v = load(data, f.k);
            if (BPF_MODE(f.code) == BPF_LEN) v = sizeof data;
            if (BPF_MODE(f.code) == BPF_MEM) v = memory[f.k];
            (BPF_CLASS(f.code) == BPF_LD ? a : x) = v;
            break;
        }
        case BPF_ST: memory[f.k] = a; break;
        case BPF_STX: memory[f.k] = x; break;
        case BPF_ALU:
            // A division by zero ends the program with 0.
            if (BPF_OP(f.code) == BPF_DIV && operand == 0) return 0;
            a = compute(BPF_OP(f.code), a, operand);
            break;
        case BPF_JMP:
            if (BPF_OP(f.code) == BPF_JA)
                i += f.k;
            else
                i += compare(BPF_OP(f.code), a, operand) ? f.jt : f.jf;
            break;
        case BPF_MISC:
            if (f.code == (BPF_MISC | BPF_TAX))
                x = a;
            else
                a = x;
            break;
        default: return BPF_RVAL(f.code) == BPF_A ? a : f.k;  // BPF_RET
        }
    }
}

}  // namespace sbx
