#include <csignal>
#include <functional>
#include <optional>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/counted.h"
#include "base/error.h"
#include "base/log.h"
#include "base/outbox.h"
#include "cli/api_keys.h"
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

// Those of the flags and of the file.
std::vector<std::string> api_keys_of(const ServeCommand& command) {
  std::vector<std::string> keys = command.server.api_keys;
  if (command.api_key_file.empty()) return keys;
  for (std::string& key : read_api_keys(command.api_key_file)) keys.push_back(std::move(key));
  return keys;
}

// What can change while answers run; the rest is said to count later. Each part by itself: what cannot be
// had anew stays as it was.
void begin_anew(const std::function<Command()>& read_again, log::ToFile* file, server::Server& server) {
  try {
    if (file != nullptr) file->reopen();
  } catch (const Error& error) {
    note("SIGHUP: the log goes on in the file that was open: {}\n", describe(error));
  }
  try {
    const Command command = read_again();
    log::set_level(command.log_level);
    const auto& serve = std::get<ServeCommand>(command.action);
    if (!serve.api_key_file.empty()) server.set_api_keys(api_keys_of(serve));
    note("SIGHUP: the log's level was read again{}; all other settings count from the next start\n",
         serve.api_key_file.empty() ? "" : ", and the keys");
  } catch (const Error& error) {
    note("SIGHUP: the settings cannot be read, so those stay that were there: {}\n", describe(error));
  }
}

void wait_for_the_end(Interrupts& interrupts, const std::function<void()>& on_hangup) {
  while (!Interrupts::came()) {
    interrupts.wait();
    if (interrupts.take_hangup()) on_hangup();
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
  log::set_format(command.log_format);
  std::optional<log::ToFile> file;
  if (!command.log_file.empty()) file.emplace(command.log_file);
  http::Options options = command.server;
  options.api_keys = api_keys_of(command);
  Interrupts interrupts(true, Interrupts::Hangup::kTell);
  ColdFleet cold({registry, beside_models(options.request_memory)}, command.models);
  // The port first: what is wrong with it is told before a model is loaded, and a balancer sees what goes on.
  const auto server =
      server::Server::start(cold.fleet(), options, server::all_dialects(), server::Server::Begins::kLoading);
  note("{} is bound; requests are answered once the model is loaded\n", server->url());
  if (!cold.load(interrupts, [&](std::string_view stage, double part) { server->loading(stage, part); })) {
    say("stopped while the model was being loaded\n");
    return 0;
  }
  server->loaded();
  warn_of_open_door(options);
  announce(cold.fleet().list(), *server, !options.api_keys.empty());
  wait_for_the_end(interrupts, [&] { begin_anew(read_again, file ? &*file : nullptr, *server); });
  say("shutting down: running answers may go on for {} s; a second signal ends them at once\n",
      static_cast<double>(command.drain.count()) / 1000);
  const bool whole = server->shutdown(command.drain);
  say("{}\n", whole ? "done" : "done; answers that took too long were cut");
  return 0;
}

}  // namespace gantry::cli
