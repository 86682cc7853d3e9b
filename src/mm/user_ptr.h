// UserPtr<T>: an application address that cannot be dereferenced. Copied in or out once through the memory manager.
#pragma once

#include "src/base/types.h"

namespace sbx {

template <class T>
struct UserPtr {
    u64 addr = 0;
    explicit operator bool() const { return addr != 0; }
    // The i-th element; wraps silently, copies check.
    UserPtr operator+(u64 i) const { return UserPtr{addr + i * sizeof(T)}; }
    template <class U>
    UserPtr<U> cast() const {
        return UserPtr<U>{addr};
    }
};
template <>
struct UserPtr<void> {
    u64 addr = 0;
    explicit operator bool() const { return addr != 0; }
    template <class U>
    UserPtr<U> cast() const {
        return UserPtr<U>{addr};
    }
};
// A NUL-terminated string.
struct UserString {
    u64 addr = 0;
    explicit operator bool() const { return addr != 0; }
};

}  // namespace sbx
