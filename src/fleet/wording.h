// What turns conversations into text and back: the template, the format of replies, the way text is split.
// What the user named goes before what the file says.
#pragma once

#include <memory>
#include <string>

#include "fleet/live_model.h"
#include "gguf/gguf.h"
#include "jinja/chat_template.h"

namespace gantry::fleet {

// Error, naming the flag or the file, for a name that does not exist or a template that cannot be read; what
// a model's own file says is not looked at.
void check_wording(const LoadSettings& settings);

// "auto, harmony, ..., none": what the setting reply_format may say.
std::string known_reply_formats();

// nullptr: there is none, or the file's own does not parse (the log says so).
std::unique_ptr<const jinja::ChatTemplate> read_template(const LoadSettings& settings,
                                                         const gguf::GgufFile& file);

// How the model writes reasoning and tool calls: what was asked for, or what its template says.
const reply::ReplyFormat& choose_format(const LoadSettings& settings,
                                        const jinja::ChatTemplate* chat_template);

}  // namespace gantry::fleet
