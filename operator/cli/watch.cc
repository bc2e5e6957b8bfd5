// `kubectl weir status`: shows a release once, or live until it is over.
#include <algorithm>
#include <ostream>

#include "operator/canary/canary.h"
#include "operator/cli/cli.h"
#include "operator/cli/status.h"
#include "operator/kube/object.h"
#include "operator/reconcile/finished.h"

namespace weir::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kPoll = 1s;
// Events are read again when the release has changed, and now and then: a namespace can hold thousands.
constexpr std::chrono::milliseconds kEventsPoll = 10s;
// A cluster that doesn't answer for this long ends the watch.
constexpr std::chrono::milliseconds kPatience = 2min;

// What was read last.
struct Reading {
  Json object;
  canary::Canary release;
  std::vector<Json> events;
};

bool passes(const kube::Error& error) {
  return error.code == kube::Code::Unavailable || error.code == kube::Code::Timeout ||
         error.code == kube::Code::TooManyRequests;
}

// Cut to the terminal, which could not be drawn again in place if it had scrolled.
std::string fitting(const std::string& picture, std::size_t height) {
  if (height < 2) return picture;
  std::size_t end = 0;
  for (std::size_t lines = 0; lines + 1 < height && end < picture.size(); ++lines)
    end = picture.find('\n', end) + 1;
  return picture.substr(0, end);
}

class Watch {
 public:
  Watch(const kube::Key& key, kube::Api& api, Console& console, bool json)
      : key_(key), api_(api), console_(console), json_(json) {}

  int once() {
    if (const auto read = this->read(); !read) return fail(read.error());
    console_.out << (json_ ? as_json(2) : picture()) << (json_ ? "\n" : "");
    return kFine;
  }

  int until_over() {
    auto answered_at = console_.clock.steady();
    for (;; console_.sleep(kPoll)) {
      const auto read = this->read();
      const auto now = console_.clock.steady();
      if (read) {
        answered_at = now;
      } else if (!passes(read.error()) || now - answered_at > kPatience || reading_.object.is_null()) {
        return fail(read.error());
      }
      show(read ? "" : explain(read.error(), key_));
      const auto phase = reading_.release.status.phase;
      const bool over = strategies::is_final(phase) && !reconcile::begins_anew(reading_.release);
      if (read && over) return phase == strategies::Phase::Succeeded ? kFine : kFailed;
    }
  }

 private:
  [[nodiscard]] kube::Result<void> read() {
    auto object = api_.get(kube::kCanaries, key_);
    if (!object) return std::unexpected(object.error());
    auto release = canary::parse(*object);
    if (!release) {
      return std::unexpected(kube::Error{.code = kube::Code::BadAnswer, .message = release.error().message});
    }
    const bool changed = reading_.object != *object;
    reading_.object = std::move(*object);
    reading_.release = std::move(*release);
    const auto now = console_.clock.steady();
    if (!changed && now - events_at_ < kEventsPoll) return {};
    // Without Events the picture is poorer, not wrong.
    if (const auto events = api_.list(kube::kEvents, key_.name_space, "")) {
      reading_.events = events_of(reading_.release, *events);
    }
    events_at_ = now;
    return {};
  }

  [[nodiscard]] std::string picture() const {
    return render_status(reading_.release, reading_.events, console_.clock.wall(), console_.screen());
  }

  [[nodiscard]] std::string as_json(int indent) const {
    return Json{{"canary", reading_.object}, {"events", reading_.events}}.dump(
        indent, ' ', false, Json::error_handler_t::replace);
  }

  // `trouble`: why the last reading is not newer; empty: it is.
  void show(const std::string& trouble) {
    const Screen screen = console_.screen();
    if (!screen.live || json_) return print_change(trouble);
    Page note(screen);
    if (!trouble.empty()) note.paragraph("! " + trouble, 2, Style::Warn);
    const std::string frame = fitting(note.text() + picture(), screen.height);
    if (lines_drawn_ > 0) console_.out << "\x1b[" << lines_drawn_ << "A\r\x1b[J";
    console_.out << frame << std::flush;
    lines_drawn_ = std::ranges::count(frame, '\n');
  }

  void print_change(const std::string& trouble) {
    std::string line = trouble.empty() ? render_line(reading_.release) : trouble;
    if (json_) line = as_json(-1);
    if (line == last_line_) return;
    last_line_ = line;
    console_.out << line << '\n' << std::flush;
  }

  int fail(const kube::Error& error) {
    console_.err << explain(error, key_) << "\n";
    return kFailed;
  }

  const kube::Key& key_;
  kube::Api& api_;
  Console& console_;
  const bool json_;
  Reading reading_;
  base::Clock::Steady events_at_;
  std::ptrdiff_t lines_drawn_ = 0;
  std::string last_line_;
};

}  // namespace

int show_status(const Arguments& arguments, const kube::Key& key, kube::Api& api, Console& console) {
  Watch watch(key, api, console, arguments.value("output") == "json");
  return arguments.has("watch") ? watch.until_over() : watch.once();
}

}  // namespace weir::cli
