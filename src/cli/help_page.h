// What --help looks like: 80 columns, "--port N   Port to listen on (default: 8421)".
#pragma once

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

namespace gantry::cli {

// For an application and all commands that are added to it afterwards.
std::shared_ptr<CLI::FormatterBase> help_pages();

}  // namespace gantry::cli
