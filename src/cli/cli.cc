#include "cli/cli.h"

#include <csignal>
#include <cstdio>
#include <new>
#include <system_error>
#include <variant>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/near_files.h"
#include "cli/output.h"
#include "cli/parse.h"
#include "cli/terminal.h"
#include "os/memory_info.h"
#include "os/timezone.h"

namespace gantry::cli {
namespace {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

int perform(const Action& action, const device::Registry& registry,
            const std::vector<std::string>& arguments) {
  return std::visit(
      Overloaded{[](const ShowText& show) {
                   say("{}", show.text);
                   return 0;
                 },
                 [&](const ServeCommand& command) {
                   return serve(command, registry, [&] { return parse(arguments); });
                 },
                 [&](const RunCommand& command) { return run(command, registry); },
                 [&](const PlanCommand& command) { return plan(command, registry); },
                 [](const InspectCommand& command) { return inspect(command); },
                 [](const QuantizeCommand& command) { return quantize(command); },
                 [&](const PerplexityCommand& command) { return perplexity(command, registry); },
                 [](const TokensCommand& command) { return tokens(command); },
                 [](const BenchServeCommand& command) { return bench_serve(command); },
                 [&](const BenchEngineCommand& command) { return bench_engine(command, registry); },
                 [&](const DevicesCommand& command) { return devices(command, registry); },
                 [&](const LogitsCommand& command) { return debug_logits(command, registry); },
                 [](const TokenizeCommand& command) { return debug_tokenize(command); },
                 [](const TemplateCommand& command) { return debug_template(command); }},
      action);
}

// Errors name settings as the table does: the reader set a flag, a variable, a line of a file.
int perform(const Command& command, const device::Registry& registry,
            const std::vector<std::string>& arguments) {
  try {
    if (!command.timezone.empty() && !std::holds_alternative<ShowText>(command.action))
      os::set_timezone(command.timezone);
    return perform(command.action, registry, arguments);
  } catch (const Error& error) {
    throw settings::at_its_place(with_near_file(error), command.name, command.values);
  }
}

int fail(const Error& error) {
  std::fflush(stdout);
  note("{}", describe(error));
  return error_facts(error.code()).exit_status;
}

}  // namespace

int run_program(const std::vector<std::string>& arguments, const device::Registry& registry) {
  fill_standard_streams();
  // A file that may not grow further is an error of writing it, which leaves no half of it behind.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    const Command command = parse(arguments);
    log::set_level(command.log_level);
    const int status = perform(command, registry, arguments);
    check_output();
    return status;
  } catch (const Error& error) {
    return fail(error);
  } catch (const std::bad_alloc&) {
    const std::string limit = os::memory_info().limit;
    return fail(Error(ErrorCode::kMemory,
                      "the system refused memory" + (limit.empty() ? "" : ", which is bounded by " + limit),
                      "", "free memory or raise the limit, or plan for less: --memory-cap, --context"));
  } catch (const std::system_error& error) {
    return fail(
        Error(ErrorCode::kIo, error.what(), "", "the system is short of what the words name: see ulimit -a"));
  } catch (const std::exception& error) {
    return fail(Error(ErrorCode::kInternal, error.what(), "", "this is a bug of Gantry: please report it"));
  }
}

}  // namespace gantry::cli
