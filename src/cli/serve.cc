#include <cstdlib>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/interrupts.h"
#include "cli/loading.h"
#include "cli/terminal.h"
#include "server/server.h"

namespace gantry::cli {
namespace {

void announce(const fleet::ModelCard& card, const server::Server& server, bool keys) {
  fmt::print("listening on {}\n", server.url());
  fmt::print("model {}: {}, {} parameters, {}; context {}, {} sequences at once\n", card.id, card.arch,
             human_count(card.parameters), card.dtype, card.context, card.sequences);
  if (card.has_chat_template) fmt::print("reasoning and tool calls are read as: {}\n", card.reply_format);
  const bool unix_socket = server.port() == 0;
  const std::string target =
      unix_socket ? fmt::format("--unix-socket {} http://localhost", server.url().substr(5)) : server.url();
  const char* key = keys ? " -H \"Authorization: Bearer $GANTRY_API_KEY\"" : "";
  if (card.has_chat_template) {
    fmt::print(
        "try: curl{} {}/v1/chat/completions -d "
        "'{{\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n",
        key, target);
  } else {
    fmt::print("try: curl{} {}/v1/completions -d '{{\"prompt\":\"Once upon a time\",\"max_tokens\":64}}'\n",
               key, target);
  }
  std::fflush(stdout);
}

}  // namespace

int serve(const ServeCommand& command, const device::Registry& registry) {
  // A client that goes away is that connection's matter.
  std::signal(SIGPIPE, SIG_IGN);
  const fleet::Lease model = load_chosen(registry, command.load);
  const auto fleet = fleet::make_fleet({model});
  Interrupts interrupts(true);
  const auto server = server::Server::start(*fleet, command.server);
  announce(model->card(), *server, !command.server.api_keys.empty());
  interrupts.wait();
  fmt::print("shutting down: running answers may go on for {} s; once more to end at once\n",
             command.drain.count());
  std::fflush(stdout);
  const bool whole = server->shutdown(command.drain);
  fmt::print("{}\n", whole ? "done" : "done; answers that took too long were cut");
  return 0;
}

}  // namespace gantry::cli
