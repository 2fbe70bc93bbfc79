// What an error from below is at this door.
#pragma once

#include "api/field_names.h"
#include "base/error.h"
#include "http/http.h"

namespace gantry::api {

// Where the request is at fault, its field is told by the client's own name; a device's or a file's place is
// told in the message only.
http::Refusal refusal_of(const Error& error, const FieldNames& names = {});

}  // namespace gantry::api
