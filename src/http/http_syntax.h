// The grammar of HTTP/1.1 heads (RFC 9110, RFC 9112) in its strict reading: whatever two servers in a row
// might read differently is a fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/http.h"

namespace gantry::http {

bool is_token_char(char c);
bool is_field_char(char c);  // may stand in a field's value: no control character but the tab
int hex_digit(char c);       // -1: none
// Of digits that fit, or of none: "localhost:" is an authority too. 0: none.
std::optional<uint16_t> read_port(std::string_view text);

// What is wrong with "METHOD SP target SP HTTP/1.x", nullptr when nothing is. `version_only`: the shape is
// right, the version is not one of ours.
const char* request_line_fault(std::string_view line, bool& version_only);
// What is wrong with one field line (without CRLF), nullptr when nothing is.
const char* field_line_fault(std::string_view line);

// The value of a Content-Length field; Refusal 400 unless it is digits that fit.
uint64_t content_length_of(std::string_view value);

Refusal body_too_large(size_t body_bytes_max);

}  // namespace gantry::http
