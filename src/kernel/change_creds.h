// Publishing new credentials (commit_creds of kernel/cred.c, the set*id rules of security/commoncap.c). Used by syscalls/cred.cc, prctl.cc,
// ns.cc and execve.
#pragma once

#include "src/kernel/task.h"

namespace sbx {

// SECBIT_* numbers of securebits; each has a lock bit above it.
constexpr u32 kSecNoRoot = 1, kSecNoSetuidFixup = 4, kSecKeepCaps = 16, kSecNoAmbientRaise = 64;
constexpr u32 kSecAllBits = kSecNoRoot | kSecNoSetuidFixup | kSecKeepCaps | kSecNoAmbientRaise;
constexpr u32 kSecAllLocks = kSecAllBits << 1;

// The capabilities that go and come with user id 0 (cap_emulate_setxuid); `n` has the new ids.
void fix_caps_after_setuid(const Creds& old, Creds& n);
// The same for setfsuid.
void fix_caps_after_setfsuid(const Creds& old, Creds& n);
// Makes them the task's. Own thread.
void commit_creds(Task& t, Ref<Creds> n);

}  // namespace sbx
