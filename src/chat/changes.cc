#include "chat/changes.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "base/interrupt.h"

namespace gantry::chat {
namespace {

constexpr std::bitset<8> mends(std::initializer_list<Problem> problems) {
  unsigned bits = 0;
  for (const Problem problem : problems) bits |= 1u << static_cast<unsigned>(problem);
  return bits;
}

using P = Problem;
using C = Can;
constexpr bool kUnseen = true, kSeen = false;
const std::array kTable = {
    Change{"functions-as-calls", mends({P::kFunctions, P::kRefused}), 10, C::kFunctions, kUnseen,
           say_functions_as_calls},
    Change{"tools-in-words", mends({P::kTools, P::kRefused}), 90, C::kTools, kSeen, say_tools_in_words},
    Change{"tool-defaults", mends({P::kRefused}), 0, C::kCount, kSeen, fill_in_tool_defaults},
    Change{"tool-types-simplified", mends({P::kRefused, P::kLimits}), 20, C::kSchemas, kUnseen,
           simplify_tool_types},
    Change{"arguments-mended", mends({P::kRefused}), 10, C::kTextArguments, kUnseen, mend_arguments},
    Change{"words-before-calls", mends({P::kRefused}), 35, C::kOldWordsWithCalls, kUnseen,
           put_words_before_calls},
    Change{"words-in-reasoning", {}, 0, C::kReasoningAndWords, kUnseen, put_words_in_reasoning},
    Change{"worded-calls-in-notation", {}, 0, C::kWordsWithCalls, kUnseen, write_worded_calls_in_notation},
    Change{"calls-one-by-one", mends({P::kRefused}), 40, C::kCallsTogether, kUnseen, put_calls_one_by_one},
    Change{"calls-in-notation", mends({P::kCalls, P::kRefused}), 80, C::kCalls, kUnseen,
           write_calls_in_notation},
    Change{"lone-results-in-words", mends({P::kResults, P::kRefused}), 60, C::kLoneResults, kSeen,
           say_lone_results_in_words},
    Change{"results-in-words", mends({P::kResults, P::kRefused}), 70, C::kResults, kSeen,
           say_results_in_words},
    Change{"empty-answers-left-out", mends({P::kRefused}), 5, C::kCount, kSeen, leave_out_empty_answers},
    Change{"user-put-first", mends({P::kRefused}), 45, C::kAssistantFirst, kUnseen, put_user_first},
    Change{"system-as-user", mends({P::kSystem, P::kRefused}), 55, C::kSystemAlone, kUnseen,
           say_lone_system_as_user},
    Change{"systems-joined", mends({P::kSystem, P::kRefused}), 20, C::kSystems, kSeen, join_systems},
    Change{"late-systems-folded", mends({P::kSystem, P::kRefused}), 25, C::kLateSystem, kSeen,
           fold_late_systems},
    Change{"system-folded", mends({P::kSystem, P::kRefused}), 50, C::kSystem, kSeen, fold_system},
    Change{"results-answered", mends({P::kRefused}), 45, C::kUserAfterResult, kSeen, answer_results},
    Change{"turns-joined", mends({P::kTurns, P::kRefused}), 30, C::kCount, kUnseen, join_turns},
};

// Whether the template is known to need it.
bool is_lacking(const Change& change, const Knowledge& knowledge) {
  if (change.apply == join_turns)
    return !knowledge.can(Can::kUsersInARow) || !knowledge.can(Can::kAssistantsInARow);
  // Calls that it cannot say at all are not said in another order.
  const bool orders = change.apply == put_calls_one_by_one || change.apply == put_words_before_calls ||
                      change.apply == write_worded_calls_in_notation;
  if (orders && !knowledge.can(Can::kCalls)) return false;
  return change.without != Can::kCount && !knowledge.can(change.without);
}

}  // namespace

std::span<const Change> change_table() { return kTable; }

std::vector<std::string> apply_changes(ChangeSet set, const Ground& ground, Conversation& conversation) {
  std::vector<std::string> names;
  for (size_t i = 0; i < kTable.size(); ++i)
    if (set[i] && kTable[i].apply(conversation, ground)) names.emplace_back(kTable[i].name);
  return names;
}

ChangeSet needed_changes(const Ground& ground, const Conversation& conversation, bool unseen) {
  ChangeSet set;
  Conversation changed = conversation;
  for (size_t i = 0; i < kTable.size(); ++i) {
    const Change& change = kTable[i];
    if (unseen && !change.unseen) continue;
    if (is_lacking(change, ground.knowledge) && change.apply(changed, ground)) set.set(i);
  }
  return set;
}

bool add_change(Problem problem, const Ground& ground, const Conversation& conversation, ChangeSet& set) {
  std::vector<size_t> ways;
  for (size_t i = 0; i < kTable.size(); ++i)
    if (!set[i] && kTable[i].mends[static_cast<size_t>(problem)]) ways.push_back(i);
  std::ranges::stable_sort(ways, {}, [](size_t i) { return kTable[i].weight; });
  for (const size_t i : ways) {
    check_interrupt();
    ChangeSet with = set;
    with.set(i);
    Conversation changed = conversation;
    const auto names = apply_changes(with, ground, changed);
    if (std::ranges::find(names, kTable[i].name) == names.end()) continue;
    set = with;
    return true;
  }
  return false;
}

}  // namespace gantry::chat
