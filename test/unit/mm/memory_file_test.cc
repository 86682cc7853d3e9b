// The memory file: allocation, reference counts, zero pages after reuse.
#include "src/mm/memory_file.h"

#include <doctest/doctest.h>

#include <cstring>
#include <map>
#include <random>
#include <vector>

using namespace sbx;
using namespace sbx::mm;

TEST_CASE("memory file: ranges do not overlap, are zero, and come back") {
    auto file = *MemoryFile::create(1ull << 30);
    std::mt19937_64 random(2);
    struct Held {
        Range r;
        u8 fill;
    };
    std::vector<Held> held;
    for (int step = 0; step < 3000; step++) {
        if (held.size() < 60 && random() % 2) {
            u64 length = (1 + random() % 40) * kPageSize;
            Placement p;
            p.grows = random() % 2;
            if (!held.empty() && random() % 2) p.want = held[random() % held.size()].r.end;
            auto r = file->allocate(length, MemoryKind::Anonymous, p);
            REQUIRE(r);
            const u8* w = file->window(*r);
            for (u64 i = 0; i < length; i += kPageSize) REQUIRE(w[i] == 0);
            u8 fill = static_cast<u8>(1 + random() % 255);
            memset(file->window(*r), fill, length);
            held.push_back({*r, fill});
        } else if (!held.empty()) {
            size_t i = random() % held.size();
            const u8* w = file->window(held[i].r);
            for (u64 k = 0; k < held[i].r.length(); k += 512) REQUIRE(w[k] == held[i].fill);
            file->dec_ref(held[i].r);
            held[i] = held.back();
            held.pop_back();
        }
    }
    u64 bytes = 0;
    for (Held& h : held) bytes += h.r.length();
    for (Held& h : held) file->dec_ref(h.r);
    file->set_cap(0);
    CHECK(!file->over_limit());
    CHECK(file->usage() == 0);
    auto all = file->allocate(1ull << 30, MemoryKind::Anonymous);
    REQUIRE(all);
    CHECK(file->allocate(kPageSize, MemoryKind::Anonymous).error() == ENOMEM);
    file->dec_ref(*all);
}

TEST_CASE("memory file: reference counts by range") {
    auto file = *MemoryFile::create(64 << 20);
    Range r = *file->allocate(16 * kPageSize, MemoryKind::Anonymous);
    Range part{r.start + 4 * kPageSize, r.start + 8 * kPageSize};
    file->inc_ref(part);
    CHECK(file->ref_count_of(part.start) == 2);
    CHECK(file->ref_count_of(r.start) == 1);
    CHECK(file->sole_range(part.start).empty());
    CHECK(file->sole_range(r.start).end == part.start);
    file->dec_ref(r);
    CHECK(file->ref_count_of(r.start) == 0);
    CHECK(file->ref_count_of(part.start) == 1);
    file->dec_ref(part);
    CHECK(file->ref_count_of(part.start) == 0);
}

TEST_CASE("memory file: a placement that is free is taken, neighbours stay neighbours") {
    auto file = *MemoryFile::create(4ull << 30);
    Placement p;
    p.grows = true;
    Range a = *file->allocate(kPageSize, MemoryKind::Anonymous, p);
    for (int i = 0; i < 100; i++) {
        p.want = a.end;
        Range b = *file->allocate(kPageSize, MemoryKind::Anonymous, p);
        CHECK(b.start == a.end);
        a = b;
    }
}

TEST_CASE("memory file: the cap counts what is used") {
    auto file = *MemoryFile::create(64 << 20);
    file->set_cap(1 << 20);
    Range r = *file->allocate(8 << 20, MemoryKind::Anonymous);
    CHECK(!file->over_limit());
    memset(file->window(r), 1, 2 << 20);
    CHECK(file->committed(r) == 2 << 20);
    CHECK(file->over_limit());
    file->decommit(Range{r.start, r.start + (1 << 20)});
    CHECK(!file->over_limit());
    CHECK(*file->window(r) == 0);
}
