// File systems: device numbers, root dentries, and the registries of types, devices and the FIFO opener.
#include "fs/vfs/file_system.h"

#include <sys/sysmacros.h>

#include "fs/vfs/open_file.h"
#include "src/base/archive.h"

namespace sbx::vfs {
namespace {

// Anonymous device numbers: major 0, minors from 32 so that they do not look like the first ones of a real host.
std::atomic<u32> next_minor{32};
SBX_SAVED_COUNTER(next_minor);

// Filled at start-up by one thread, read only after.
std::vector<FileSystemType>& types() {
    static std::vector<FileSystemType> v;  // no state: registered at start-up
    return v;
}

struct DeviceRow {
    u32 type;
    unsigned major, first, last;
    DeviceOpener opener;
};
std::vector<DeviceRow>& devices() {
    static std::vector<DeviceRow> v;  // no state: registered at start-up
    return v;
}
FifoOpener fifo_opener = nullptr;  // no state: registered at start-up

}  // namespace

FileSystem::FileSystem() : dev_(makedev(0, next_minor.fetch_add(1))) {}
FileSystem::~FileSystem() = default;

Result<> FileSystem::remount(std::string_view data, const Caller&) {
    if (!data.empty()) return err(EINVAL);
    return {};
}

Ref<Dentry> FileSystem::root_dentry() {
    {
        Lock l(root_mu_);
        if (root_dentry_ && root_dentry_->try_ref()) return Ref<Dentry>::adopt(root_dentry_);
    }
    Ref<Dentry> d = Dentry::create_root(root());
    Ref<Dentry> other;
    Lock l(root_mu_);
    if (root_dentry_ && root_dentry_->try_ref()) {
        // d's destructor takes root_mu_: it must outlive the lock.
        other = Ref<Dentry>::adopt(root_dentry_);
        l.unlock();
        return other;
    }
    root_dentry_ = d.get();
    return d;
}

void FileSystem::root_dentry_gone(Dentry& d) {
    Lock l(root_mu_);
    if (root_dentry_ == &d) root_dentry_ = nullptr;
}

void register_file_system(const FileSystemType& type) { types().push_back(type); }

const FileSystemType* find_file_system(std::string_view name) {
    for (const FileSystemType& t : types())
        if (t.name == name) return &t;
    return nullptr;
}

std::vector<const FileSystemType*> file_system_types() {
    std::vector<const FileSystemType*> out;
    for (const FileSystemType& t : types()) out.push_back(&t);
    return out;
}

void register_device(u32 type, unsigned major, unsigned minor_first, unsigned minor_last, DeviceOpener opener) {
    devices().push_back({type, major, minor_first, minor_last, opener});
}

void register_fifo_opener(FifoOpener opener) { fifo_opener = opener; }

Result<Ref<OpenFile>> open_device(const OpenArgs& a, u32 type, dev_t dev) {
    for (const DeviceRow& r : devices())
        if (r.type == type && r.major == major(dev) && minor(dev) >= r.first && minor(dev) <= r.last)
            return r.opener(a, dev);
    return err(ENXIO);
}

Result<Ref<OpenFile>> open_fifo(const OpenArgs& a, Inode& inode) {
    if (!fifo_opener) return err(ENXIO);
    return fifo_opener(a, inode);
}

}  // namespace sbx::vfs
