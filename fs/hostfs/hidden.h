// Names that a hostfs does not have although the host does ([hide] of the configuration). Made by the boot code, asked by fs/hostfs.
//
// A hidden name is not found, not listed, and cannot be made, replaced or removed. What is reached by another name (a hard link, a symlink's
// target outside) is not hidden: names are, not files.
#pragma once

#include <string_view>

#include "src/base/ref.h"

namespace sbx::hostfs {

class Hidden : public RefCounted {
public:
    // False if no path that ends in this name is hidden: saves making the path. Any thread; must not block.
    virtual bool may_hide(std::string_view name) const = 0;
    // `path`: below the root of the hostfs, as "/home/u/.ssh".
    virtual bool hides(std::string_view path) const = 0;
};

}  // namespace sbx::hostfs
