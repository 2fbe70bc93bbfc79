// The zone in which this process tells the time of day: the machine's own (TZ, /etc/localtime), until another
// is chosen.
#pragma once

#include <string>

namespace gantry::os {

// An IANA name that the system has ("Europe/Berlin"), "UTC", or an offset from it ("+02:00", "-0330",
// "UTC+5"). Error kUsage for what is neither, with where = "timezone". For the whole process: before it has
// threads.
void set_timezone(const std::string& name);

}  // namespace gantry::os
