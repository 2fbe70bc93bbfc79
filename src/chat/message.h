// A message of a conversation that is being said otherwise: what a client sent of it, and which words of its
// content are the house's. They go with the message wherever it is put. A value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/json.h"
#include "text/words.h"

namespace gantry::chat {

class Message {
 public:
  // An object as a client sent it: all of it is given.
  Message(Json fields) : fields_(std::move(fields)) {}  // NOLINT(google-explicit-constructor)
  Message(std::string_view role, const text::Words& content);

  const Json& fields() const { return fields_; }
  operator const Json&() const { return fields_; }  // NOLINT(google-explicit-constructor)
  const Json& operator[](std::string_view member) const { return fields_[member]; }

  // The content: a string, or the texts of its parts; none of null and of what has none.
  text::Words words() const;
  // The house's of these: bytes, in order.
  const std::vector<Range>& owned() const { return owned_; }
  void say(const text::Words& content);

  // What is set so is given.
  void set(std::string_view member, Json value);
  void erase(std::string_view member);
  // The calls of an assistant; put there if absent.
  Json& calls();

 private:
  Json fields_;
  std::vector<Range> owned_;  // of content
};

struct Messages : std::vector<Message> {
  using std::vector<Message>::vector;
  Messages(const Json& list) : vector(list.begin(), list.end()) {}  // NOLINT(google-explicit-constructor)
};

}  // namespace gantry::chat
