// A step's calls taken down once, to be done again at less cost (a graph of a GPU).
#pragma once

namespace gantry::device {

// What Stream::begin_recording() .. end_recording() took down. Between the two nothing is done and nothing
// may be waited for; only operations, copies, fills, and writes and reads of host arenas may be called. A
// replay does them in the same order with the same buffers; what lies in them is read at that time. What the
// host said of sizes stays as it was: counts of rows, of sequences and of runs, the rows of the greatest run,
// and the longest length are bounds that later steps keep within by rows that are padding and runs without
// rows. Arenas outlive it.
class Recording {
 public:
  virtual ~Recording() = default;
};

}  // namespace gantry::device
