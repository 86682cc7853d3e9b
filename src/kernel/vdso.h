// Vdso: what every program of a sandbox has mapped as [vvar] and [vdso] (vdso(7)): one copy, in the memory file. Made at boot by
// loader/vdso.cc, which maps it; Kernel keeps it.
#pragma once

#include "platform/platform.h"
#include "src/abi/vdso_data.h"
#include "src/mm/mappable.h"

namespace sbx {

class Vdso {
public:
    // `image`: the ELF file that applications run. ENOMEM.
    static Result<std::unique_ptr<Vdso>> create(mm::MemoryFile& memory, ConstBytes image,
                                                const platform::HostVdso& host);
    const Ref<mm::Mappable>& data() const { return data_; }  // one page, [vvar]
    const Ref<mm::Mappable>& image() const { return image_; }
    u64 image_size() const { return image_size_; }
    // After loading: the host's functions may be others.
    void set_host(const platform::HostVdso& host);
    // A task is told other CPUs than the host's from now on: getcpu is the system call.
    void cpus_differ();

private:
    friend struct state::Access;
    template <class A>
    void state(A& ar) {
        ar(data_, image_, image_size_);
    }
    Ref<mm::Mappable> data_, image_;
    sbx_vdso_data* live() const;  // the data page, in the sentry's window; applications read it any time
    u64 image_size_ = 0;
};

// What the data page says at first.
sbx_vdso_data vdso_data(const platform::HostVdso& host);

}  // namespace sbx
