// All lock ranks, outermost first: a thread may only take a lock of a higher rank than those it holds (checked when
// SBX_DEBUG=1). Each line says why the rank stands where it does.
#pragma once

namespace sbx {

enum class Rank : unsigned {
    Boot,       // start and end of the sandbox; outermost
    KernelExt,  // Kernel: pause, checkpoint; everything stops under it
    OpenFile,  // file position, directory cursor: read, write and getdents run under it, so outside of all file systems' locks
    FsRename,        // one rename at a time in a file system (dentry tree changes over two directories)
    Dir,             // an inode's directory lock; parent before child (nestable by that rule)
    DentryTree,      // dentry children, names, mounts
    InodeData,       // an inode's data and size (i_rwsem); copy in/out happens above or outside of it
    Overlay,         // copy-up of one inode
    Epoll,           // epoll instance; nests along the (acyclic, bounded) epoll tree
    Tty,             // tty state; before TaskSet: job control looks up groups
    SocketPair,      // two unix sockets, by address
    Socket,          // one socket
    Pipe,            // pipe buffer
    FdTable,         // descriptor table; closing happens after it is dropped
    FsContext,       // root, cwd, umask
    FileLocks,       // record and flock lists of an inode
    Inotify,         // watches and event queue
    Mm,              // address space (mmap_sem): VMAs and pmas; held across guest memory access, by design
    MmMappings,      // who maps a file (reverse map), taken under Mm and by truncation alone
    FilePages,       // which pages hold the data of an in-memory file; Mappable::translate takes it under Mm
    MemoryFile,      // allocator of the memory file
    PlatformMapper,  // the platform's address-space changes
    Sigio,           // sending of SIGIO, one batch at a time
    TaskSet,         // tasks, thread groups, sessions, PID namespaces
    SignalHandlers,  // dispositions and all pending queues of the thread groups sharing them
    Task,            // one task's own fields that others read
    TimerGroup,      // a thread group's itimers and posix timers; the CPU clock takes them under TaskSet
    Timer,           // one posix timer
    Timekeeper,      // timer list; the delivery of a timer's signal lets the timer go on
    Futex,           // futex bucket
    RunningTasks,    // count of running tasks, for the CPU clock
    WaitQueue,       // one wait queue; callbacks run under it; nests along the epoll tree
    EpollReady,      // an epoll's ready list, taken by callbacks
    Leaf,            // takes no other lock inside
    Log,             // log sink; innermost
};

}  // namespace sbx
