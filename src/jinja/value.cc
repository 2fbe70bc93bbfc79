#include "jinja/value.h"

#include <algorithm>

#include "jinja/env.h"
#include "jinja/ops.h"

namespace gantry::jinja {
namespace {

// Dicts up to this size are searched from end to end.
constexpr size_t kSmallDict = 8;

constexpr size_t kNotFound = static_cast<size_t>(-1);

struct Graveyard {
  Object* dead = nullptr;  // the next one is its buried_
  bool digging = false;
};
thread_local Graveyard graveyard;

}  // namespace

void Object::release() noexcept {
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (graveyard.digging) {
    buried_ = std::exchange(graveyard.dead, this);
    return;
  }
  graveyard.digging = true;
  delete this;
  while (Object* const next = graveyard.dead) {
    graveyard.dead = next->buried_;
    delete next;
  }
  graveyard.digging = false;
}

Value Value::string(Text text, bool markup) {
  return Value::object(Kind::kString, new StringObject(std::move(text), markup));
}

Value Value::bytes(std::string data, bool given) {
  return Value::object(Kind::kBytes, new BytesObject(std::move(data), given));
}

const std::string& Value::str() const { return as<StringObject>().text.str(); }
const Text& Value::text() const { return as<StringObject>().text; }
bool Value::markup() const { return kind_ == Kind::kString && as<StringObject>().markup; }
Values& Value::items() const { return as<ListObject>().items; }

size_t DictObject::position(Env& env, const Value& key) {
  size_t hash = hash_value(env, key);
  if (index_.empty()) {
    for (size_t i = 0; i < entries.size(); ++i) {
      if (equal(env, entries[i].first, key)) return i;
    }
    return kNotFound;
  }
  auto [begin, end] = index_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    env.charge(1);
    if (equal(env, entries[it->second].first, key)) return it->second;
  }
  return kNotFound;
}

void DictObject::index_all(Env& env) {
  env.charge(entries.size());
  index_.clear();
  for (size_t i = 0; i < entries.size(); ++i) index_.emplace(hash_value(env, entries[i].first), i);
}

Value* DictObject::find(Env& env, const Value& key) {
  size_t at = position(env, key);
  return at == kNotFound ? nullptr : &entries[at].second;
}

void DictObject::set(Env& env, const Value& key, Value value) {
  size_t at = position(env, key);
  if (at != kNotFound) {
    entries[at].second = std::move(value);
    return;
  }
  env.charge_values(2);
  entries.emplace_back(key, std::move(value));
  if (!index_.empty()) {
    index_.emplace(hash_value(env, key), entries.size() - 1);
  } else if (entries.size() > kSmallDict) {
    index_all(env);
  }
}

bool DictObject::erase(Env& env, const Value& key) {
  size_t at = position(env, key);
  if (at == kNotFound) return false;
  entries.erase(entries.begin() + static_cast<ptrdiff_t>(at));
  index_.clear();
  if (entries.size() > kSmallDict) index_all(env);
  return true;
}

void DictObject::clear() {
  entries.clear();
  index_.clear();
}

int64_t RangeObject::length() const {
  if (step > 0 ? start >= stop : start <= stop) return 0;
  Int distance = step > 0 ? Int{stop} - start : Int{start} - stop;
  Int stride = step > 0 ? Int{step} : -Int{step};
  return static_cast<int64_t>((distance + stride - 1) / stride);
}

bool Iterator::next(Env& env, Value& out) {
  if (ended_) return false;
  DepthGuard guard(env);
  env.charge(1);
  ended_ = true;  // a generator that failed has ended
  ended_ = !advance(env, out);
  return !ended_;
}

namespace {
Value make_sequence(Kind kind, Values items) {
  auto* object = new ListObject;
  object->items = std::move(items);
  return Value::object(kind, object);
}
}  // namespace

Value make_list(Values items) { return make_sequence(Kind::kList, std::move(items)); }
Value make_tuple(Values items) { return make_sequence(Kind::kTuple, std::move(items)); }
Value make_dict() { return Value::object(Kind::kDict, new DictObject); }

Value make_undefined(std::string message) {
  auto* object = new UndefinedObject;
  object->message = std::move(message);
  return Value::object(Kind::kUndefined, object);
}

Value make_iterator(Iterator* iterator) { return Value::object(Kind::kIterator, iterator); }

// ---- Env ----

void fail_type(std::string message) { throw TemplateError(TemplateErrorKind::kType, std::move(message)); }
void fail_limit(std::string message) { throw TemplateError(TemplateErrorKind::kLimit, std::move(message)); }

namespace {
// Deeper would need more stack than a thread is sure to have.
constexpr uint32_t kDepthMax = 200;
}  // namespace

Env::Env(const RenderLimits& limits, bool mutable_containers, std::optional<int64_t> now)
    : limits_(limits),
      memory_(limits.memory_bytes),
      mutable_containers_(mutable_containers),
      now_(now),
      steps_left_(limits.steps) {
  limits_.depth = std::min(limits_.depth, kDepthMax);
}

Env::~Env() {
  for (const Value& container : changed_) {
    if (container.is(Kind::kList)) {
      Values().swap(container.items());
    } else if (container.is(Kind::kDict)) {
      container.as<DictObject>().clear();
    } else if (container.is(Kind::kNamespace)) {
      container.as<NamespaceObject>().attributes.clear();
    }
  }
}

void Env::charge_text(uint64_t bytes) {
  constexpr uint64_t kBytesPerStep = 64;
  if (bytes > limits_.output_bytes) {
    fail_limit("a text of the template is larger than " + std::to_string(limits_.output_bytes) + " bytes");
  }
  charge(bytes / kBytesPerStep);
}

void Env::charge_walk(uint64_t bytes) {
  constexpr uint64_t kBytesPerStep = 8;
  charge(bytes / kBytesPerStep);
}

void Env::over_steps() const {
  fail_limit("the template took more than " + std::to_string(limits_.steps) + " steps");
}

void Env::over_depth() const {
  fail_limit("the template nests deeper than " + std::to_string(limits_.depth) + " levels");
}

}  // namespace gantry::jinja
