// The archive's format: a magic line, the names of types, then a record for each object (type, head, fields), numbered from 1, the root first.
#include "src/base/archive.h"

namespace sbx::state {
namespace {

constexpr std::string_view kMagic = "sbx archive 1\n";
Type* types = nullptr;
Counter* counters = nullptr;

void append(std::string& s, u64 v) { s.append(reinterpret_cast<const char*>(&v), sizeof v); }

}  // namespace

Type::Type(const char* n, const std::type_info& i, void (*sh)(Saver&, RefCounted&), void (*s)(Saver&, RefCounted&),
           RefCounted* (*m)(Loader&), void (*l)(Loader&, RefCounted&), void (*d)(Loader&, RefCounted&))
    : name(n), id(i), save_head(sh), save(s), make(m), load(l), loaded(d), next(types) {
    types = this;
}

Counter::Counter(const char* n, u64 (*g)(), void (*s)(u64)) : name(n), get(g), set(s), next(counters) {
    counters = this;
}

const Type* find_type(const std::type_info& id) {
    for (const Type* t = types; t; t = t->next)
        if (t->id == id) return t;
    return nullptr;
}

const Type* find_type(std::string_view name) {
    for (const Type* t = types; t; t = t->next)
        if (t->name == name) return t;
    return nullptr;
}

u64 Saver::link_id(const void* p) { return links_.emplace(p, links_.size() + 1).first->second; }

u64 Saver::object_id(const RefCounted& o) {
    auto [it, fresh] = ids_.emplace(&o, objects_.size() + 1);
    if (fresh) objects_.push_back(&o);
    return it->second;
}

std::string Saver::save(RefCounted& root) {
    object_id(root);
    std::string records;
    std::unordered_map<const Type*, u64> numbers;
    std::unordered_map<std::type_index, const Type*> known;
    std::vector<const Type*> used;
    for (size_t i = 0; i < objects_.size() && ok(); i++) {
        auto& o = const_cast<RefCounted&>(*objects_[i]);
        const Type*& type = known[std::type_index(typeid(o))];
        if (!type) type = find_type(typeid(o));
        if (!type) {
            fail(std::string("objects of type ") + typeid(o).name() + " cannot be saved");
            break;
        }
        auto [it, fresh] = numbers.emplace(type, used.size());
        if (fresh) used.push_back(type);
        out_.clear();
        type->save_head(*this, o);
        std::string head = std::move(out_);
        out_.clear();
        type->save(*this, o);
        append(records, it->second);
        append(records, head.size());
        append(records, out_.size());
        records += head;
        records += out_;
    }
    if (!ok()) return {};
    std::string whole(kMagic);
    std::map<std::string, u64> counts;
    for (const Counter* c = counters; c; c = c->next) counts[c->name] = c->get();
    out_.clear();
    (*this)(counts);
    whole += out_;
    append(whole, used.size());
    for (const Type* t : used) {
        std::string_view name = t->name;
        append(whole, name.size());
        whole += name;
    }
    append(whole, objects_.size());
    whole += records;
    return whole;
}

void Loader::bytes(void* p, size_t n) {
    if (n > in_.size()) fail("the archive is cut short");
    if (!ok()) {
        __builtin_memset(p, 0, n);
        return;
    }
    __builtin_memcpy(p, in_.data(), n);
    in_.remove_prefix(n);
}

size_t Loader::count() {
    u64 n = get<u64>();
    if (n <= in_.size()) return static_cast<size_t>(n);
    fail("a count is larger than the archive");
    return 0;
}

RefCounted* Loader::object_of(u64 id) {
    if (id == 0 || !ok()) return nullptr;
    if (id > records_.size()) {
        fail("an object is missing");
        return nullptr;
    }
    Record& r = records_[id - 1];
    if (r.object) return r.object;
    if (r.making) {
        fail(std::string(r.type->name) + ": the archive is circular where it must not be");
        return nullptr;
    }
    r.making = true;
    std::string_view outer = std::exchange(in_, r.head);
    r.object = r.type->make(*this);
    if (ok() && !in_.empty()) fail(std::string(r.type->name) + ": another form of the type was saved");
    in_ = outer;
    return ok() ? r.object : nullptr;
}

void Loader::define_link(u64 id, Target t) {
    if (ok() && !links_.emplace(id, t).second) fail("one identity is used twice");
}

void Loader::resolve_link(u64 id, Link l) {
    if (id != 0) unresolved_.emplace_back(id, l);
}

Ref<RefCounted> Loader::load(std::string_view archive) {
    in_ = archive;
    if (!in_.starts_with(kMagic)) {
        fail("this is no archive of this version of sbx");
        return nullptr;
    }
    in_.remove_prefix(kMagic.size());
    std::map<std::string, u64> counts;
    (*this)(counts);
    for (const Counter* c = counters; c; c = c->next)
        if (auto it = counts.find(c->name); it != counts.end()) c->set(it->second);
    std::vector<const Type*> used;
    for (size_t n = count(); n > 0 && ok(); n--) {
        size_t length = count();
        if (!ok()) break;
        const Type* t = find_type(in_.substr(0, length));
        if (!t) fail("unknown type " + std::string(in_.substr(0, length)));
        in_.remove_prefix(length);
        used.push_back(t);
    }
    for (size_t n = count(); n > 0 && ok(); n--) {
        u64 type = get<u64>(), head = get<u64>(), body = get<u64>();
        if (!ok()) break;
        if (type >= used.size() || head > in_.size() || body > in_.size() - head) {
            fail("a record is damaged");
            break;
        }
        records_.push_back(Record{used[type], in_.substr(0, head), in_.substr(head, body)});
        in_.remove_prefix(head + body);
    }
    for (u64 id = 1; id <= records_.size() && ok(); id++) {
        RefCounted* o = object_of(id);
        if (!o) break;
        Record& r = records_[id - 1];
        in_ = r.body;
        r.type->load(*this, *o);
        if (ok() && !in_.empty()) fail(std::string(r.type->name) + ": another form of the type was saved");
    }
    for (auto& [id, link] : unresolved_) {
        auto it = links_.find(id);
        if (it == links_.end())
            fail("an identity is missing");
        else if (*it->second.type != *link.type)
            fail("an identity is of another type than its place wants");
        else
            *link.place = it->second.thing;
    }
    for (Record& r : records_) {
        if (!ok()) break;
        if (r.type->loaded) r.type->loaded(*this, *r.object);
    }
    if (!ok() || records_.empty()) {
        // Half-loaded objects are fit for nothing, not for destruction either.
        static auto& abandoned = *new std::vector<RefCounted*>;
        for (Record& r : records_)
            if (r.object) abandoned.push_back(r.object);
        return nullptr;
    }
    Ref<RefCounted> root(records_[0].object);
    for (Record& r : records_) r.object->unref();
    return root;
}

}  // namespace sbx::state
