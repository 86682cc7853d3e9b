// The tree of /sys: made from tables of paths when it is mounted.
#include "fs/sysfs/sysfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <map>
#include <string>

#include "fs/vfs/file_system.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/open_file.h"
#include "src/base/archive.h"
#include "src/mm/io_buf.h"

namespace sbx::sysfs {
namespace {

unsigned cpu_count = 1;  // no state: set at start-up

struct Row {
    const char* path;
    const char*
        text;  // with a newline added; null: an empty directory. "%r" is the range of CPUs, "%m" their mask, "%n" and "%o" the row's own CPU and its mask
};
constexpr Row kRows[] = {
    {"block", nullptr},
    {"bus/cpu/devices", nullptr},
    {"bus/pci/devices", nullptr},
    {"class/block", nullptr},
    {"class/net/lo/address", "00:00:00:00:00:00"},
    {"class/net/lo/addr_len", "6"},
    {"class/net/lo/carrier", "1"},
    {"class/net/lo/flags", "0x9"},
    {"class/net/lo/ifindex", "1"},
    {"class/net/lo/iflink", "1"},
    {"class/net/lo/mtu", "65536"},
    {"class/net/lo/operstate", "unknown"},
    {"class/net/lo/type", "772"},
    {"class/tty", nullptr},
    {"dev/block", nullptr},
    {"dev/char", nullptr},
    {"devices/system/cpu/isolated", ""},
    {"devices/system/cpu/kernel_max", "8191"},
    {"devices/system/cpu/offline", ""},
    {"devices/system/cpu/online", "%r"},
    {"devices/system/cpu/possible", "%r"},
    {"devices/system/cpu/present", "%r"},
    {"devices/system/node/has_cpu", "0"},
    {"devices/system/node/has_memory", "0"},
    {"devices/system/node/has_normal_memory", "0"},
    {"devices/system/node/node0/cpulist", "%r"},
    {"devices/system/node/node0/cpumap", "%m"},
    {"devices/system/node/node0/distance", "10"},
    {"devices/system/node/online", "0"},
    {"devices/system/node/possible", "0"},
    {"firmware", nullptr},
    {"fs/cgroup", nullptr},
    {"kernel/mm/hugepages", nullptr},
    {"kernel/mm/transparent_hugepage/enabled", "always [madvise] never"},
    {"kernel/mm/transparent_hugepage/hpage_pmd_size", "2097152"},
    {"kernel/mm/transparent_hugepage/shmem_enabled", "always within_size advise [never] deny force"},
    {"module", nullptr},
    {"power", nullptr},
};
// Below devices/system/cpu/cpuN/: a socket of single-threaded cores.
constexpr Row kCpuRows[] = {
    {"topology/core_cpus", "%o"},       {"topology/core_cpus_list", "%n"},       {"topology/core_id", "%n"},
    {"topology/core_siblings", "%m"},   {"topology/core_siblings_list", "%r"},   {"topology/die_id", "0"},
    {"topology/package_cpus", "%m"},    {"topology/package_cpus_list", "%r"},    {"topology/physical_package_id", "0"},
    {"topology/thread_siblings", "%o"}, {"topology/thread_siblings_list", "%n"},
};

// As the kernel's %*pb: groups of 32 bits in hexadecimal, the highest first.
std::string mask_text(unsigned first, unsigned end) {
    std::string out;
    for (unsigned group = (cpu_count + 31) / 32; group-- > 0;) {
        u32 bits = 0;
        for (unsigned i = 0; i < 32; i++)
            if (unsigned cpu = group * 32 + i; cpu >= first && cpu < end) bits |= 1u << i;
        if (!out.empty()) out += ',';
        bool first_group = out.empty();
        unsigned digits = first_group && cpu_count % 32 ? (cpu_count % 32 + 3) / 4 : 8;
        for (unsigned d = digits; d-- > 0;) out += "0123456789abcdef"[(bits >> (4 * d)) & 15];
    }
    return out;
}

std::string expand(std::string_view text, unsigned cpu) {
    if (text == "%r") return cpu_count == 1 ? "0" : "0-" + std::to_string(cpu_count - 1);
    if (text == "%m") return mask_text(0, cpu_count);
    if (text == "%n") return std::to_string(cpu);
    if (text == "%o") return mask_text(cpu, cpu + 1);
    return std::string(text);
}

struct Entry {
    bool is_dir = true;
    std::string text;
};
using Tree = std::map<std::string, Entry>;  // by path; the root is ""

void add(Tree& tree, const std::string& path, const char* text, unsigned cpu) {
    for (size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
        tree[path.substr(0, slash)];
    Entry& e = tree[path];
    e.is_dir = text == nullptr;
    if (text) e.text = expand(text, cpu) + "\n";
}

u64 ino_of(std::string_view path) {
    u64 h = 0xcbf29ce484222325ull;
    for (char ch : path) h = (h ^ static_cast<u8>(ch)) * 0x100000001b3ull;
    return (h >> 24) | 1;
}

class SysFs final : public vfs::FileSystem {
public:
    SysFs() : mounted_(vfs::now()) {
        tree_[""];
        for (const Row& r : kRows) add(tree_, r.path, r.text, 0);
        for (unsigned cpu = 0; cpu < cpu_count; cpu++)
            for (const Row& r : kCpuRows)
                add(tree_, "devices/system/cpu/cpu" + std::to_string(cpu) + "/" + r.path, r.text, cpu);
    }
    std::string_view type_name() const override { return "sysfs"; }
    Ref<vfs::Inode> root() override;
    Result<vfs::StatFs> statfs() override {
        vfs::StatFs s;
        s.type = 0x62656572;  // SYSFS_MAGIC
        return s;
    }
    const Tree& tree() const { return tree_; }
    timespec mounted() const { return mounted_; }
    template <class A>
    void state(A& ar) {
        FileSystem::state(ar);
        ar.raw(mounted_);
    }

private:
    Tree tree_;  // no state: made from the tables
    timespec mounted_;
};

class SysfsNode final : public vfs::Inode {
public:
    SysfsNode(SysFs& fs, const Tree::value_type& e)
        : Inode(fs, ino_of(e.first), e.second.is_dir ? S_IFDIR : S_IFREG), path_(e.first), text_(e.second.text) {}
    Result<vfs::Attr> attr() override {
        vfs::Attr a;
        a.mode = type() | (is_dir() ? 0555 : 0444);
        a.ino = ino();
        a.nlink = is_dir() ? 2 : 1;
        a.size = is_dir() ? 0 : kPageSize;
        a.atime = a.mtime = a.ctime = sys().mounted();
        return a;
    }
    Result<> set_attr(const vfs::SetAttr&, const vfs::Caller&) override { return err(EPERM); }
    Result<Ref<vfs::Inode>> lookup(std::string_view name) override {
        auto it = sys().tree().find(below() + std::string(name));
        if (it == sys().tree().end()) return err(ENOENT);
        return Ref<vfs::Inode>(make_ref<SysfsNode>(sys(), *it));
    }
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs& a) override;
    SysFs& sys() const { return static_cast<SysFs&>(fs()); }
    std::string below() const { return path_.empty() ? "" : path_ + "/"; }
    const std::string& text() const { return text_; }
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(sys()), path_);
    }
    // The entry of that path in the new tree.
    template <class H>
    static SysfsNode* state_make(state::Loader& ar, H& head) {
        auto& [fs, path] = head;
        auto it = fs.object->tree().find(path);
        if (it != fs.object->tree().end()) return new SysfsNode(fs, *it);
        ar.fail("there is no /sys/" + path);
        return nullptr;
    }

private:
    const std::string& path_;  // of the tree, which lives as long as the file system
    const std::string& text_;
};

class SysfsFile final : public vfs::OpenFile {
public:
    SysfsFile(vfs::Path path, int flags, SysfsNode& n) : OpenFile(std::move(path), flags), node_(n) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(vfs::Path(), 0, a.by_ref(*node_));
    }
    bool seekable() const override { return true; }
    bool epoll_allowed() const override { return false; }
    Result<i64> seek(i64 current, i64 offset, int whence, const vfs::Caller&) override {
        if (whence != SEEK_SET && whence != SEEK_CUR) return err(EINVAL);
        i64 at = 0;
        if (__builtin_add_overflow(whence == SEEK_CUR ? current : 0, offset, &at) || at < 0) return err(EINVAL);
        return at;
    }
    Result<size_t> read(mm::IoBuf& dst, i64* pos, u32, const vfs::Caller&) override {
        if (node_->is_dir()) return err(EISDIR);
        const std::string& text = node_->text();
        if (*pos < 0 || static_cast<u64>(*pos) >= text.size()) return 0;
        size_t n = SBX_TRY(dst.put(text.data() + *pos, text.size() - static_cast<size_t>(*pos)));
        *pos += static_cast<i64>(n);
        return n;
    }
    Result<> read_dir(vfs::DirSink& sink, i64* pos, const vfs::Caller&) override {
        if (!node_->is_dir()) return err(ENOTDIR);
        const Tree& tree = node_->sys().tree();
        std::string below = node_->below();
        i64 at = 0;
        // True to go on.
        auto give = [&](std::string_view name, u64 ino, u8 type) {
            if (at++ < *pos) return true;
            if (!sink.entry(name, ino, type, at)) return false;
            *pos = at;
            return true;
        };
        if (!give(".", node_->ino(), DT_DIR) || !give("..", node_->ino(), DT_DIR)) return {};
        for (auto it = tree.upper_bound(below); it != tree.end() && it->first.starts_with(below); ++it) {
            std::string_view name = std::string_view(it->first).substr(below.size());
            if (name.find('/') != name.npos) continue;
            if (!give(name, ino_of(it->first), it->second.is_dir ? DT_DIR : DT_REG)) break;
        }
        return {};
    }

private:
    Ref<SysfsNode> node_;
};

Result<Ref<vfs::OpenFile>> SysfsNode::open(const vfs::OpenArgs& a) {
    // kernfs_fop_open(): what has no write method is not opened for writing, whoever asks.
    if ((a.flags & O_ACCMODE) != O_RDONLY) return err(is_dir() ? EISDIR : EACCES);
    return Ref<vfs::OpenFile>(make_ref<SysfsFile>(a.path, a.flags, *this));
}

SBX_SAVABLE(SysFs);
SBX_SAVABLE(SysfsNode);
SBX_SAVABLE(SysfsFile);

Ref<vfs::Inode> SysFs::root() { return make_ref<SysfsNode>(*this, *tree_.begin()); }

Result<Ref<vfs::FileSystem>> create(std::string_view, std::string_view, const vfs::Caller&) {
    return Ref<vfs::FileSystem>(make_ref<SysFs>());
}

}  // namespace

void init(unsigned cpus) {
    cpu_count = cpus ? cpus : 1;
    static const vfs::FileSystemType type{"sysfs", true, true, &create};
    vfs::register_file_system(type);
}

}  // namespace sbx::sysfs
