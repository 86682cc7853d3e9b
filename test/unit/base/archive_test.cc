#include "src/base/archive.h"

#include <doctest/doctest.h>

namespace sbx {
namespace {

struct NodeTag {};

struct Leaf : RefCounted {
    int value = 0;
    std::string text;
    template <class A>
    void state(A& ar) {
        ar(value, text);
    }
};
SBX_SAVABLE(Leaf);

struct Part {
    u32 n = 0;
    template <class A>
    void state(A& ar) {
        ar.identity(*this);
        ar(n);
    }
};

struct Span {
    Ref<Leaf> leaf;
    u64 offset = 0;
    void advance(u64 by) { offset += by; }
    bool joins(const Span&, u64) const { return false; }
    template <class A>
    void state(A& ar) {
        ar(leaf, offset);
    }
};

struct Tree : RefCounted, ListNode<NodeTag> {
    explicit Tree(int k) : kind(k) {}
    const int kind;
    Tree* up = nullptr;
    Ref<Tree> ring;
    Ref<const Leaf> leaf;
    List<Tree, NodeTag> members;
    std::vector<Ref<Leaf>> leaves;
    std::map<std::string, u64> names;
    std::optional<int> maybe;
    std::variant<int, std::string> either;
    std::atomic<u64> count{0};
    IntervalMap<Span> spans;
    Part part;
    Part* pointed = nullptr;
    bool was_loaded = false;
    template <class A>
    auto state_head(A a) const {
        return a.args(kind);
    }
    template <class A>
    void state(A& ar) {
        ar(up, ring, leaf, members, leaves, names, maybe, either, count, spans, part);
        ar.link(pointed);
    }
    void state_loaded(state::Loader&) { was_loaded = true; }
};
SBX_SAVABLE(Tree);

struct Foreign : RefCounted {};

// Breaks the circle so that everything can go.
void take_apart(Tree& t) {
    while (Tree* m = t.members.front()) List<Tree, NodeTag>::remove(*m);
    t.ring.reset();
}

Ref<Tree> sample() {
    auto t = make_ref<Tree>(7);
    auto other = make_ref<Tree>(8);
    auto leaf = make_ref<Leaf>();
    leaf->value = 42;
    leaf->text = std::string("a\0b", 3);
    t->ring = other;
    other->ring = t;
    other->up = t.get();
    t->members.push_back(*other);
    t->leaf = leaf;
    t->leaves = {leaf, nullptr, leaf};
    t->names = {{"one", 1}, {"two", 2}};
    other->maybe = 5;
    t->either = std::string("text");
    t->count = 1ull << 40;
    t->spans.insert(Range{10, 20}, Span{leaf, 3});
    t->spans.insert(Range{20, 30}, Span{nullptr, 4});
    t->part.n = 9;
    other->pointed = &t->part;
    return t;
}

TEST_CASE("archive: a graph comes back as it was") {
    Ref<Tree> before = sample();
    state::Saver saver;
    std::string bytes = saver.save(*before);
    CHECK(saver.failed() == "");
    take_apart(*before);
    state::Loader loader;
    Ref<RefCounted> root = loader.load(bytes);
    CHECK(loader.failed() == "");
    REQUIRE(root);
    auto* t = dynamic_cast<Tree*>(root.get());
    REQUIRE(t);
    CHECK(t->kind == 7);
    Tree* other = t->ring.get();
    REQUIRE(other);
    CHECK(other->kind == 8);
    CHECK(other->ring == t);
    CHECK(other->up == t);
    CHECK(t->members.front() == other);
    CHECK(t->leaf->value == 42);
    CHECK(t->leaf->text == std::string("a\0b", 3));
    REQUIRE(t->leaves.size() == 3);
    CHECK(t->leaves[0].get() == t->leaf.get());
    CHECK(!t->leaves[1]);
    CHECK(t->names.at("two") == 2);
    CHECK(other->maybe == 5);
    CHECK(!t->maybe);
    CHECK(std::get<std::string>(t->either) == "text");
    CHECK(t->count == 1ull << 40);
    CHECK(t->spans.find(15)->leaf.get() == t->leaf.get());
    CHECK(t->spans.find(20)->offset == 4);
    CHECK(other->pointed == &t->part);
    CHECK(t->was_loaded);
    CHECK(other->was_loaded);
    // Two of the vector, one each of the field and the map.
    CHECK(t->leaf->ref_count() == 4);
    take_apart(*t);
}

TEST_CASE("archive: what has no type is refused") {
    auto f = make_ref<Foreign>();
    state::Saver saver;
    CHECK(saver.save(*f) == "");
    CHECK(saver.failed().find("Foreign") != std::string::npos);
}

TEST_CASE("archive: damage is an error") {
    Ref<Tree> before = sample();
    std::string bytes = state::Saver().save(*before);
    take_apart(*before);
    for (size_t n = 0; n < bytes.size(); n++) {
        state::Loader loader;
        CHECK(!loader.load(std::string_view(bytes).substr(0, n)));
        CHECK(!loader.ok());
    }
    for (size_t n = 0; n < bytes.size(); n++) {
        std::string bad = bytes;
        bad[n] = static_cast<char>(bad[n] ^ 0x81);
        state::Loader loader;
        // It may load: a number may have any value. It must not crash.
        if (auto root = loader.load(bad)) {
            if (auto* t = dynamic_cast<Tree*>(root.get())) {
                Ref<Tree> r = t->ring;
                take_apart(*t);
                if (r) take_apart(*r);
            }
        }
    }
}

}  // namespace
}  // namespace sbx
