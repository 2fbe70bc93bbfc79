#include "api/flow.h"

#include <utility>

#include "api/refusals.h"

namespace gantry::api {
namespace {

void take_turn(const std::shared_ptr<Flow>& flow) {
  bool more = false;
  const auto fault = flow->asker().fault_of([&] { more = flow->go_on(); });
  if (fault)
    flow->break_off(*fault);
  else if (more)
    let_flow(flow);
}

class BodyFlow final : public Flow {
 public:
  BodyFlow(Asker asker, std::unique_ptr<Body> body) : asker_(std::move(asker)), body_(std::move(body)) {}
  const Asker& asker() const override { return asker_; }
  bool go_on() override {
    std::string piece;
    const bool more = body_->next(piece);
    if (!more) piece += kBodyEnd;
    if (!asker_.reply->push(std::move(piece))) return false;
    if (!more) asker_.reply->finish();
    return more;
  }
  void break_off(const http::Refusal& why) override {
    asker_.reply->note({.cause = cause_of(why)});
    asker_.reply->fail({});
  }

 private:
  const Asker asker_;
  const std::unique_ptr<Body> body_;
};

}  // namespace

void let_flow(std::shared_ptr<Flow> flow) {
  const os::AccountScope nobody(nullptr);  // the answer has begun: too late for an error
  const std::shared_ptr<http::Reply> reply = flow->asker().reply;
  reply->on_room([flow = std::move(flow)] {
    const Load turn = {flow->asker().load.client, kPieceBytes};
    if (!flow->asker().work->try_post(
            turn, [flow] { take_turn(flow); }, WorkQueue::Entry::kGoesOn))
      flow->break_off(refusal_of(Error(ErrorCode::kShuttingDown, "the server is shutting down")));
  });
}

void answer_json(const Asker& asker, std::unique_ptr<Body> body, std::vector<http::Header> headers) {
  std::string piece;
  if (!body->next(piece)) return asker.answer_json(std::move(piece), std::move(headers));
  const auto flow = std::make_shared<BodyFlow>(asker, std::move(body));
  const os::AccountScope nobody(nullptr);
  asker.reply->begin_stream(
      {.status = 200, .headers = std::move(headers), .content_type = "application/json", .body = ""}, "");
  asker.reply->push(std::move(piece));
  asker.reply->on_cut([weak = std::weak_ptr<Flow>(flow)](const http::Refusal& why) {
    if (const auto self = weak.lock()) self->break_off(why);
  });
  let_flow(flow);
}

}  // namespace gantry::api
