// Intrusive doubly linked list: nothing is allocated on insertion. Not thread-safe; the owner's lock guards it.
#pragma once

#include <cstddef>

namespace sbx {

// Base of elements. Tag distinguishes several lists that one object is on at once.
template <class Tag = void>
struct ListNode {
    ListNode* prev_ = nullptr;
    ListNode* next_ = nullptr;
    bool linked() const { return next_ != nullptr; }
    // Removes the node from the list it is on; no effect if on none.
    void unlink() {
        if (!next_) return;
        prev_->next_ = next_;
        next_->prev_ = prev_;
        prev_ = next_ = nullptr;
    }
    ListNode() = default;
    ListNode(const ListNode&) = delete;
    ListNode& operator=(const ListNode&) = delete;
};

// T derives from ListNode<Tag>.
template <class T, class Tag = void>
class List {
    using Node = ListNode<Tag>;

public:
    List() { head_.prev_ = head_.next_ = &head_; }
    List(const List&) = delete;
    List& operator=(const List&) = delete;

    bool empty() const { return head_.next_ == &head_; }
    T* front() const { return empty() ? nullptr : to(head_.next_); }
    T* back() const { return empty() ? nullptr : to(head_.prev_); }
    void push_back(T& t) { insert(head_.prev_, node(t)); }
    void push_front(T& t) { insert(&head_, node(t)); }
    // Inserts t before pos, which is on this list.
    void insert_before(T& pos, T& t) { insert(node(pos)->prev_, node(t)); }
    static void remove(T& t) { node(t)->unlink(); }
    static bool linked(const T& t) { return static_cast<const Node&>(t).linked(); }
    T* pop_front() {
        T* t = front();
        if (t) remove(*t);
        return t;
    }
    // The element after t, or nullptr.
    T* next(const T& t) const {
        Node* n = static_cast<const Node&>(t).next_;
        return n == &head_ ? nullptr : to(n);
    }
    // Moves all of other to the end of this.
    void splice_back(List& other) {
        while (T* t = other.pop_front()) push_back(*t);
    }
    size_t count() const {
        size_t n = 0;
        for (Node* p = head_.next_; p != &head_; p = p->next_) n++;
        return n;
    }

    // The current element may be removed during iteration.
    class iterator {
    public:
        iterator(Node* n) : n_(n), next_(n->next_) {}
        T& operator*() const { return *to(n_); }
        T* operator->() const { return to(n_); }
        iterator& operator++() {
            n_ = next_;
            next_ = n_->next_;
            return *this;
        }
        bool operator!=(const iterator& o) const { return n_ != o.n_; }

    private:
        Node* n_;
        Node* next_;
    };
    iterator begin() const { return iterator(head_.next_); }
    iterator end() const { return iterator(const_cast<Node*>(static_cast<const Node*>(&head_))); }

private:
    static T* to(Node* n) { return static_cast<T*>(n); }
    static Node* node(T& t) { return static_cast<Node*>(&t); }
    static void insert(Node* after, Node* n) {
        n->prev_ = after;
        n->next_ = after->next_;
        after->next_->prev_ = n;
        after->next_ = n;
    }
    Node head_;
};

}  // namespace sbx
