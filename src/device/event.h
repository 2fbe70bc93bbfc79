// A point in a stream's work that others can wait for.
#pragma once

namespace gantry::device {

// Recorded by Stream::record(), as often as one likes; who asks or waits means the last recording before
// that. Streams that record it and streams that wait for it may be of different devices of one backend. It
// may be destroyed at any time; what waits for it does so all the same. One thread at a time.
class Event {
 public:
  virtual ~Event() = default;
  // Whether that work is done; true where nothing was recorded. Does not wait.
  virtual bool reached() = 0;
  // The host waits. Throws as Stream::sync().
  virtual void wait() = 0;
};

}  // namespace gantry::device
