// The printer of system calls (--trace), in the short form of strace(1). Used by cli/boot.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace sbx {

// Starts printing to the descriptor the calls that the filter chooses: names, families ("file", "desc", "process", "memory", "network",
// "signal", with or without strace's %), "all"; "!x" takes x out again. Before any task runs. Returns the item that names nothing, or "".
std::string start_trace(const std::vector<std::string>& filter, int fd);
// The line of the first program, whose execve nobody made.
void trace_first_program(const std::string& path, const std::vector<std::string>& argv, size_t variables);

}  // namespace sbx
