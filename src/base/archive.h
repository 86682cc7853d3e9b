// Archive: saves and loads a graph of kernel objects. A class names its fields once, in
//     template <class A> void state(A& ar) { ar(size_, pages_, owner_); }
// which serves both ways, and is made known by SBX_SAVABLE(Class) in its .cc file. Used by every class that outlives a system call; src/state
// puts whole kernels through it.
//
// Objects: every RefCounted object that a saved field leads to, by Ref or by plain pointer, is saved once, under its registered type name.
// A class without a default constructor says what its constructor takes, or its `static T* state_make(Loader&, head)`, which needs no head where
// the new process has the object already:
//     template <class A> auto state_head(A a) const { return a.args(a.by_ref(fs()), ino()); }
// Heads may lead to other objects, but not in circles; fields may. Both are templates so that headers need not include this one; a class that
// declares state() in its header and defines it in its .cc file says SBX_STATE_HERE(Class) there. When all fields of all objects are there, `void state_loaded(Loader&)`
// of those that have one does what is rebuilt instead of saved: registrations, timers, caches.
// Things with an identity that are not RefCounted but members of such objects: ar.identity(*this) there, ar.link(pointer) where they are pointed
// to, both with the same type.
//
// Locks: none is taken; all tasks are stopped meanwhile. Errors are sticky: after the first one loads give zeros, and failed() says what was wrong.
// A damaged archive is an error, never a crash: types are checked, sizes are bounded by what is there.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeindex>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "src/base/interval_map.h"
#include "src/base/list.h"
#include "src/base/ref.h"
#include "src/base/result.h"
#include "src/base/types.h"

namespace sbx::state {

class Saver;
class Loader;

// A constructor's argument that is a reference to a saved object.
template <class T>
struct ByRef {
    Ref<T> object;
    operator T&() const { return *object; }
};
// A constructor's argument that is not saved but given to the loader (Loader::provide).
template <class T>
struct Given {
    T* object = nullptr;
    operator T&() const { return *object; }
};
// What state_head() makes its result with.
struct Heads {
    template <class T>
    static ByRef<T> by_ref(T& t) {
        return ByRef<T>{Ref<T>(t)};
    }
    template <class T>
    static Given<T> given(T&) {
        return {};
    }
    template <class... T>
    static std::tuple<std::remove_const_t<T>...> args(T... t) {
        return std::tuple<std::remove_const_t<T>...>(std::move(t)...);
    }
};

// Befriended by classes whose constructor or state() is private.
struct Access {
    template <class T, class... A>
    static T* make(A&&... a) {
        return new T(std::forward<A>(a)...);
    }
    template <class T, class A>
    static void fields(T& t, A& ar) {
        t.state(ar);
    }
    template <class T>
    static auto head(const T& t) {
        return t.state_head(Heads());
    }
    template <class T>
    static constexpr bool has_head = requires(const T& t) {
        t.state_head(Heads());
    };
    template <class T, class... H>
    static constexpr bool has_maker = requires(Loader& ar, H&... h) {
        T::state_make(ar, h...);
    };
    template <class T, class... H>
    static T* make_from(Loader& ar, H&... h) {
        return T::state_make(ar, h...);
    }
    template <class T, class A>
    static constexpr bool has_fields = requires(T& t, A& ar) {
        t.state(ar);
    };
    template <class T>
    static constexpr bool has_loaded = requires(T& t, Loader& ar) {
        t.state_loaded(ar);
    };
    template <class T>
    static void loaded(T& t, Loader& ar) {
        t.state_loaded(ar);
    }
};

// A type of objects, by name. One for each SBX_SAVABLE, in a list that needs no initialisation order.
struct Type {
    const char* name;
    const std::type_info& id;
    void (*save_head)(Saver&, RefCounted&);
    void (*save)(Saver&, RefCounted&);
    RefCounted* (*make)(Loader&);  // with one reference; null after an error
    void (*load)(Loader&, RefCounted&);
    void (*loaded)(Loader&, RefCounted&);  // or null
    Type* next;
    Type(const char* n, const std::type_info& i, void (*sh)(Saver&, RefCounted&), void (*s)(Saver&, RefCounted&),
         RefCounted* (*m)(Loader&), void (*l)(Loader&, RefCounted&), void (*d)(Loader&, RefCounted&));
};
// A number that the next new object of some kind gets; saved with every archive.
struct Counter {
    const char* name;
    u64 (*get)();
    void (*set)(u64);
    Counter* next;
    Counter(const char* n, u64 (*g)(), void (*s)(u64));
};
// Null if there is none.
const Type* find_type(const std::type_info& id);
const Type* find_type(std::string_view name);

// --- how single values are saved ---
template <class T>
struct Codec;

// What saving and loading have in common.
template <class Self>
class Archive {
public:
    template <class... T>
    void operator()(T&... t) {
        (Codec<std::remove_const_t<T>>::io(static_cast<Self&>(*this), const_cast<std::remove_const_t<T>&>(t)), ...);
    }
    // A trivially copyable structure without pointers of ours.
    template <class T>
    void raw(T& t) {
        static_assert(std::is_trivially_copyable_v<T>);
        static_cast<Self*>(this)->bytes(&t, sizeof t);
    }
    // Of a container of references, or of a map of them, none may be missing.
    template <class C>
    void all_there(const C& c) {
        for (const auto& e : c) {
            if constexpr (requires { e.second; }) {
                if (!e.second) fail("a part of a table is missing");
            } else {
                if (!e) fail("a part of a list is missing");
            }
        }
    }
    // The first reason counts: an object that cannot be saved, an archive that cannot be loaded.
    void fail(std::string why) {
        if (error_.empty()) error_ = std::move(why);
    }
    bool ok() const { return error_.empty(); }
    const std::string& failed() const { return error_; }

private:
    std::string error_;
};

class Saver : public Archive<Saver> {
public:
    static constexpr bool kLoading = false;
    template <class T>
    void identity(T& t) {
        put<u64>(link_id(&t));
    }
    template <class T>
    void link(T*& t) {
        put<u64>(t ? link_id(t) : 0);
    }
    void object(const RefCounted* o) { put<u64>(o ? object_id(*o) : 0); }
    // A pointer in an atomic slot that owns a reference.
    template <class T>
    void holding(std::atomic<T*>& slot) {
        object(slot.load());
    }
    // One that owns a T, which is no RefCounted.
    template <class T>
    void owning(std::atomic<T*>& slot) {
        T* p = slot.load();
        put<u8>(p != nullptr);
        if (p) (*this)(*p);
    }
    void bytes(const void* p, size_t n) { out_.append(static_cast<const char*>(p), n); }
    template <class T>
    void put(T v) {
        bytes(&v, sizeof v);
    }

    // The whole archive: everything that `root` leads to. Empty after an error.
    std::string save(RefCounted& root);

private:
    u64 link_id(const void* p);
    u64 object_id(const RefCounted& o);
    std::string out_;
    std::unordered_map<const RefCounted*, u64> ids_;
    std::vector<const RefCounted*> objects_;  // by id - 1
    std::unordered_map<const void*, u64> links_;
};

class Loader : public Archive<Loader> {
public:
    static constexpr bool kLoading = true;
    template <class T>
    void identity(T& t) {
        define_link(get<u64>(), Target{&t, &typeid(T)});
    }
    template <class T>
    void link(T*& t) {
        t = nullptr;
        resolve_link(get<u64>(), Link{reinterpret_cast<void**>(&t), &typeid(T)});
    }
    // The object of that number, of type T; null for 0 and after an error.
    template <class T>
    T* object() {
        RefCounted* o = object_of(get<u64>());
        if (!o) return nullptr;
        T* t = dynamic_cast<T*>(o);
        if (!t) fail("an object is of another type than its place wants");
        return t;
    }
    template <class T>
    void holding(std::atomic<T*>& slot) {
        slot.store(Ref<T>(object<T>()).release());
    }
    template <class T>
    void owning(std::atomic<T*>& slot) {
        if (get<u8>() == 0) return;
        T* p = Access::make<T>();
        (*this)(*p);
        slot.store(p);
    }
    void bytes(void* p, size_t n);
    template <class T>
    T get() {
        T v{};
        bytes(&v, sizeof v);
        return v;
    }
    // Number of elements that follow, each of at least one byte.
    size_t count();

    // Things that objects refer to and that the new process has already: the kernel, the memory file ...
    template <class T>
    void provide(T& t) {
        given_[std::type_index(typeid(T))] = &t;
    }
    template <class T>
    T* given() {
        auto it = given_.find(std::type_index(typeid(T)));
        if (it != given_.end()) return static_cast<T*>(it->second);
        fail(std::string("nobody provides ") + typeid(T).name());
        return nullptr;
    }
    // Loads everything; the root, or null after an error. The other objects live as long as something refers to them.
    Ref<RefCounted> load(std::string_view archive);

private:
    struct Record {
        const Type* type = nullptr;
        std::string_view head, body;
        RefCounted* object = nullptr;
        bool making = false;
    };
    RefCounted* object_of(u64 id);
    // A thing with an identity, and a place for a pointer to one, with the type that both were declared with.
    struct Target {
        void* thing;
        const std::type_info* type;
    };
    struct Link {
        void** place;
        const std::type_info* type;
    };
    void define_link(u64 id, Target t);
    void resolve_link(u64 id, Link l);
    std::string_view in_;
    std::vector<Record> records_;
    std::unordered_map<u64, Target> links_;
    std::vector<std::pair<u64, Link>> unresolved_;
    std::unordered_map<std::type_index, void*> given_;
};

// --- registration ---
template <class T>
struct Registered {
    static void save_head(Saver& ar, RefCounted& o) {
        if constexpr (Access::has_head<T>) {
            auto h = Access::head(static_cast<T&>(o));
            ar(h);
        }
    }
    static void save(Saver& ar, RefCounted& o) { Access::fields(static_cast<T&>(o), ar); }
    static RefCounted* make(Loader& ar) {
        if constexpr (Access::has_head<T>) {
            using H = decltype(Access::head(std::declval<const T&>()));
            H h{};
            ar(h);
            if (!ar.ok()) return nullptr;
            if constexpr (Access::has_maker<T, H>)
                return Access::make_from<T>(ar, h);
            else
                return std::apply([](auto&... a) { return Access::make<T>(a...); }, h);
        } else if constexpr (Access::has_maker<T>) {
            return Access::make_from<T>(ar);
        } else {
            return Access::make<T>();
        }
    }
    static void load(Loader& ar, RefCounted& o) { Access::fields(static_cast<T&>(o), ar); }
    static void loaded(Loader& ar, RefCounted& o) {
        if constexpr (Access::has_loaded<T>) Access::loaded(static_cast<T&>(o), ar);
    }
    Type type;
    explicit Registered(const char* name)
        : type(name, typeid(T), save_head, save, make, load, Access::has_loaded<T> ? loaded : nullptr) {}
};
#define SBX_SAVABLE_AS(Class, variable) static const ::sbx::state::Registered<Class> variable(#Class)
#define SBX_SAVABLE_LINE(Class, line) SBX_SAVABLE_AS(Class, savable_##line)
#define SBX_SAVABLE_AT(Class, line) SBX_SAVABLE_LINE(Class, line)
// Beside the definition of an atomic `variable` that counts.
#define SBX_SAVED_COUNTER(variable)                                                                                    \
    static const ::sbx::state::Counter saved_##variable(                                                               \
        #variable " of " __FILE__, [] { return static_cast<::sbx::u64>((variable).load()); },                          \
        [](::sbx::u64 v) { (variable).store(static_cast<decltype((variable).load())>(v)); })
// In the .cc file of a class whose state() is defined there.
#define SBX_STATE_HERE(Class)                                                                                          \
    template void Class::state(::sbx::state::Saver& ar);                                                               \
    template void Class::state(::sbx::state::Loader& ar)
// In the .cc file of a class, inside its namespace.
#define SBX_SAVABLE(Class) SBX_SAVABLE_AT(Class, __LINE__)

// --- codecs ---
template <class T>
concept Plain = (std::is_arithmetic_v<T> || std::is_enum_v<T>)&&!std::is_same_v<T, bool>;
template <Plain T>
struct Codec<T> {
    template <class A>
    static void io(A& ar, T& t) {
        ar.raw(t);
    }
};
// Not every byte is a bool.
template <>
struct Codec<bool> {
    template <class A>
    static void io(A& ar, bool& b) {
        u8 byte = b;
        ar(byte);
        if constexpr (A::kLoading) {
            if (byte > 1) ar.fail("a truth value is neither true nor false");
            b = byte == 1;
        }
    }
};
// Members with a state() of their own.
template <class T>
requires(Access::has_fields<T, Saver>&& Access::has_fields<T, Loader>) struct Codec<T> {
    template <class A>
    static void io(A& ar, T& t) {
        Access::fields(t, ar);
    }
};
template <class T>
struct Codec<std::atomic<T>> {
    template <class A>
    static void io(A& ar, std::atomic<T>& a) {
        T t = a.load(std::memory_order_relaxed);
        ar(t);
        if constexpr (A::kLoading) a.store(t, std::memory_order_relaxed);
    }
};
template <>
struct Codec<std::string> {
    template <class A>
    static void io(A& ar, std::string& s) {
        if constexpr (A::kLoading) {
            s.resize(ar.count());
            ar.bytes(s.data(), s.size());
        } else {
            ar.template put<u64>(s.size());
            ar.bytes(s.data(), s.size());
        }
    }
};
template <>
struct Codec<Range> {
    template <class A>
    static void io(A& ar, Range& r) {
        ar(r.start, r.end);
        if constexpr (A::kLoading)
            if (r.end < r.start) ar.fail("a range ends before it begins");
    }
};
// Sequences that grow at their end.
template <class C>
struct SequenceCodec {
    template <class A>
    static void io(A& ar, C& c) {
        if constexpr (A::kLoading) {
            c.clear();
            for (size_t n = ar.count(); n > 0 && ar.ok(); n--) {
                typename C::value_type v{};
                ar(v);
                c.push_back(std::move(v));
            }
        } else {
            ar.template put<u64>(c.size());
            for (auto& v : c) ar(v);
        }
    }
};
template <class T>
struct Codec<std::vector<T>> : SequenceCodec<std::vector<T>> {};
template <class T>
struct Codec<std::deque<T>> : SequenceCodec<std::deque<T>> {};
template <class C>
struct MapCodec {
    template <class A>
    static void io(A& ar, C& c) {
        if constexpr (A::kLoading) {
            c.clear();
            for (size_t n = ar.count(); n > 0 && ar.ok(); n--) {
                typename C::key_type k{};
                ar(k);
                ar(c[std::move(k)]);
            }
        } else {
            ar.template put<u64>(c.size());
            for (auto& [k, v] : c) ar(k, v);
        }
    }
};
template <class K, class V, class C>
struct Codec<std::map<K, V, C>> : MapCodec<std::map<K, V, C>> {};
template <class K, class V, class H, class E>
struct Codec<std::unordered_map<K, V, H, E>> : MapCodec<std::unordered_map<K, V, H, E>> {};
template <class T, class C>
struct Codec<std::set<T, C>> {
    template <class A>
    static void io(A& ar, std::set<T, C>& s) {
        std::vector<T> v(s.begin(), s.end());
        ar(v);
        if constexpr (A::kLoading) s = std::set<T, C>(v.begin(), v.end());
    }
};
template <class T, size_t N>
struct Codec<T[N]> {
    template <class A>
    static void io(A& ar, T (&a)[N]) {
        for (T& t : a) ar(t);
    }
};
template <class T, size_t N>
struct Codec<std::array<T, N>> {
    template <class A>
    static void io(A& ar, std::array<T, N>& a) {
        for (T& t : a) ar(t);
    }
};
template <class T, class U>
struct Codec<std::pair<T, U>> {
    template <class A>
    static void io(A& ar, std::pair<T, U>& p) {
        ar(p.first, p.second);
    }
};
template <class... T>
struct Codec<std::tuple<T...>> {
    template <class A>
    static void io(A& ar, std::tuple<T...>& t) {
        std::apply([&ar](auto&... e) { ar(e...); }, t);
    }
};
template <class T>
struct Codec<std::optional<T>> {
    template <class A>
    static void io(A& ar, std::optional<T>& o) {
        bool has = o.has_value();
        ar(has);
        if constexpr (A::kLoading) {
            o.reset();
            if (has && ar.ok()) o.emplace();
        }
        if (o) ar(*o);
    }
};
template <class T>
struct Codec<std::unique_ptr<T>> {
    template <class A>
    static void io(A& ar, std::unique_ptr<T>& p) {
        bool has = p != nullptr;
        ar(has);
        if constexpr (A::kLoading) p = has && ar.ok() ? std::unique_ptr<T>(Access::make<T>()) : nullptr;
        if (p) ar(*p);
    }
};
// Each holder gets a copy of its own: for immutable values.
template <class T>
struct Codec<std::shared_ptr<const T>> {
    template <class A>
    static void io(A& ar, std::shared_ptr<const T>& p) {
        bool has = p != nullptr;
        ar(has);
        if constexpr (A::kLoading) {
            p.reset();
            if (!has || !ar.ok()) return;
            T t{};
            ar(t);
            p = std::make_shared<const T>(std::move(t));
        } else if (has) {
            ar(const_cast<T&>(*p));
        }
    }
};
template <class... T>
struct Codec<std::variant<T...>> {
    using V = std::variant<T...>;
    template <class A>
    static void io(A& ar, V& v) {
        u8 index = static_cast<u8>(v.index());
        ar(index);
        if constexpr (A::kLoading) {
            if (index >= sizeof...(T)) return ar.fail("a variant has no such form");
            static constexpr void (*kMake[])(V&) = {[](V& x) { x = T{}; }...};
            kMake[index](v);
        }
        std::visit([&ar](auto& t) { ar(t); }, v);
    }
};
template <class T>
struct Codec<Ref<T>> {
    template <class A>
    static void io(A& ar, Ref<T>& r) {
        if constexpr (A::kLoading)
            r = Ref<T>(ar.template object<std::remove_const_t<T>>());
        else
            ar.object(r.get());
    }
};
template <class T>
requires std::is_base_of_v<RefCounted, T>
struct Codec<T*> {
    template <class A>
    static void io(A& ar, T*& p) {
        if constexpr (A::kLoading)
            p = ar.template object<std::remove_const_t<T>>();
        else
            ar.object(p);
    }
};
template <class T>
struct Codec<ByRef<T>> {
    template <class A>
    static void io(A& ar, ByRef<T>& r) {
        ar(r.object);
        if constexpr (A::kLoading)
            if (!r.object) ar.fail("an object's constructor lacks a part");
    }
};
template <class T>
struct Codec<Given<T>> {
    template <class A>
    static void io(A& ar, Given<T>& g) {
        if constexpr (A::kLoading) g.object = ar.template given<T>();
    }
};
// Members of an intrusive list of RefCounted objects, in order.
template <class T, class Tag>
requires std::is_base_of_v<RefCounted, T>
struct Codec<List<T, Tag>> {
    template <class A>
    static void io(A& ar, List<T, Tag>& l) {
        std::vector<T*> v;
        if constexpr (!A::kLoading)
            for (T& t : l) v.push_back(&t);
        ar(v);
        if constexpr (A::kLoading)
            for (T* t : v)
                if (t && !List<T, Tag>::linked(*t)) l.push_back(*t);
    }
};
template <class V>
struct Codec<IntervalMap<V>> {
    template <class A>
    static void io(A& ar, IntervalMap<V>& m) {
        if constexpr (A::kLoading) {
            m.clear();
            u64 from = 0;
            for (size_t n = ar.count(); n > 0 && ar.ok(); n--) {
                Range r;
                V v{};
                ar(r, v);
                if (r.empty() || r.start < from) return ar.fail("ranges overlap");
                from = r.end;
                m.insert(r, std::move(v));
            }
        } else {
            ar.template put<u64>(m.size());
            for (auto it = m.begin(); it != m.end(); ++it) {
                Range r = it.range();
                ar(r, it.value());
            }
        }
    }
};

}  // namespace sbx::state
