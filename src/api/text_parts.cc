#include "api/text_parts.h"

#include <algorithm>

#include "text/utf8.h"

namespace gantry::api {

std::string TextParts::next() {
  std::string part;
  if (!decoder_) {
    const std::string_view some = text_.substr(0, kTextPartBytes);
    const size_t whole = some.size() < text_.size() ? text::whole_utf8_prefix(some) : some.size();
    part = some.substr(0, whole);
    text_.remove_prefix(whole);
    return part;
  }
  while (!tokens_.empty() && part.size() < kTextPartBytes) {
    part += decoder_->push(tokens_.front());
    tokens_ = tokens_.subspan(1);
  }
  if (tokens_.empty() && part.empty()) part = decoder_->finish();
  return part;
}

}  // namespace gantry::api
