// Ref<T>: intrusive reference counting for objects with guest-visible life.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace sbx {

namespace state {
struct Access;  // src/base/archive.h
class Saver;
class Loader;
}  // namespace state

// Base of reference-counted objects. Starts with one reference, which adopt_ref() takes over.
class RefCounted {
public:
    RefCounted(const RefCounted&) = delete;
    RefCounted& operator=(const RefCounted&) = delete;

    void ref() const { refs_.fetch_add(1, std::memory_order_relaxed); }
    // Drops one reference; the last one destroys the object (through on_last_unref).
    void unref() const {
        // acq_rel: the destroying thread sees all writes made under other references.
        if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) const_cast<RefCounted*>(this)->on_last_unref();
    }
    // Takes a reference unless the object is already being destroyed. For caches that hold plain pointers.
    [[nodiscard]] bool try_ref() const {
        unsigned n = refs_.load(std::memory_order_relaxed);
        while (n != 0)
            if (refs_.compare_exchange_weak(n, n + 1, std::memory_order_acquire)) return true;
        return false;
    }
    unsigned ref_count() const { return refs_.load(std::memory_order_relaxed); }

protected:
    RefCounted() = default;
    virtual ~RefCounted() = default;
    virtual void on_last_unref() { delete this; }

private:
    mutable std::atomic<unsigned> refs_{1};
};

template <class T>
class Ref {
public:
    Ref() = default;
    Ref(std::nullptr_t) {}
    Ref(T& t) : p_(&t) { p_->ref(); }
    explicit Ref(T* t) : p_(t) {
        if (p_) p_->ref();
    }
    Ref(const Ref& o) : p_(o.p_) {
        if (p_) p_->ref();
    }
    Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
    template <class U>
    requires std::is_convertible_v<U*, T*> Ref(const Ref<U>& o) : Ref(static_cast<T*>(o.get())) {}
    template <class U>
    requires std::is_convertible_v<U*, T*> Ref(Ref<U>&& o)
    noexcept : p_(o.release()) {}
    ~Ref() {
        if (p_) p_->unref();
    }
    Ref& operator=(Ref o) noexcept {
        std::swap(p_, o.p_);
        return *this;
    }

    T* get() const { return p_; }
    T* operator->() const { return p_; }
    T& operator*() const { return *p_; }
    explicit operator bool() const { return p_ != nullptr; }
    // Gives up the pointer with its reference.
    [[nodiscard]] T* release() { return std::exchange(p_, nullptr); }
    void reset() { *this = Ref(); }

    template <class U>
    bool operator==(const Ref<U>& o) const {
        return p_ == o.get();
    }
    bool operator==(const T* o) const { return p_ == o; }

    static Ref adopt(T* t) {
        Ref r;
        r.p_ = t;
        return r;
    }

private:
    T* p_ = nullptr;
};

// Takes over the first reference of a new object.
template <class T>
Ref<T> adopt_ref(T* t) {
    return Ref<T>::adopt(t);
}

template <class T, class... A>
Ref<T> make_ref(A&&... a) {
    return adopt_ref(new T(std::forward<A>(a)...));
}

template <class T, class U>
Ref<T> static_ref_cast(const Ref<U>& u) {
    return Ref<T>(static_cast<T*>(u.get()));
}

}  // namespace sbx
