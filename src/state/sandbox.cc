// Saving and loading a sandbox.
#include "src/state/sandbox.h"

#include <cxxabi.h>
#include <stdlib.h>

#include "src/base/archive.h"
#include "src/host/memory.h"
#include "src/kernel/task_internals.h"

namespace sbx {
namespace {

std::string host_error(const char* what, Errno e) { return std::string(what) + ": " + errno_text(e.value); }

Result<> write_all(int fd, const void* from, size_t n, u64 offset) {
    size_t written = SBX_TRY(host::write_at(fd, from, n, offset));
    return written == n ? Result<>{} : err(ENOSPC);
}

Result<> save_pages(const mm::MemoryFile& memory, int fd) {
    // Through the window and not from file to file: the host's call for that is one more in the filter.
    for (Range r : memory.contents())
        SBX_TRY(write_all(fd, const_cast<mm::MemoryFile&>(memory).window(r), r.length(), r.start));
    return {};
}

Result<> load_pages(mm::MemoryFile& memory, int fd) {
    constexpr u64 kPiece = 1 << 20;
    std::vector<u8> buffer(kPiece);
    Range rest { 0, SBX_TRY(host::file_size(fd)) };
    for (Range r = host::next_data(fd, rest); !r.empty(); r = host::next_data(fd, rest)) {
        r.end = std::min(r.end, r.start + kPiece);
        if (SBX_TRY(host::read_at(fd, buffer.data(), r.length(), r.start)) != r.length()) return err(EIO);
        SBX_TRY(memory.write(r.start, buffer.data(), r.length()));
        rest.start = r.end;
    }
    return {};
}

// Names of types as they stand in the source.
std::string readable(std::string text) {
    for (size_t at = text.find("N3sbx"); at != text.npos; at = std::string::npos) {
        size_t end = text.find(' ', at);
        std::string mangled = text.substr(at, end == text.npos ? end : end - at);
        if (char* name = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, nullptr)) {
            text.replace(at, mangled.size(), name);
            free(name);
        }
    }
    return text;
}

}  // namespace

SBX_SAVABLE(Sandbox);

std::string Sandbox::save(int archive_fd, int pages_fd) {
    clock_ = host_monotonic();
    state::Saver ar;
    std::string archive = ar.save(*this);
    if (!ar.ok()) return readable(ar.failed());
    if (Result<> r = save_pages(kernel_.memory(), pages_fd); !r) return host_error("pages", r.error());
    if (Result<> r = write_all(archive_fd, archive.data(), archive.size(), 0); !r)
        return host_error("archive", r.error());
    return {};
}

Ref<Sandbox> Sandbox::load(Kernel& kernel, hostfs::Sources& sources, int archive_fd, int pages_fd, std::string* why) {
    Result<u64> size = host::file_size(archive_fd);
    std::string archive(size ? *size : 0, '\0');
    Result<size_t> got = host::read_at(archive_fd, archive.data(), archive.size(), 0);
    if (!size || !got || *got != archive.size()) {
        *why = "the archive cannot be read";
        return nullptr;
    }
    if (Result<> r = load_pages(kernel.memory(), pages_fd); !r) {
        *why = host_error("pages", r.error());
        return nullptr;
    }
    state::Loader ar;
    ar.provide(kernel);
    ar.provide(kernel.platform());
    ar.provide(kernel.memory());
    ar.provide(kernel.tasks());
    ar.provide(sources);
    Ref<RefCounted> root = ar.load(archive);
    if (!root || !dynamic_cast<Sandbox*>(root.get())) {
        *why = ar.ok() ? "the archive is of something else" : readable(ar.failed());
        return nullptr;
    }
    auto sandbox = static_ref_cast<Sandbox>(root);
    sandbox->start_clock();
    return sandbox;
}

Result<> Sandbox::start() {
    std::vector<Ref<Task>> tasks;
    {
        SharedLock l(kernel_.tasks().mu);
        for (auto& [nr, pid] : kernel_.tasks().root_ns->pids())
            if (pid->task && pid->task->exit_state < Task::ExitState::Zombie) tasks.emplace_back(*pid->task);
    }
    for (Ref<Task>& t : tasks) SBX_TRY(TaskInternals::start(*t));
    return {};
}

}  // namespace sbx
