// /proc/PID/net: what programs look for when they ask for the network. There is none yet but the loopback's name.
#include <dirent.h>

#include "fs/procfs/node.h"

namespace sbx::procfs {
namespace {

Result<std::string> dev(const Context&) {
    return std::string(
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls "
        "carrier compressed\n"
        "    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       "
        "0          0\n");
}

Result<std::string> sockets_header(const Context&) {
    return std::string(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n");
}

Result<std::string> unix_header(const Context&) {
    return std::string("Num       RefCount Protocol Flags    Type St Inode Path\n");
}
Result<std::string> route(const Context&) {
    return std::string("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n");
}
Result<std::string> empty(const Context&) { return std::string(); }

constexpr FileRow kRows[] = {
    {"dev", 0444, dev},
    {"if_inet6", 0444, empty},
    {"route", 0444, route},
    {"tcp", 0444, sockets_header},
    {"tcp6", 0444, sockets_header},
    {"udp", 0444, sockets_header},
    {"udp6", 0444, sockets_header},
    {"raw", 0444, sockets_header},
    {"unix", 0444, unix_header},
};

class NetDir final : public Directory {
public:
    NetDir(ProcFs& fs, const Subject& s) : Directory(fs, s, "net") {}
    using Directory::Directory;
    Result<Ref<vfs::Inode>> find(std::string_view name) override {
        for (const FileRow& r : kRows)
            if (name == r.name) return make_file(proc(), subject(), r);
        return err(ENOENT);
    }
    std::vector<Entry> list(const vfs::Caller&) override {
        std::vector<Entry> out;
        for (const FileRow& r : kRows) out.push_back({r.name, DT_REG});
        return out;
    }
};
SBX_SAVABLE(NetDir);

}  // namespace

std::span<const FileRow> net_files() { return kRows; }
Ref<vfs::Inode> make_net_dir(ProcFs& fs, const Subject& s) { return make_ref<NetDir>(fs, s); }

}  // namespace sbx::procfs
