// The anonymous inode and its file system.
#include "fs/anon/anon_inode.h"

#include "fs/vfs/dentry.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/open_file.h"
#include "src/base/archive.h"

namespace sbx::anon {
namespace {

class AnonInode final : public vfs::Inode {
public:
    // S_IFMT is 0 on Linux: no type at all.
    explicit AnonInode(vfs::FileSystem& fs) : Inode(fs, 1, 0) {}
    Result<vfs::Attr> attr() override {
        vfs::Attr a;
        a.mode = 0600;
        a.ino = ino();
        return a;
    }
    // Nothing of a shared inode can be changed (anon_inode_setattr()).
    Result<> set_attr(const vfs::SetAttr&, const vfs::Caller&) override { return err(EOPNOTSUPP); }
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs&) override { return err(ENXIO); }
    // There is one, in every process.
    static AnonInode* state_make(state::Loader&);
};

class AnonFs final : public vfs::FileSystem {
public:
    std::string_view type_name() const override { return "anon_inodefs"; }
    Ref<vfs::Inode> root() override { return {}; }
    Result<vfs::StatFs> statfs() override {
        vfs::StatFs s;
        s.type = 0x09041934;  // ANON_INODE_FS_MAGIC
        return s;
    }
    // There is one, in every process.
    static AnonFs* state_make(state::Loader&);
};

AnonFs& anon_fs() {
    static AnonFs& fs = *make_ref<AnonFs>().release();  // no state: there is one in every process
    return fs;
}

AnonInode& anon_inode() {
    static AnonInode& inode = *make_ref<AnonInode>(anon_fs()).release();  // no state: there is one in every process
    return inode;
}

AnonFs* AnonFs::state_make(state::Loader&) { return Ref<AnonFs>(anon_fs()).release(); }

AnonInode* AnonInode::state_make(state::Loader&) { return Ref<AnonInode>(anon_inode()).release(); }

SBX_SAVABLE(AnonFs);
SBX_SAVABLE(AnonInode);

}  // namespace

vfs::Path anon_path(std::string_view name) {
    AnonFs& fs = anon_fs();
    AnonInode& inode = anon_inode();
    static const Ref<vfs::Mount>& mount = *new Ref<vfs::Mount>(vfs::Mount::create(
        Ref<vfs::FileSystem>(fs), vfs::Dentry::create_root(Ref<vfs::Inode>(inode), "anon_inode:"), 0, "none"));
    return {mount, vfs::Dentry::create_root(Ref<vfs::Inode>(inode), "anon_inode:" + std::string(name))};
}

}  // namespace sbx::anon
