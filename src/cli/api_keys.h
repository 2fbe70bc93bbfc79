// The keys that clients may send, from a file. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gantry::cli {

// One a line, without the spaces around it; empty lines and those that begin with # say nothing. Error
// kUsage, where = `name` and the line, for a key that no header can carry, and where there is none at all: a
// server whose file was emptied must not answer everybody.
std::vector<std::string> keys_in(std::string_view text, const std::string& name);

// Of a file; says so where others may read it.
std::vector<std::string> read_api_keys(const std::string& path);

}  // namespace gantry::cli
