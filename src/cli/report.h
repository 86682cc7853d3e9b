// The report of a run (--report): a JSON file that says how the program ended and what it used. Used by boot.cc.
#pragma once

#include "src/cli/supervise.h"
#include "src/config/config.h"
#include "src/config/error.h"
#include "src/config/value.h"
#include "src/host/unique_fd.h"
#include "src/kernel/kernel.h"

namespace sbx::boot {

class Report {
public:
    // Opens the file, while the sentry still can. Nothing is ever written without log.report.
    explicit Report(const Config& config);
    void ended(const Supervisor& supervisor, int status, Kernel& kernel, ThreadGroup& program) const;
    // sbx gave up before the program ran.
    void failed(const UserError& error) const;

private:
    void write(const config::Value& value) const;
    const Config& config_;
    host::UniqueFd file_;
    Nanos start_;
};

}  // namespace sbx::boot
