// Landlock: landlock_create_ruleset, landlock_add_rule, landlock_restrict_self (security/landlock/syscalls.c).
#include <fcntl.h>
#include <linux/capability.h>

#include "fs/anon/anon_inode.h"
#include "fs/vfs/landlock.h"
#include "src/base/archive.h"
#include "src/kernel/change_creds.h"
#include "syscalls/copy_struct.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

namespace landlock = vfs::landlock;

constexpr u32 kVersionFlag = 1;  // LANDLOCK_CREATE_RULESET_VERSION
constexpr int kPathBeneath = 1;  // LANDLOCK_RULE_PATH_BENEATH

struct RulesetAttr {
    u64 handled;
};
struct PathBeneath {
    u64 allowed;
    i32 parent_fd;
} __attribute__((packed));

class RulesetFile final : public anon::AnonFile {
public:
    static constexpr char kKind = 0;
    explicit RulesetFile(landlock::Ruleset& rules) : AnonFile("[landlock-ruleset]", O_RDWR), rules_(rules) {}
    const void* kind() const override { return &kKind; }
    Result<size_t> read(mm::IoBuf&, i64*, u32, const vfs::Caller&) override { return err(EINVAL); }
    Result<size_t> write(mm::IoBuf&, i64*, u32, const vfs::Caller&) override { return err(EINVAL); }
    landlock::Ruleset& rules() const { return *rules_; }
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(*rules_));
    }
    template <class A>
    void state(A& ar) {
        OpenFile::state(ar);
    }

private:
    const Ref<landlock::Ruleset> rules_;
};
SBX_SAVABLE(RulesetFile);

Result<Ref<RulesetFile>> ruleset_of(Task& t, int fd) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->kind() != &RulesetFile::kKind) return err(EBADFD);
    return Ref<RulesetFile>(static_cast<RulesetFile&>(*f));
}

Result<long> sys_landlock_create_ruleset(Task& t, UserPtr<RulesetAttr> attr, u64 size, u32 flags) {
    if (flags == kVersionFlag && attr.addr == 0 && size == 0) return landlock::kAbiVersion;
    if (flags != 0) return err(EINVAL);
    if (attr.addr == 0) return err(EFAULT);
    if (size < sizeof(RulesetAttr)) return err(EINVAL);
    SBX_TRY(check_rest_zero(t, attr.addr, sizeof(RulesetAttr), size));
    RulesetAttr a = SBX_TRY(t.copy_in(attr));
    if (a.handled & ~u64{landlock::kAll}) return err(EINVAL);
    if (a.handled == 0) return err(ENOMSG);
    auto rules = make_ref<landlock::Ruleset>(static_cast<u32>(a.handled));
    return SBX_TRY(t.files().add(make_ref<RulesetFile>(*rules), true, t.rlimit(RLIMIT_NOFILE)));
}

Result<long> sys_landlock_add_rule(Task& t, int fd, int type, UserPtr<PathBeneath> attr, u32 flags) {
    if (flags != 0) return err(EINVAL);
    Ref<RulesetFile> f = SBX_TRY(ruleset_of(t, fd));
    if (type != kPathBeneath) return err(EINVAL);
    PathBeneath a = SBX_TRY(t.copy_in(attr));
    if (a.allowed == 0) return err(ENOMSG);
    if (a.allowed & ~u64{f->rules().handled()}) return err(EINVAL);
    Ref<vfs::OpenFile> parent = SBX_TRY(t.files().get(a.parent_fd));
    // Of what no path leads to nothing can be below, or it is a ruleset.
    const vfs::Path& p = parent->path();
    if (!p.dentry || (p.dentry->is_root() && !parent->inode().is_dir())) return err(EBADFD);
    SBX_TRY(f->rules().allow(p, static_cast<u32>(a.allowed)));
    return 0;
}

Result<long> sys_landlock_restrict_self(Task& t, int fd, u32 flags) {
    if (!t.no_new_privs && !t.creds()->capable(CAP_SYS_ADMIN)) return err(EPERM);
    if (flags != 0) return err(EINVAL);
    Ref<RulesetFile> f = SBX_TRY(ruleset_of(t, fd));
    Ref<Creds> n = t.creds()->clone();
    n->landlock = SBX_TRY(landlock::Domain::extend(landlock::Domain::of(*n), f->rules()));
    commit_creds(t, std::move(n));
    return 0;
}

constexpr const char* kOldAbi = "version 3 of its ABI: no network, ioctl or scope rules";
constexpr SyscallRow kRows[] = {
    {444, "landlock_create_ruleset", syscall<sys_landlock_create_ruleset>, "ptr d x", Support::Partial, kOldAbi},
    {445, "landlock_add_rule", syscall<sys_landlock_add_rule>, "fd d ptr x", Support::Partial, kOldAbi},
    {446, "landlock_restrict_self", syscall<sys_landlock_restrict_self>, "fd x", Support::Partial, kOldAbi},
};

}  // namespace

const SyscallFamily kLandlockSyscalls(kRows);

}  // namespace sbx
