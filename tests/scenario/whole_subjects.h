// The models of which whole answers are asked: ones that say what a test wrote, ones that say anything, and
// real ones. Each with what is worth asking it.
#pragma once

#include <string>
#include <vector>

#include "tests/model/own_models.h"
#include "tests/scenario/random_asks.h"
#include "tests/scenario/served_model.h"

namespace gantry::testing {

struct Subject {
  std::string name;
  MakeParts make;
  AskFacts facts;
  size_t times = 2;     // each request in the crowd: the second time its prompt is known
  std::string written;  // ids of calls that stand in it are the model's own words
};

// Says a reply of this format where it is asked to: those of tests/reply, and some with three calls. No
// weights.
Subject teller(const reply::ReplyFormat& format);
// Says pieces of replies of this format in any order. No weights.
Subject babbler(const reply::ReplyFormat& format);
// A file's model. One without a vocabulary says pieces of replies of the format, one without a template is
// asked in the plain one. Throws what opening it throws.
Subject weights(const std::string& name, fleet::LoadSettings settings, const reply::ReplyFormat& format);

}  // namespace gantry::testing
