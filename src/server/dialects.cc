#include "server/dialects.h"

#include "api/house/house.h"
#include "api/openai/openai.h"

namespace gantry::server {

std::vector<const api::Dialect*> all_dialects() { return {&api::house::dialect(), &api::openai::dialect()}; }

}  // namespace gantry::server
