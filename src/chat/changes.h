// How a conversation can be said otherwise where a template has no words for it: one table of changes, each
// with what it is for. What a change means is the same conversation; docs/formats/conversations.md describes
// them. Pure; any thread.
#pragma once

#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/conversation.h"
#include "chat/expressed.h"
#include "chat/knowledge.h"
#include "reply/reply_format.h"

namespace gantry::chat {

// What a change may need to know.
struct Ground {
  std::string_view source;  // the template's
  const Knowledge& knowledge;
  const reply::ReplyFormat& format;
};

struct Change {
  std::string_view name;  // as the response says it: "systems-joined"
  // Problems that it may be a way out of.
  std::bitset<8> mends;
  // How much it changes: of several ways out the mildest is tried first.
  uint8_t weight;
  // What the template is known not to be able to say; Can::kCount: nothing that can be known beforehand.
  Can without;
  // Looking at a prompt does not show that it is needed: the template leaves out a part of a message.
  bool unseen;
  // False where there was nothing to change.
  bool (*apply)(Conversation& conversation, const Ground& ground);
};

// In the order in which they are applied.
std::span<const Change> change_table();
using ChangeSet = std::bitset<32>;  // rows of the table

// The changes of the set that changed something, by name.
std::vector<std::string> apply_changes(ChangeSet set, const Ground& ground, Conversation& conversation);

// The changes that the template is known to need for this conversation: all, or (`unseen`) those that looking
// at the prompt would not find.
ChangeSet needed_changes(const Ground& ground, const Conversation& conversation, bool unseen);

// Adds the next way out of `problem`; false where there is none left.
bool add_change(Problem problem, const Ground& ground, const Conversation& conversation, ChangeSet& set);

// --- the changes themselves, by what they change

bool say_functions_as_calls(Conversation& conversation, const Ground& ground);
bool say_tools_in_words(Conversation& conversation, const Ground& ground);
bool fill_in_tool_defaults(Conversation& conversation, const Ground& ground);
bool simplify_tool_types(Conversation& conversation, const Ground& ground);

bool mend_arguments(Conversation& conversation, const Ground& ground);
bool put_words_in_reasoning(Conversation& conversation, const Ground& ground);
bool put_words_before_calls(Conversation& conversation, const Ground& ground);
bool put_calls_one_by_one(Conversation& conversation, const Ground& ground);
bool write_worded_calls_in_notation(Conversation& conversation, const Ground& ground);
bool write_calls_in_notation(Conversation& conversation, const Ground& ground);
bool say_lone_results_in_words(Conversation& conversation, const Ground& ground);
bool say_results_in_words(Conversation& conversation, const Ground& ground);

bool join_systems(Conversation& conversation, const Ground& ground);
bool fold_late_systems(Conversation& conversation, const Ground& ground);
bool say_lone_system_as_user(Conversation& conversation, const Ground& ground);
bool fold_system(Conversation& conversation, const Ground& ground);
bool leave_out_empty_answers(Conversation& conversation, const Ground& ground);
bool answer_results(Conversation& conversation, const Ground& ground);
bool put_user_first(Conversation& conversation, const Ground& ground);
bool join_turns(Conversation& conversation, const Ground& ground);

}  // namespace gantry::chat
