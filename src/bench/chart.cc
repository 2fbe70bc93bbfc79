#include "bench/chart.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include <fmt/format.h>

namespace gantry::bench {
namespace {

constexpr double kWidth = 760, kPanelHeight = 250, kLeft = 80, kRight = 150, kTop = 60, kBetween = 70,
                 kBottom = 56;
constexpr double kPlotWidth = kWidth - kLeft - kRight;
constexpr int kLinesAcross = 5;

constexpr const char* kStyle =
    "svg{background:#ffffff;color:#1c2430;font:13px system-ui,sans-serif}"
    "text{fill:currentColor}.title{font-size:16px;font-weight:600}.panel{font-weight:600}"
    ".grid{stroke:currentColor;stroke-opacity:.15}.axis{stroke:currentColor;stroke-opacity:.6}"
    ".line{fill:none;stroke-width:2}.dashed{stroke-dasharray:6 4}"
    ".c0{stroke:#0b62c4;fill:#0b62c4}.c1{stroke:#b3470b;fill:#b3470b}"
    "@media(prefers-color-scheme:dark){svg{background:#14181f;color:#e6eaf0}"
    ".c0{stroke:#6db3ff;fill:#6db3ff}.c1{stroke:#ffac70;fill:#ffac70}}";

struct Series {
  std::string name;
  const char* look;  // its classes
  std::function<double(const Figures&)> value;
};

// Where the levels stand, evenly: loads are steps, not distances.
double x_of(size_t index, size_t count) {
  return count < 2 ? kLeft + kPlotWidth / 2
                   : kLeft + kPlotWidth * static_cast<double>(index) / static_cast<double>(count - 1);
}

std::string text_at(double x, double y, const char* anchor, std::string_view text, const char* look = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor,
                     *look == '\0' ? "" : fmt::format(" class=\"{}\"", look), xml_text(text));
}

std::string rule_at(double x1, double y1, double x2, double y2, const char* look) {
  return fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", look,
                     x1, y1, x2, y2);
}

class Panel {
 public:
  Panel(const ServeReport& report, double top) : report_(report), top_(top) {}

  std::string draw(std::string_view title, const std::vector<Series>& series) {
    double most = 0;
    for (const Series& one : series)
      for (const LevelReport& level : report_.levels) most = std::max(most, one.value(level.figures));
    scale_ = round_above(most);
    std::string out = text_at(kLeft, top_ - 12, "start", title, "panel") + grid();
    std::vector<double> labels;
    for (const Series& one : series) out += line(one, labels);
    return out;
  }

 private:
  double y_of(double value) const { return top_ + kPanelHeight * (1 - std::min(value / scale_, 1.0)); }

  std::string grid() const {
    std::string out;
    for (int i = 0; i <= kLinesAcross; ++i) {
      const double value = scale_ * i / kLinesAcross;
      out += rule_at(kLeft, y_of(value), kLeft + kPlotWidth, y_of(value), i == 0 ? "axis" : "grid");
      out += text_at(kLeft - 8, y_of(value) + 4, "end", fmt::format("{:g}", value));
    }
    for (size_t i = 0; i < report_.levels.size(); ++i) {
      const Load& load = report_.levels[i].load;
      out += text_at(x_of(i, report_.levels.size()), top_ + kPanelHeight + 20, "middle",
                     load.clients > 0 ? std::to_string(load.clients) : fmt::format("{:g}", load.rate));
    }
    return out;
  }

  // `labels`: where names stand already; a new one gives way to them.
  std::string line(const Series& series, std::vector<double>& labels) const {
    std::string points, marks;
    const size_t count = report_.levels.size();
    double y = 0;
    for (size_t i = 0; i < count; ++i) {
      const double value = series.value(report_.levels[i].figures);
      y = y_of(value);
      points += fmt::format("{}{:.1f},{:.1f}", i == 0 ? "" : " ", x_of(i, count), y);
      marks += fmt::format(
          "<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"><title>{}: {:.4g}</title></circle>\n",
          series.look, x_of(i, count), y, xml_text(series.name), value);
    }
    constexpr double kLabelHeight = 15;
    std::sort(labels.begin(), labels.end());
    double label = y;
    for (const double other : labels)
      if (std::abs(other - label) < kLabelHeight) label = other + kLabelHeight;
    labels.push_back(label);
    return fmt::format("<polyline class=\"line {}\" style=\"fill:none\" points=\"{}\"/>\n{}", series.look,
                       points, marks) +
           text_at(kLeft + kPlotWidth + 12, label + 4, "start", series.name);
  }

  const ServeReport& report_;
  const double top_;
  double scale_ = 1;
};

Series quantile_of(const char* name, const char* look, Samples Figures::*samples, double share) {
  return {name, look,
          [samples, share](const Figures& figures) { return (figures.*samples).quantile(share) * 1e3; }};
}

}  // namespace

std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c >= 0x20 && c < 0x7f ? c : '?';
    }
  }
  return out;
}

double round_above(double value) {
  if (!(value > 0) || !std::isfinite(value)) return 1;
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double step : {1.0, 2.0, 5.0})
    if (step * power >= value) return step * power;
  return 10 * power;
}

std::string draw_chart(const ServeReport& report) {
  const double second = kTop + kPanelHeight + kBetween, third = second + kPanelHeight + kBetween;
  const double height = third + kPanelHeight + kBottom;
  const bool closed = report.levels.empty() || report.levels.front().load.clients > 0;
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" "
      "role=\"img\">\n<style>{2}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"none\"/>\n",
      kWidth, height, kStyle);
  out += text_at(kLeft, 24, "start", fmt::format("{} on {}, mix {}", report.model, report.url, report.mix),
                 "title");
  out += Panel(report, kTop).draw("tokens a second", {{"new tokens", "c0", [](const Figures& figures) {
                                                         return figures.per_second(figures.new_tokens);
                                                       }}});
  out +=
      Panel(report, second)
          .draw("until the first token, ms", {quantile_of("half", "c0", &Figures::first, 0.5),
                                              quantile_of("99 of 100", "c1 dashed", &Figures::first, 0.99)});
  out += Panel(report, third)
             .draw("between two pieces of an answer, ms",
                   {quantile_of("half", "c0", &Figures::gap, 0.5),
                    quantile_of("99 of 100", "c1 dashed", &Figures::gap, 0.99)});
  out += text_at(kLeft + kPlotWidth / 2, height - 12, "middle",
                 closed ? "clients at the same time" : "conversations that begin each second");
  return out + "</svg>\n";
}

}  // namespace gantry::bench
