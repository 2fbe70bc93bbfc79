#include "backends/cpu/cpu_backend.h"
#include "cli/cli.h"

int main(int argc, char** argv) {
  gantry::device::Registry registry;
  registry.add(gantry::cpu::make_cpu_backend());
  return gantry::cli::run_program({argv + (argc > 0 ? 1 : 0), argv + argc}, registry);
}
