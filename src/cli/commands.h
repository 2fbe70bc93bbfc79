// The commands, each in the file of its name. They print to standard output, throw Error, and return the exit
// status. Main thread.
#pragma once

#include <functional>

#include "cli/options.h"
#include "device/registry.h"

namespace gantry::cli {

// `read_again`: command line, variables and file as they are now.
int serve(const ServeCommand& command, const device::Registry& registry,
          const std::function<Command()>& read_again);
int run(const RunCommand& command, const device::Registry& registry);
int plan(const PlanCommand& command, const device::Registry& registry);
int inspect(const InspectCommand& command);
int quantize(const QuantizeCommand& command);
int perplexity(const PerplexityCommand& command, const device::Registry& registry);
int tokens(const TokensCommand& command);
int bench_serve(const BenchServeCommand& command);
int bench_engine(const BenchEngineCommand& command, const device::Registry& registry);
int devices(const DevicesCommand& command, const device::Registry& registry);
int debug_logits(const LogitsCommand& command, const device::Registry& registry);
int debug_tokenize(const TokenizeCommand& command);
int debug_template(const TemplateCommand& command);

}  // namespace gantry::cli
