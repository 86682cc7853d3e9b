// Sandbox: a kernel without a platform, with one task that makes system calls when the test says so. Tests of saving and loading fill it,
// and look whether the loaded one goes on in the same way.
#pragma once

#include <sys/mman.h>
#include <sys/syscall.h>

#include <string>
#include <type_traits>
#include <vector>

#include "fs/hostfs/hostfs.h"
#include "fs/vfs/fd_table.h"
#include "src/base/archive.h"
#include "src/kernel/kernel.h"
#include "src/kernel/ns/namespaces.h"
#include "src/kernel/process_tree.h"
#include "src/kernel/sessions.h"
#include "syscalls/table.h"
#include "test/unit/mm/fake_space.h"
#include "test/unit/vfs/world.h"

namespace sbx::test {

class Sandbox {
public:
    Sandbox() : memory_(init_tmpfs()), kernel_(make_kernel(memory_)) {
        init_tmpfs();
        Ref<UserNamespace> ns(kernel_.user_ns());
        Ref<vfs::Mount> mount = vfs::Mount::create(tmpfs::create({.mode = 0755}), nullptr, 0, "tmpfs");
        Ref<vfs::MountNamespace> mounts = vfs::MountNamespace::create(mount, ns);
        User root(mount->root_path(), ns, 0);
        Task::Args a;
        a.kernel = &kernel_;
        a.group = make_ref<ThreadGroup>(kernel_, make_ref<SignalHandlers>());
        a.mm = *mm::MemoryManager::create(kernel_.platform(), memory_);
        a.fs = Ref<vfs::FsContext>(*root.c.fs);
        a.creds = CredsRef(root.c.creds);
        a.files = make_ref<vfs::FdTable>();
        a.ns = initial_namespaces(kernel_, mounts);
        a.pid = *kernel_.tasks().root_ns->allocate();
        a.group->pid = a.pid;
        task_ = Task::create(a);
        keep(task_);
        REQUIRE(code(adopt_outside_task(*task_)) == 0);
        reserve();
    }

    // A child of the task, in a process of its own that shares all that tasks can share.
    Task& add_process() {
        Task::Args a;
        a.kernel = &kernel_;
        a.group = make_ref<ThreadGroup>(kernel_, make_ref<SignalHandlers>());
        a.mm = task_->mm_ref();
        a.fs = task_->fs_of();
        a.creds = task_->creds();
        a.files = task_->files_of();
        a.ns = task_->ns();
        a.pid = *kernel_.tasks().root_ns->allocate();
        a.group->pid = a.pid;
        Ref<Task> child = Task::create(a);
        Lock l(kernel_.tasks().mu);
        link_task(*child, task_.get(), SIGCHLD);
        join_session(*a.group, task_->group().session);
        join_pgrp(*a.group, task_->group().pgrp);
        l.unlock();
        return *keep(std::move(child));
    }

    Task& task() const { return *task_; }
    Kernel& kernel() const { return kernel_; }
    vfs::OpenFile& file(long fd) const { return **task_->files().get(static_cast<int>(fd)); }
    const vfs::Caller& caller() const { return task_->caller(); }

    // A system call: its result, or the errno as a negative number.
    template <class... A>
    long call(long nr, A... args) const {
        SyscallArgs a{};
        size_t i = 0;
        ((a.a[i++] = word(args)), ...);
        Result<long> r = find_syscall(static_cast<u64>(nr))->handler(*task_, a);
        return r ? *r : -static_cast<long>(r.error().value);
    }
    // Application memory: what is put there stays until the end of the test.
    u64 put(const void* from, size_t n) {
        u64 at = next_;
        next_ += (n + 15) / 16 * 16;
        REQUIRE(task_->mm().copy_out(at, from, n));
        return at;
    }
    u64 put(std::string_view s) { return put(std::string(s).c_str(), s.size() + 1); }
    template <class T>
    requires(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>) u64 put(const T& t) { return put(&t, sizeof t); }
    template <class T>
    T get(u64 at) const {
        T t{};
        CHECK(task_->mm().copy_in(at, &t, sizeof t));
        return t;
    }
    std::string text(u64 at, size_t n) const {
        std::string s(n, '?');
        CHECK(task_->mm().copy_in(at, s.data(), n));
        return s;
    }
    // read(2) of up to 64 KiB, write(2).
    std::string read(long fd) {
        u64 at = put(std::string(65536, 0).data(), 65536);
        long n = call(SYS_read, fd, at, 65536);
        return n < 0 ? std::string("!") + errno_name(static_cast<int>(-n)) : text(at, static_cast<size_t>(n));
    }
    long write(long fd, std::string_view s) { return call(SYS_write, fd, put(s.data(), s.size()), s.size()); }
    short poll(long fd) const {
        return static_cast<short>(file(fd).poll(kEventAll & ~kEventInternal, task_->caller()));
    }

    std::string save() const {
        state::Saver ar;
        std::string bytes = ar.save(*task_);
        CHECK(ar.failed() == "");
        return bytes;
    }
    // In a kernel and memory of its own. `prepare` may provide more.
    template <class Prepare>
    static Sandbox load(const std::string& bytes, Prepare&& prepare) {
        std::string why;
        Sandbox s(*new_memory(), bytes, prepare, &why);
        CHECK(why == "");
        REQUIRE(s.task_);
        return s;
    }
    static Sandbox load(const std::string& bytes) {
        return load(bytes, [](state::Loader&) {});
    }
    // Why the archive is none.
    static std::string why_not(const std::string& bytes, hostfs::Sources sources = {}) {
        std::string why;
        auto prepare = [&sources](state::Loader& ar) { ar.provide(sources); };
        Sandbox s(*new_memory(), bytes, prepare, &why);
        return why;
    }

private:
    template <class Prepare>
    Sandbox(mm::MemoryFile& memory, const std::string& bytes, Prepare&& prepare, std::string* why)
        : memory_(memory), kernel_(make_kernel(memory_)) {
        state::Loader ar;
        ar.provide(kernel_);
        ar.provide(kernel_.platform());
        ar.provide(kernel_.tasks());
        ar.provide(memory_);
        prepare(ar);
        Ref<RefCounted> root = ar.load(bytes);
        *why = ar.failed();
        if (!root) return;
        task_ = static_ref_cast<Task>(root);
        keep(task_);
        kernel_.tasks().root_ns = Ref<PidNamespace>(task_->pid_ns());
        reserve();
    }
    template <class T>
    static u64 word(T v) {
        if constexpr (std::is_pointer_v<T>)
            return reinterpret_cast<u64>(v);
        else
            return static_cast<u64>(v);
    }
    // Kernels and tasks lead to each other, and stay until the process ends.
    template <class T>
    static T& keep(T&& t) {
        static auto& kept = *new std::vector<std::decay_t<T>>;
        kept.push_back(std::forward<T>(t));
        return kept.back();
    }
    static Kernel& make_kernel(mm::MemoryFile& memory) {
        Kernel::Options o;
        return *keep(std::make_unique<Kernel>(o, std::make_unique<FakePlatform>(), Ref<mm::MemoryFile>(memory)));
    }
    static mm::MemoryFile* new_memory() {
        Ref<mm::MemoryFile> m = *mm::MemoryFile::create(1ull << 34);
        mm::MemoryFile& from = init_tmpfs();
        for (Range r : from.contents()) REQUIRE(m->write(r.start, from.window(r), r.length()));
        mm::MemoryFile* p = m.get();
        keep(std::move(m));
        return p;
    }
    void reserve() {
        mm::MmapRequest r;
        r.length = 16 << 20;
        r.prot = PROT_READ | PROT_WRITE;
        r.flags = MAP_PRIVATE | MAP_ANONYMOUS;
        next_ = *task_->mm().mmap(r, task_->mm_limits());
    }

    mm::MemoryFile& memory_;
    Kernel& kernel_;
    Ref<Task> task_;
    u64 next_ = 0;
};

}  // namespace sbx::test
