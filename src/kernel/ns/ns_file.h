// NamespaceFile: an open file that stands for a namespace (/proc/PID/ns/*, fs/nsfs), as setns(2) takes it. Implemented by nsfs.
#pragma once

#include "fs/vfs/open_file.h"

namespace sbx {

class NamespaceFile : public vfs::OpenFile {
public:
    static constexpr char kKind = 0;
    const void* kind() const override { return &kKind; }
    // `type`: CLONE_NEW*; `ns`: UtsNamespace, IpcNamespace, NetNamespace, CgroupNamespace, MountNamespace, PidNamespace or UserNamespace.
    NamespaceFile(vfs::Path path, int flags, u64 type, Ref<RefCounted> ns)
        : OpenFile(std::move(path), flags), type_(type), ns_(std::move(ns)) {}
    u64 type() const { return type_; }
    const Ref<RefCounted>& ns() const { return ns_; }

private:
    const u64 type_;
    Ref<RefCounted> ns_;
};

}  // namespace sbx
