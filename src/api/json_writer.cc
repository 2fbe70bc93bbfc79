#include "api/json_writer.h"

#include <cmath>

#include <fmt/format.h>

#include "text/json_string.h"

namespace gantry::api {
JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  text::append_json_string(*out_, name);
  *out_ += ':';
  first_ = true;  // the value that follows is not separated
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  text::append_json_string(*out_, text);
  return *this;
}

JsonWriter& JsonWriter::begin_string() { return open('"'); }

JsonWriter& JsonWriter::characters(std::string_view part) {
  text::append_json_characters(*out_, part);
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  return raw(fmt::format("{}", number));
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_->append(json);
  return *this;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  *out_ += bracket;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  *out_ += bracket;
  first_ = false;
  return *this;
}

void JsonWriter::separate() {
  if (!first_) *out_ += ',';
  first_ = false;
}

}  // namespace gantry::api
