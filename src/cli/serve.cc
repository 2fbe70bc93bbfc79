#include <cstdlib>

#include <fmt/format.h>

#include "base/outbox.h"
#include "cli/commands.h"
#include "cli/interrupts.h"
#include "cli/loading.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "http/guard.h"
#include "server/server.h"

namespace gantry::cli {
namespace {

void announce(const std::vector<fleet::ModelCard>& cards, const server::Server& server, bool keys) {
  const fleet::ModelCard& card = cards.front();
  say("listening on {}\n", server.url());
  say("model {}: {}, {} parameters, {}; context {}, {} {} at once\n", card.id, card.arch,
      human_count(card.parameters), card.dtype, card.context, card.sequences,
      card.sequences == 1 ? "sequence" : "sequences");
  if (card.has_chat_template) say("reasoning and tool calls are read as: {}\n", card.reply_format);
  for (size_t i = 1; i < cards.size(); ++i)
    say("model {}: loaded when a request names it\n", harmless(cards[i].id));
  const bool unix_socket = server.port() == 0;
  const std::string target =
      unix_socket ? fmt::format("--unix-socket {} http://localhost", server.url().substr(5)) : server.url();
  const char* key = keys ? " -H \"Authorization: Bearer $GANTRY_API_KEY\"" : "";
  if (card.has_chat_template) {
    say("try: curl{} {}/v1/chat/completions -d "
        "'{{\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n",
        key, target);
  } else {
    say("try: curl{} {}/v1/completions -d '{{\"prompt\":\"Once upon a time\",\"max_tokens\":64}}'\n", key,
        target);
  }
}

void warn_of_open_door(const http::Options& options) {
  std::string_view address = options.host;
  if (!options.api_keys.empty() || address.starts_with("unix:")) return;
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  if (http::is_loopback_name(address)) return;
  note("everyone who reaches {} may use this server: --api-key, or $GANTRY_API_KEY, asks for a key\n",
       options.host);
}

}  // namespace

int serve(const ServeCommand& command, const device::Registry& registry) {
  // A client that goes away is that connection's matter.
  std::signal(SIGPIPE, SIG_IGN);
  // Nor does it wait for who reads its log, or does not.
  const Diverted words(stdout), notes(stderr);
  const auto fleet = start_fleet({registry, beside_models(command.server.request_memory)}, command.models);
  Interrupts interrupts(true);
  const auto server = server::Server::start(*fleet, command.server);
  warn_of_open_door(command.server);
  announce(fleet->list(), *server, !command.server.api_keys.empty());
  interrupts.wait();
  say("shutting down: running answers may go on for {} s; once more to end at once\n",
      static_cast<double>(command.drain.count()) / 1000);
  const bool whole = server->shutdown(command.drain);
  say("{}\n", whole ? "done" : "done; answers that took too long were cut");
  return 0;
}

}  // namespace gantry::cli
