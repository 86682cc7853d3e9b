// devfs: /dev of the sandbox: a tmpfs with the nodes that programs expect, and the memory devices behind them (mem(4), random(4)). Terminals
// are devpts's. Used by the boot code.
#pragma once

#include <string>
#include <vector>

namespace sbx::devfs {

// Registers the file system type "devtmpfs", whose new instances hold the nodes of `allow` (names as in [devices] allow: null, zero,
// full, random, urandom, tty, ptmx), and the devices.
void init(std::vector<std::string> allow);

}  // namespace sbx::devfs
