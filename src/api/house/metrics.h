// GET /metrics: the server's figures in Prometheus' text format (version 0.0.4).
#pragma once

namespace gantry::api {
struct Call;
}

namespace gantry::api::house {

void metrics(Call& call);

}  // namespace gantry::api::house
