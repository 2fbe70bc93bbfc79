#include "bench/words.h"

#include <array>
#include <string_view>

namespace gantry::bench {
namespace {

// Common ones, which most vocabularies have as one token behind a space.
constexpr std::array<std::string_view, 128> kWords = {
    "the",   "of",    "and",    "to",    "in",      "is",     "that",  "for",   "it",       "was",    "on",
    "are",   "as",    "with",   "his",   "they",    "at",     "be",    "this",  "have",     "from",   "or",
    "one",   "had",   "by",     "word",  "but",     "not",    "what",  "all",   "were",     "we",     "when",
    "your",  "can",   "said",   "there", "use",     "an",     "each",  "which", "she",      "do",     "how",
    "their", "if",    "will",   "up",    "other",   "about",  "out",   "many",  "then",     "them",   "these",
    "so",    "some",  "her",    "would", "make",    "like",   "him",   "into",  "time",     "has",    "look",
    "two",   "more",  "write",  "go",    "see",     "number", "no",    "way",   "could",    "people", "my",
    "than",  "first", "water",  "been",  "call",    "who",    "oil",   "its",   "now",      "find",   "long",
    "down",  "day",   "did",    "get",   "come",    "made",   "may",   "part",  "over",     "new",    "sound",
    "take",  "only",  "little", "work",  "know",    "place",  "year",  "live",  "me",       "back",   "give",
    "most",  "very",  "after",  "thing", "our",     "just",   "name",  "good",  "sentence", "man",    "think",
    "say",   "great", "where",  "help",  "through", "much",   "before"};

// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
uint64_t scattered(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

constexpr uint64_t kStep = 0x9e3779b97f4a7c15ULL;

}  // namespace

uint64_t mixed(uint64_t seed, uint64_t a, uint64_t b) {
  return scattered(scattered(scattered(seed + kStep) ^ (a * kStep)) + (b + 1) * kStep);
}

std::string random_words(uint64_t key, uint32_t count) {
  std::string out;
  out.reserve(size_t{count} * 6);
  for (uint32_t i = 0; i < count; ++i) {
    if (i > 0) out += ' ';
    out += kWords[scattered(key + (i + uint64_t{1}) * kStep) % kWords.size()];
  }
  return out;
}

}  // namespace gantry::bench
