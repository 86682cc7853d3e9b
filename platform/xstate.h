// What an application may put into its XSAVE image, and the image of a fresh thread. Used by the platforms.
#pragma once

#include "src/base/types.h"

namespace sbx::platform {

// Bytes that XSAVE of all enabled components takes, those included that Linux grants on request only (AMX tiles). The host's
// ptrace wants images of exactly this size; xsave_size() of them are the application's.
size_t host_xsave_size();
// False on hosts without XSAVE: the image is FXSAVE's 512 bytes and an empty header then.
bool host_has_xsave();
// Forces an image to what XRSTOR accepts: reserved bits of MXCSR and the header cleared (arch/x86/kernel/fpu/xstate.c,
// validate_user_xstate_header and mxcsr_feature_mask). Without legacy components in the header it becomes a fresh one.
void sanitize_xsave(Bytes image);
// Zeroes the extended components that the header says are in their initial state: the processor leaves old bytes there.
void clear_absent_state(Bytes image);
// Makes `image` that of a thread after execve.
void init_xsave(Bytes image);

}  // namespace sbx::platform
