// PID allocation: order, wrap, numbers in use, nested namespaces.
#include <doctest/doctest.h>

#include "src/kernel/pid.h"

using namespace sbx;

namespace {
Ref<PidNamespace> root() { return PidNamespace::create_initial(UserNamespace::create_initial()); }
int take(PidNamespace& ns) {
    Result<Ref<Pid>> p = ns.allocate();
    REQUIRE(p.has_value());
    return (*p)->nr_in(ns);
}
}  // namespace

TEST_CASE("numbers go up and are not reused at once") {
    Ref<PidNamespace> ns = root();
    Result<Ref<Pid>> a = ns->allocate();
    CHECK((*a)->nr_in(*ns) == 1);
    CHECK(take(*ns) == 2);
    CHECK(ns->find(1) == a->get());
    PidNamespace::unuse(**a);
    CHECK(ns->find(1) == nullptr);
    CHECK((*a)->dead());
    CHECK(take(*ns) == 3);
}

TEST_CASE("a number stays taken while anything uses it") {
    Ref<PidNamespace> ns = root();
    Result<Ref<Pid>> a = ns->allocate();
    PidNamespace::use(**a);
    PidNamespace::unuse(**a);
    CHECK(ns->find(1) == a->get());
    PidNamespace::unuse(**a);
    CHECK(ns->find(1) == nullptr);
}

TEST_CASE("wraps to 300, skips what is in use, and is full at last") {
    Ref<PidNamespace> ns = root();
    ns->pid_max = 305;
    ns->last_pid = 302;
    CHECK(take(*ns) == 303);
    CHECK(take(*ns) == 304);
    CHECK(take(*ns) == 300);
    ns->last_pid = 304;
    CHECK(take(*ns) == 301);
    CHECK(take(*ns) == 302);
    Result<Ref<Pid>> full = ns->allocate();
    REQUIRE(!full.has_value());
    CHECK(full.error() == EAGAIN);
}

TEST_CASE("numbers asked for") {
    Ref<PidNamespace> ns = root();
    const int want[] = {50};
    CHECK(ns->allocate(want).error() == EINVAL);  // before there is an init
    CHECK(take(*ns) == 1);
    const int zero[] = {0};
    CHECK(ns->allocate(zero).error() == EINVAL);
    const int two[] = {5, 6};
    CHECK(ns->allocate(two).error() == EINVAL);
    const int one[] = {1};
    CHECK(ns->allocate(one).error() == EEXIST);
}

TEST_CASE("a nested namespace shows its own numbers, its parent others") {
    Ref<PidNamespace> ns = root();
    take(*ns);
    Result<Ref<PidNamespace>> inner = PidNamespace::create(ns, Ref<UserNamespace>(ns->owner()));
    REQUIRE(inner.has_value());
    Result<Ref<Pid>> p = (*inner)->allocate();
    CHECK((*p)->nr_in(**inner) == 1);
    CHECK((*p)->nr_in(*ns) == 2);
    CHECK(ns->contains(**inner));
    CHECK(!(*inner)->contains(*ns));
    Result<Ref<PidNamespace>> other = PidNamespace::create(ns, Ref<UserNamespace>(ns->owner()));
    CHECK((*p)->nr_in(**other) == 0);
    (*inner)->dying = true;
    CHECK((*inner)->allocate().error() == ENOMEM);
}

TEST_CASE("namespaces nest 32 deep at most") {
    Ref<PidNamespace> ns = root();
    int levels = 1;
    for (;; levels++) {
        Result<Ref<PidNamespace>> inner = PidNamespace::create(ns, Ref<UserNamespace>(ns->owner()));
        if (!inner) {
            CHECK(inner.error() == ENOSPC);
            break;
        }
        ns = *inner;
    }
    CHECK(levels == 32);
}
