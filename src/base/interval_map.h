// IntervalMap<V>: an ordered map from disjoint half-open ranges to values, with splitting and merging. Used by the memory manager (VMAs,
// pmas), the memory file (reference counts, free ranges), shared anonymous memory and tmpfs.
//
// V describes a whole range and must have
//     void advance(u64 delta);                       // becomes the value of the part that starts delta later
//     bool joins(const V& next, u64 length) const;   // next, found `length` after this one's start, continues it: the two may be one
// Not thread-safe; the owner's lock guards it. Iterators stay valid until their own entry is erased or merged away.
#pragma once

#include <map>

#include "src/base/types.h"

namespace sbx {

template <class V>
class IntervalMap {
    struct Node {
        u64 end;
        V value;
    };
    using Tree = std::map<u64, Node>;

public:
    class Iterator {
    public:
        Iterator() = default;
        u64 start() const { return it_->first; }
        u64 end() const { return it_->second.end; }
        Range range() const { return Range{start(), end()}; }
        u64 length() const { return end() - start(); }
        V& value() const { return it_->second.value; }
        V* operator->() const { return &it_->second.value; }
        Iterator& operator++() {
            ++it_;
            return *this;
        }
        Iterator& operator--() {
            --it_;
            return *this;
        }
        Iterator next() const { return Iterator(std::next(it_)); }
        Iterator prev() const { return Iterator(std::prev(it_)); }
        friend bool operator==(const Iterator& a, const Iterator& b) { return a.it_ == b.it_; }

    private:
        friend class IntervalMap;
        explicit Iterator(typename Tree::iterator it) : it_(it) {}
        typename Tree::iterator it_;
    };

    bool empty() const { return tree_.empty(); }
    size_t size() const { return tree_.size(); }
    void clear() { tree_.clear(); }
    Iterator begin() { return Iterator(tree_.begin()); }
    Iterator end() { return Iterator(tree_.end()); }

    // The entry that contains x, or end().
    Iterator find(u64 x) {
        Iterator it = from(x);
        return it != end() && it.start() <= x ? it : end();
    }
    // The first entry that ends after x: the one containing x, or else the next one.
    Iterator from(u64 x) {
        auto it = tree_.upper_bound(x);
        if (it != tree_.begin()) {
            auto before = std::prev(it);
            if (before->second.end > x) return Iterator(before);
        }
        return Iterator(it);
    }
    bool overlaps(Range r) {
        Iterator it = from(r.start);
        return it != end() && it.start() < r.end;
    }
    // Adds an entry; r is not empty and meets no other entry. Does not merge.
    Iterator insert(Range r, V v) { return Iterator(tree_.emplace(r.start, Node{r.end, std::move(v)}).first); }
    Iterator erase(Iterator it) { return Iterator(tree_.erase(it.it_)); }
    // Divides an entry in two at `at`, strictly inside of it. `it` stays the lower part; returns the upper one.
    Iterator split(Iterator it, u64 at) {
        V upper = it.value();
        upper.advance(at - it.start());
        u64 e = it.end();
        it.it_->second.end = at;
        return Iterator(tree_.emplace_hint(std::next(it.it_), at, Node{e, std::move(upper)}));
    }
    // Cuts the entry so that one of them is exactly the intersection with r, which is not empty, and returns that one.
    Iterator isolate(Iterator it, Range r) {
        if (it.start() < r.start) it = split(it, r.start);
        if (it.end() > r.end) split(it, r.end);
        return it;
    }
    // Erases everything inside r, cutting entries at its edges. Calls fn(range, value&) for each piece before it goes.
    template <class F>
    void erase_range(Range r, F&& fn) {
        Iterator it = from(r.start);
        while (it != end() && it.start() < r.end) {
            it = isolate(it, r);
            fn(it.range(), it.value());
            it = erase(it);
        }
    }
    void erase_range(Range r) {
        erase_range(r, [](Range, V&) {});
    }
    // Merges neighbours that continue each other, for all boundaries in [r.start, r.end].
    void merge(Range r) {
        auto it = tree_.lower_bound(r.start);
        if (it == tree_.begin()) {
            if (it == tree_.end()) return;
        } else {
            --it;
        }
        while (true) {
            auto following = std::next(it);
            if (following == tree_.end() || following->first > r.end) return;
            if (it->second.end == following->first &&
                it->second.value.joins(following->second.value, it->second.end - it->first)) {
                it->second.end = following->second.end;
                tree_.erase(following);
            } else {
                it = following;
            }
        }
    }
    // Moves the lower edge of an entry, without changing its value. The room is free (growing) or becomes free (shrinking).
    Iterator set_start(Iterator it, u64 start) {
        auto hint = std::next(it.it_);
        auto node = tree_.extract(it.it_);
        node.key() = start;
        return Iterator(tree_.insert(hint, std::move(node)));
    }
    // The free range around x, within bounds; x is in no entry.
    Range gap_around(u64 x, Range bounds) {
        Range gap = bounds;
        auto it = tree_.upper_bound(x);
        if (it != tree_.end() && it->first < gap.end) gap.end = it->first;
        if (it != tree_.begin()) {
            --it;
            if (it->second.end > gap.start) gap.start = it->second.end;
        }
        return gap;
    }

private:
    Tree tree_;
};

}  // namespace sbx
