// gantry_quantize_all IN.gguf OUT_DIR [RECIPE...]: IN in every quantization that there is (or those named),
// as OUT_DIR/RECIPE.gguf; a line for each with its size, bits and speed. gantry_quantize_all --widen IN.gguf
// OUT.gguf: see widen.h.
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "library/quantize.h"
#include "tools/quantize_check/widen.h"

namespace {

using gantry::library::QuantizePlan;

void make(const std::string& in, const std::string& dir, const std::string& recipe) {
  gantry::library::QuantizeOptions options;
  options.recipe = recipe;
  const auto start = std::chrono::steady_clock::now();
  const QuantizePlan plan = gantry::library::quantize(in, fmt::format("{}/{}.gguf", dir, recipe), options);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const double values = 8 * static_cast<double>(plan.bytes_after) / plan.bits_per_weight;
  fmt::print("{:<10} {:>11} bytes {:>6.2f} bits {:>8.1f} million values/s\n", plan.recipe->name,
             plan.bytes_after, plan.bits_per_weight, values / seconds.count() / 1e6);
  fmt::print("{}", plan.fallback_text());
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() == 3 && arguments[0] == "--widen") {
    gantry::tools::widen(arguments[1], arguments[2]);
    return 0;
  }
  if (arguments.size() < 2)
    throw gantry::Error(gantry::ErrorCode::kUsage,
                        "usage: gantry_quantize_all [--widen] IN.gguf OUT [RECIPE...]");
  std::vector<std::string> recipes(arguments.begin() + 2, arguments.end());
  if (recipes.empty())
    for (const auto& recipe : gantry::library::recipe_table()) recipes.emplace_back(recipe.name);
  for (const std::string& recipe : recipes) make(arguments[0], arguments[1], recipe);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const gantry::Error& error) {
    fmt::print(stderr, "gantry_quantize_all: {}\n", error.what());
    return gantry::error_facts(error.code()).exit_status;
  }
}
