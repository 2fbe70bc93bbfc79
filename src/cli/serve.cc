#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "base/counted.h"
#include "base/error.h"
#include "base/log.h"
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

// Where a server that listens everywhere can be called from here: nobody can call 0.0.0.0.
std::string url_to_call(std::string url) {
  for (const auto& [everywhere, here] : {std::pair{"//0.0.0.0", "//127.0.0.1"}, {"//[::]", "//[::1]"}})
    if (const size_t at = url.find(everywhere); at != std::string::npos)
      url.replace(at, std::string_view(everywhere).size(), here);
  return url;
}

void announce(const std::vector<fleet::ModelCard>& cards, const server::Server& server, bool keys) {
  const fleet::ModelCard& card = cards.front();
  const bool unix_socket = server.port() == 0;
  const std::string url = url_to_call(server.url());
  say("listening on {}\n", server.url());
  if (!unix_socket) say("base URL for clients: {}/v1\n", url);
  say("model {}: {}, {} parameters, {}; {} of context, {}\n", card.id, card.arch,
      human_count(card.parameters), card.dtype, counted(card.context, "token"),
      counted(card.sequences, "parallel request"));
  if (card.has_chat_template)
    say("reply format: {} (how the model writes reasoning and tool calls)\n", card.reply_format);
  for (size_t i = 1; i < cards.size(); ++i)
    say("model {}: loaded when a request names it\n", harmless(cards[i].id));
  const std::string target =
      unix_socket ? fmt::format("--unix-socket {} http://localhost", server.url().substr(5)) : url;
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
  note(
      "everyone who reaches {} may use this server; set --api-key or $GANTRY_API_KEY to ask clients for a "
      "key\n",
      options.host);
}

// A hangup before there is a server has nothing to begin anew, and ends nothing.
void outlive_hangups() {
  if (std::signal(SIGHUP, [](int) {}) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
}

// What can change while answers run; the rest is said to count later.
void begin_anew(const std::function<Command()>& read_again) {
  try {
    log::set_level(read_again().log_level);
    note("SIGHUP: the log's level was read again; all other settings count from the next start\n");
  } catch (const Error& error) {
    note("SIGHUP: the settings cannot be read, so those stay that were there: {}\n", describe(error));
  }
}

void wait_for_the_end(Interrupts& interrupts, const std::function<Command()>& read_again) {
  while (!Interrupts::came()) {
    interrupts.wait();
    if (interrupts.take_hangup()) begin_anew(read_again);
  }
}

}  // namespace

int serve(const ServeCommand& command, const device::Registry& registry,
          const std::function<Command()>& read_again) {
  // A client that goes away is that connection's matter.
  std::signal(SIGPIPE, SIG_IGN);
  // Nor does it wait for who reads its log, or does not.
  const Diverted words(stdout), notes(stderr);
  outlive_hangups();
  // What is wrong with its origins and names is told before a model is loaded.
  static_cast<void>(http::Guard(command.server, false));
  const auto fleet = start_fleet({registry, beside_models(command.server.request_memory)}, command.models);
  Interrupts interrupts(true, Interrupts::Hangup::kTell);
  const auto server = server::Server::start(*fleet, command.server);
  warn_of_open_door(command.server);
  announce(fleet->list(), *server, !command.server.api_keys.empty());
  wait_for_the_end(interrupts, read_again);
  say("shutting down: running answers may go on for {} s; a second signal ends them at once\n",
      static_cast<double>(command.drain.count()) / 1000);
  const bool whole = server->shutdown(command.drain);
  say("{}\n", whole ? "done" : "done; answers that took too long were cut");
  return 0;
}

}  // namespace gantry::cli
