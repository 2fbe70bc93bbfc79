// Serves the models without weights of stage.h until SIGINT or SIGTERM, and says where on standard output,
// like `gantry serve`; and those of loops.h. Arguments: [serve] [MODEL] [--port N] [--step-us N]
// [--templates FOLDER]; the model's name is not used.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/log.h"
#include "tests/scenario/loops.h"
#include "tests/scenario/stage.h"

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  gantry::testing::StageOptions options;
  options.step_time = std::chrono::microseconds(200);
  options.prefix_cache = true;
  options.reply_formats = {"hermes", "harmony"};
  std::string templates;
  for (int i = 1; i + 1 < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--step-us") options.step_time = std::chrono::microseconds(std::atol(argv[i + 1]));
    if (name == "--templates") templates = argv[i + 1];
  }
  try {
    gantry::testing::find_loops(templates);
    // They come to life when they are asked for.
    options.own = gantry::testing::loop_models();
    for (const auto& [model, make] : options.own) options.cold.push_back(model);
    options.dialects.push_back(&gantry::testing::loops_dialect());
    gantry::testing::Stage stage(options);
    stage.let_on();
    std::printf("listening on %s\n", stage.server().url().c_str());
    std::fflush(stdout);
    int signal = 0;
    sigwait(&signals, &signal);
    return stage.server().shutdown(std::chrono::seconds(5)) ? 0 : 1;
  } catch (const gantry::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
