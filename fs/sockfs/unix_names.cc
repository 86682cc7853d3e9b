// Names of unix sockets: abstract ones by network namespace, and those of the file system.
#include <stddef.h>
#include <stdio.h>
#include <sys/un.h>

#include <map>

#include "fs/sockfs/unix_socket.h"
#include "fs/vfs/operations.h"
#include "src/base/archive.h"

namespace sbx::sockfs {
namespace {

constexpr size_t kPathOffset = offsetof(sockaddr_un, sun_path);

struct Names {
    Mutex<Rank::SocketPair> mu;
    // An endpoint takes itself off before it is destroyed.
    std::map<std::pair<u64, std::string>, UnixEndpoint*> by_name SBX_GUARDED_BY(mu);
};
Names& names() {
    static Names& n = *new Names;  // no state: endpoints enter themselves
    return n;
}

std::atomic<u64> next_autobind{0};
SBX_SAVED_COUNTER(next_autobind);

// unix_validate_addr(). The part after the family.
Result<std::string_view> path_part(const std::string& a) {
    if (a.size() <= kPathOffset || a.size() > sizeof(sockaddr_un)) return err(EINVAL);
    sa_family_t family = 0;
    a.copy(reinterpret_cast<char*>(&family), sizeof family);
    if (family != AF_UNIX) return err(EINVAL);
    return std::string_view(a).substr(kPathOffset);
}

std::string make_address(std::string_view path) {
    sa_family_t family = AF_UNIX;
    std::string a(reinterpret_cast<const char*>(&family), sizeof family);
    a += path;
    return a;
}

}  // namespace

Result<> UnixEndpoint::bind(const std::string& address, const vfs::Caller& c) {
    bool autobind = address.size() == kPathOffset && address == make_address({});
    std::string_view path = autobind ? std::string_view() : SBX_TRY(path_part(address));
    bool named = false;
    {
        Lock l(mu_);
        named = !name_.empty() || binding_;
        if (named && (autobind || path[0] == 0)) return autobind ? Result<>() : err(EINVAL);
        if (!named) binding_ = true;
    }
    std::string full;
    bool abstract = autobind || path[0] == 0;
    Ref<vfs::Inode> inode;
    Result<> result;
    if (autobind) {
        Lock l(names().mu);
        result = err(ENOSPC);
        for (unsigned tries = 0; tries <= 0xfffff && !result; tries++) {
            char text[7] = {};
            snprintf(text + 1, 6, "%05x", static_cast<u32>((next_autobind.fetch_add(1) + 1) & 0xfffff));
            full = make_address(std::string_view(text, 6));
            if (names().by_name.try_emplace({net_ns_, full}, this).second) result = {};
        }
    } else if (abstract) {
        full = address;
        Lock l(names().mu);
        if (!names().by_name.try_emplace({net_ns_, full}, this).second) result = err(EADDRINUSE);
    } else {
        std::string text(path.substr(0, path.find('\0')));
        full = make_address(text) + '\0';
        Result<vfs::Path> made = vfs::make_node(c, {}, text, S_IFSOCK | 0777, 0);
        if (!made)
            result = err(made.error() == EEXIST ? Errno{EADDRINUSE} : made.error());
        else if (named) {
            // That it has a name already is seen last (unix_bind_bsd()).
            (void)vfs::unlink(c, {}, text);
            result = err(EINVAL);
        } else {
            inode = Ref<vfs::Inode>(made->dentry->inode()->real());
            inode->attach(Ref<UnixEndpoint>(this));
        }
    }
    if (named) return result;
    Lock l(mu_);
    binding_ = false;
    if (!result) return result;
    name_ = std::move(full);
    abstract_ = abstract;
    inode_ = std::move(inode);
    return {};
}

void UnixEndpoint::state_loaded(state::Loader& ar) SBX_NO_TSA {
    if (!abstract_) return;
    Lock l(names().mu);
    if (!names().by_name.try_emplace({net_ns_, name_}, this).second) ar.fail("two sockets have the same name");
}

void UnixEndpoint::unname() {
    std::string name;
    Ref<vfs::Inode> inode;
    bool listed = false;
    {
        Lock l(mu_);
        listed = std::exchange(abstract_, false);
        name = name_;
        inode.reset();
        std::swap(inode, inode_);
    }
    if (listed) {
        Lock l(names().mu);
        auto it = names().by_name.find({net_ns_, name});
        if (it != names().by_name.end() && it->second == this) names().by_name.erase(it);
    }
    if (inode && inode->attached() == this) inode->attach({});
}

Result<Ref<UnixEndpoint>> UnixEndpoint::find(const std::string& address, const vfs::Caller& c) {
    std::string_view path = SBX_TRY(path_part(address));
    Ref<UnixEndpoint> found;
    if (path[0] == 0) {
        Lock l(names().mu);
        auto it = names().by_name.find({net_ns_, address});
        if (it == names().by_name.end() || !it->second->try_ref()) return err(ECONNREFUSED);
        found = Ref<UnixEndpoint>::adopt(it->second);
    } else {
        vfs::Path p = SBX_TRY(vfs::walk(c, {}, path.substr(0, path.find('\0'))));
        SBX_TRY(vfs::check_permission(c, p, vfs::kMayWrite));
        vfs::Inode& inode = p.dentry->inode()->real();
        if (inode.type() != S_IFSOCK) return err(ECONNREFUSED);
        found = static_ref_cast<UnixEndpoint>(inode.attached());
        if (!found) return err(ECONNREFUSED);
    }
    if (found->type_ != type_) return err(EPROTOTYPE);
    return found;
}

}  // namespace sbx::sockfs
