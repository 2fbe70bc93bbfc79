// Json::parse: the parser is nlohmann's, which is iterative; the tree it builds is ours.
#include <limits>
#include <vector>

#include <nlohmann/json.hpp>

#include "text/json.h"
#include "text/json_block.h"

namespace gantry {

// Takes the parser's events. Values wait in a row until their array or object ends and its block can be made
// of exactly their number.
class JsonBuilder {
 public:
  explicit JsonBuilder(std::string* words) : words_(words) {}
  Json take() { return std::move(values_.front()); }

  bool null() { return add(Json()); }
  bool boolean(bool truth) { return add(Json(truth)); }
  bool number_integer(int64_t number) { return add(Json(number)); }
  bool number_unsigned(uint64_t number) { return add(Json(number)); }
  bool number_float(double number, const std::string&) { return add(Json(number)); }
  bool string(const std::string& text) { return add(Json(text)); }
  bool binary(const std::vector<uint8_t>&) { return false; }  // no JSON text has any
  bool key(const std::string& text) { return add(Json(text)); }
  bool start_object(size_t) { return open(); }
  bool start_array(size_t) { return open(); }

  bool end_array() {
    const size_t first = begins_.back(), items = values_.size() - first;
    if (items == 0) return close(Json::Kind::kArray, nullptr);
    JsonBlock::Owner block = JsonBlock::make(items, false);
    for (size_t at = first; at < values_.size(); ++at) block->append(std::move(values_[at]));
    return close(Json::Kind::kArray, block.release());
  }
  bool end_object() {
    const size_t first = begins_.back(), members = (values_.size() - first) / 2;
    if (members == 0) return close(Json::Kind::kObject, nullptr);
    JsonBlock::Owner block = JsonBlock::make(members, true);
    for (size_t at = first; at < values_.size(); at += 2) {
      const Json* found = block->find(values_[at].text());
      if (found == block->end())
        block->append(std::move(values_[at]), std::move(values_[at + 1]));
      else
        block->begin()[found - block->begin() + 1].swap(values_[at + 1]);
    }
    return close(Json::Kind::kObject, block.release());
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& error) {
    if (words_ == nullptr) return false;
    // Its words follow an id: "[json.exception.parse_error.101] parse error at line 1, ...".
    *words_ = error.what();
    const size_t at = words_->find("] ");
    if (words_->starts_with('[') && at != std::string::npos) words_->erase(0, at + 2);
    return false;
  }

 private:
  bool add(Json&& value) {
    values_.push_back(std::move(value));
    return true;
  }
  bool open() {
    if (begins_.size() == Json::kDepthMax) {
      if (words_ != nullptr)
        *words_ = "it is nested deeper than " + std::to_string(Json::kDepthMax) + " levels";
      return false;
    }
    begins_.push_back(values_.size());
    return true;
  }
  // What began last is these values, whose remains leave the row.
  bool close(Json::Kind kind, JsonBlock* block) {
    Json json;
    json.set_block(kind, block);
    values_.resize(begins_.back());
    begins_.pop_back();
    return add(std::move(json));
  }

  std::vector<Json> values_;    // keys among them, each before its value
  std::vector<size_t> begins_;  // where in it what is open began
  std::string* words_;          // why it is no JSON; null: nobody asks
};

namespace {

bool build(std::string_view text, JsonBuilder& builder) {
  return nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
}

}  // namespace

Json Json::parse(std::string_view text) {
  std::string words;
  JsonBuilder builder(&words);
  if (!build(text, builder)) throw JsonError(words);
  return builder.take();
}

std::optional<Json> Json::try_parse(std::string_view text) {
  JsonBuilder builder(nullptr);
  return build(text, builder) ? std::optional(builder.take()) : std::nullopt;
}

bool Json::accept(std::string_view text) { return try_parse(text).has_value(); }

}  // namespace gantry
