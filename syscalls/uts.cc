// The UTS namespace: uname, sethostname, setdomainname.
#include <linux/capability.h>
#include <string.h>
#include <sys/utsname.h>

#include "src/kernel/kernel.h"
#include "src/kernel/ns/uts.h"
#include "src/kernel/version.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

constexpr u64 kMaxName = 64;  // __NEW_UTS_LEN
// personality(2)
constexpr u32 kUname26 = 0x0020000, kPersonalityMask = 0xff, kLinux32 = 8;

UtsNamespace& uts_of(Task& t) { return static_cast<UtsNamespace&>(*t.ns().uts); }

// struct new_utsname
struct Names {
    char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};

Result<long> sys_uname(Task& t, UserPtr<Names> out) {
    Names n{};
    auto put = [](char(&field)[65], std::string_view s) { s.copy(field, sizeof field - 1); };
    put(n.sysname, kSysname);
    put(n.nodename, uts_of(t).host_name());
    put(n.release, (t.personality & kUname26) ? "2.6.72" : kRelease);
    put(n.version, kVersion);
    put(n.machine, (t.personality & kPersonalityMask) == kLinux32 ? "i686" : kMachine);
    put(n.domainname, uts_of(t).domain_name());
    SBX_TRY(t.copy_out(out, n));
    return 0;
}

Result<std::string> name_arg(Task& t, u64 addr, int length) {
    if (!t.creds()->capable(CAP_SYS_ADMIN, uts_of(t).owner())) return err(EPERM);
    if (length < 0 || static_cast<u64>(length) > kMaxName) return err(EINVAL);
    std::string s(static_cast<size_t>(length), '\0');
    SBX_TRY(t.mm().copy_in(addr, s.data(), s.size()));
    return std::string(s.c_str());
}

Result<long> sys_sethostname(Task& t, u64 addr, int length) {
    uts_of(t).set_host_name(SBX_TRY(name_arg(t, addr, length)));
    return 0;
}

Result<long> sys_setdomainname(Task& t, u64 addr, int length) {
    uts_of(t).set_domain_name(SBX_TRY(name_arg(t, addr, length)));
    return 0;
}

constexpr SyscallRow kRows[] = {
    {63, "uname", syscall<sys_uname>, "ptr", Support::Full, ""},
    {170, "sethostname", syscall<sys_sethostname>, "s u", Support::Full, ""},
    {171, "setdomainname", syscall<sys_setdomainname>, "s u", Support::Full, ""},
};

}  // namespace

const SyscallFamily kUtsSyscalls(kRows);

}  // namespace sbx
