// sysfs: /sys of the sandbox (sysfs(5)): what programs look for, CPUs and loopback above all. Used by the boot code and mount(2).
//
// Everything is fixed when an instance is made; nothing can be written (EACCES, also for root). No uevents, no device directories.
#pragma once

namespace sbx::sysfs {

// Registers the file system type "sysfs", which shows that many CPUs.
void init(unsigned cpus);

}  // namespace sbx::sysfs
