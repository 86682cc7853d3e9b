// A task for fuzz targets: the sandbox of the state tests, whose calls are made from here, and a context that holds registers only.
#pragma once

// What the sandbox checks of itself is no finding.
#define REQUIRE(x)                                                                                                     \
    do {                                                                                                               \
        if (!(x)) __builtin_trap();                                                                                    \
    } while (0)
#define CHECK(x) REQUIRE(x)

#include <string.h>

#include "test/unit/state/sandbox.h"

namespace sbx::test {

// Bytes of the input, and zeros when it has ended.
class Input {
public:
    Input(const u8* data, size_t size) : data_(data), left_(size) {}
    bool more() const { return left_ != 0; }
    template <class T>
    T take() {
        T t{};
        size_t n = std::min(left_, sizeof t);
        if (n) memcpy(&t, data_, n);
        data_ += n, left_ -= n;
        return t;
    }
    std::string take(size_t n) {
        n = std::min(left_, n);
        std::string s(reinterpret_cast<const char*>(data_), n);
        data_ += n, left_ -= n;
        return s;
    }

private:
    const u8* data_;
    size_t left_;
};

class NoContext final : public platform::Context {
public:
    platform::Trap run(platform::Registers&) override { return platform::InterruptedTrap{}; }
    platform::FpState& fp() override { return fp_; }
    void fp_changed() override {}
    platform::DebugRegisters& debug() override { return debug_; }
    void debug_changed() override {}
    void interrupt() override {}
    Result<> switch_to(platform::AddressSpace&) override { return err(ENOSYS); }

private:
    platform::FpState fp_;
    platform::DebugRegisters debug_;
};

// An instantiation may name what is private: the task's context, which else its thread makes.
template <auto Member>
struct ContextOf {
    friend std::unique_ptr<platform::Context>& context_of(Task& t) { return t.*Member; }
};
std::unique_ptr<platform::Context>& context_of(Task& t);
template struct ContextOf<&Task::context_>;

inline Sandbox& fuzz_sandbox() {
    static Sandbox& s = *new Sandbox;
    if (!context_of(s.task())) context_of(s.task()) = std::make_unique<NoContext>();
    return s;
}

}  // namespace sbx::test
