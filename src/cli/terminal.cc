// The program's own terminal.
#include "src/cli/terminal.h"

#include <fcntl.h>
#include <unistd.h>

#include "fs/devpts/devpts.h"
#include "fs/vfs/operations.h"
#include "src/config/error.h"

namespace sbx::boot {
namespace {

// Opened anew, so that O_NONBLOCK is ours alone; what cannot be is shared.
host::UniqueFd take(int fd) {
    std::string path = "/proc/self/fd/" + std::to_string(fd);
    int anew = open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    return host::UniqueFd(anew >= 0 ? anew : fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

}  // namespace

HostTerminal take_host_terminal(const Config& config) {
    HostTerminal t;
    if (config.run.tty == config::TtyMode::Never) return t;
    for (int fd = 2; fd >= 0; fd--)
        if (!(config.closed_stdio >> fd & 1) && isatty(fd)) t.streams |= 1u << fd;
    bool always = config.run.tty == config::TtyMode::Always;
    if (always && t.streams == 0)
        throw UserError{
            place_of(config, "run.tty"), "no terminal: neither stdin nor stdout nor stderr is one", {}, kExitUsage};
    if (!always && (t.streams & 3) != 3) return t;
    int any = t.streams & 1 ? 0 : t.streams & 2 ? 1 : 2;
    t.in = take(any);
    t.out = take(t.streams & 2 ? 1 : any);
    return t;
}

Ref<vfs::OpenFile> make_terminal(const HostTerminal& host, const Creds& owner, Kernel& kernel, vfs::MountNamespace& ns,
                                 Streams& streams) {
    // The boot may open what only the owner of /dev/pts may; the terminal is the program's.
    Ref<Creds> creds = make_ref<Creds>();
    creds->permitted = creds->effective = creds->bounding = CapSet::all();
    creds->fsuid = owner.fsuid;
    creds->fsgid = owner.fsgid;
    creds->user_ns = Ref<UserNamespace>(kernel.user_ns());
    vfs::Path root = namespace_root(ns);
    Ref<vfs::FsContext> fs = make_ref<vfs::FsContext>(root, root, 022);
    vfs::Caller c;
    c.creds = creds.get();
    c.fs = fs.get();
    vfs::OpenHow how;
    how.flags = O_RDWR | O_NOCTTY;
    Result<Ref<vfs::OpenFile>> master = vfs::open(c, {}, "/dev/pts/ptmx", how);
    if (!master || !devpts::is_master(**master)) return nullptr;
    devpts::unlock(**master);
    Result<Ref<vfs::OpenFile>> slave = vfs::open(c, {}, "/dev/pts/" + std::to_string(devpts::number_of(**master)), how);
    if (!slave) return nullptr;
    for (auto& [fd, file] : streams.files)
        if (fd <= 2 && (host.streams >> fd & 1)) file = *slave;
    return *master;
}

std::unique_ptr<Relay> make_relay(const HostTerminal& host, Ref<vfs::OpenFile> master) {
    auto relay = Relay::create(std::move(master), &devpts::set_size, host.in.get(), host.out.get());
    return relay ? std::move(*relay) : nullptr;
}

}  // namespace sbx::boot
