// pprint.pformat: repr, broken over lines of 80.
#include <algorithm>

#include "jinja/format.h"
#include "jinja/methods.h"
#include "jinja/ops.h"
#include "jinja/unicode.h"
#include "jinja/utf8.h"
#include "jinja/wrap.h"

namespace gantry::jinja {
namespace {

constexpr int64_t kWidth = 80;

// Keys in order: by value where they compare, by type where they do not.
bool key_before(Env& env, const Value& a, const Value& b) {
  bool comparable = (a.is_number() && b.is_number()) || (a.is_string() && b.is_string());
  return comparable ? less(env, a, b) : type_name(a) < type_name(b);
}

Value sorted_copy(Env& env, const Value& value) {
  env.charge(1);
  if (value.is_sequence()) {
    DepthGuard guard(env);
    Values items;
    for (const Value& item : value.items()) items.push_back(sorted_copy(env, item));
    return value.is(Kind::kList) ? make_list(std::move(items)) : make_tuple(std::move(items));
  }
  if (!value.is(Kind::kDict)) return value;
  DepthGuard guard(env);
  auto entries = value.as<DictObject>().entries;
  std::stable_sort(entries.begin(), entries.end(),
                   [&](const auto& a, const auto& b) { return key_before(env, a.first, b.first); });
  Value copy = make_dict();
  for (const auto& [key, item] : entries) copy.as<DictObject>().set(env, key, sorted_copy(env, item));
  return copy;
}

class PrettyPrinter {
 public:
  explicit PrettyPrinter(Env& env) : env_(env) {}

  void write(const Value& value, int64_t indent, int64_t allowance, int level) {
    const Text text = to_repr(env_, value);
    const std::string& whole = text.str();
    given_ = given_ || text.given();
    env_.charge_walk(whole.size());
    bool splits = value.is_sequence() || value.is(Kind::kDict) || value.is_string();
    if (!splits || size(whole) <= kWidth - indent - allowance) {
      out_ += whole;
      return;
    }
    DepthGuard guard(env_);
    if (value.is(Kind::kDict)) {
      out_ += '{';
      write_entries(value.as<DictObject>(), indent + 1, allowance + 1, level);
      out_ += '}';
    } else if (value.is_string()) {
      write_string(value.str(), indent, allowance, level);
    } else {
      bool list = value.is(Kind::kList);
      std::string close = list ? "]" : value.items().size() == 1 ? ",)" : ")";
      out_ += list ? '[' : '(';
      write_items(value.items(), indent + 1, allowance + static_cast<int64_t>(close.size()), level);
      out_ += close;
    }
  }
  Text take() { return {std::move(out_), given_}; }

 private:
  static int64_t size(const std::string& text) { return static_cast<int64_t>(utf8_length(text)); }

  void line(int64_t indent) {
    env_.charge_text(out_.size() / 64 + static_cast<uint64_t>(indent));
    if (out_.size() > env_.limits().output_bytes) env_.charge_text(out_.size());
    out_ += '\n';
    out_.append(static_cast<size_t>(indent), ' ');
  }

  void write_items(const Values& items, int64_t indent, int64_t allowance, int level) {
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) {
        out_ += ',';
        line(indent);
      }
      write(items[i], indent, i + 1 == items.size() ? allowance : 1, level + 1);
    }
  }

  void write_entries(const DictObject& dict, int64_t indent, int64_t allowance, int level) {
    for (size_t i = 0; i < dict.entries.size(); ++i) {
      if (i > 0) {
        out_ += ',';
        line(indent);
      }
      const Text key_text = to_repr(env_, dict.entries[i].first);
      const std::string& key = key_text.str();
      given_ = given_ || key_text.given();
      out_ += key + ": ";
      write(dict.entries[i].second, indent + size(key) + 2, i + 1 == dict.entries.size() ? allowance : 1,
            level + 1);
    }
  }

  // Words with the white space behind them.
  static Parts words(std::string_view text) {
    Parts parts;
    for (size_t at = 0; at < text.size();) {
      size_t begin = at;
      bool spaces = false;
      while (at < text.size()) {
        size_t next = at;
        bool space = is_space(utf8_next(text, next));
        if (spaces && !space) break;
        spaces = space;
        at = next;
      }
      parts.push_back({begin, at});
    }
    return parts;
  }

  void write_string(const std::string& text, int64_t indent, int64_t allowance, int level) {
    if (level == 1) {
      ++indent;
      ++allowance;
    }
    Strings chunks;
    const Parts lines = split_lines(text, true);
    int64_t room = kWidth - indent;
    for (size_t i = 0; i < lines.size(); ++i) {
      bool last_line = i + 1 == lines.size();
      const std::string_view line_text = std::string_view(text).substr(lines[i].begin, lines[i].size());
      if (size(string_repr(line_text)) <= room - (last_line ? allowance : 0)) {
        chunks.push_back(string_repr(line_text));
        continue;
      }
      std::string current;
      const Parts parts = words(line_text);
      for (size_t j = 0; j < parts.size(); ++j) {
        const std::string word(line_text.substr(parts[j].begin, parts[j].size()));
        int64_t limit = room - (last_line && j + 1 == parts.size() ? allowance : 0);
        env_.charge(1 + current.size() / 64);
        if (size(string_repr(current + word)) <= limit) {
          current += word;
          continue;
        }
        if (!current.empty()) chunks.push_back(string_repr(current));
        current = word;
      }
      if (!current.empty()) chunks.push_back(string_repr(current));
    }
    bool brackets = level == 1 && chunks.size() > 1;
    if (brackets) out_ += '(';
    for (size_t i = 0; i < chunks.size(); ++i) {
      if (i > 0) line(indent);
      out_ += chunks[i];
    }
    if (brackets) out_ += ')';
  }

  Env& env_;
  std::string out_;
  bool given_ = false;  // something in it
};

}  // namespace

Text pretty_repr(Env& env, const Value& value) {
  PrettyPrinter printer(env);
  printer.write(sorted_copy(env, value), 0, 0, 1);
  Text out = printer.take();
  env.charge_text(out.size());
  return out;
}

}  // namespace gantry::jinja
