// Where cpprestsdk puts the bytes of an answer. Included by transport.cc alone.
#pragma once

#include <cpprest/astreambuf.h>

#include <memory>
#include <utility>

#include "operator/http/exchange.h"

namespace weir::http {

// Hands every byte on at once, so that nothing is buffered and lines come as they are sent. Write-only; the
// library asks for little more than `_putn`, the rest says "there is nothing here".
class Sink final : public concurrency::streams::details::streambuf_state_manager<std::uint8_t> {
 public:
  explicit Sink(std::shared_ptr<Exchange> exchange)
      : streambuf_state_manager(std::ios_base::out), exchange_(std::move(exchange)) {}

  bool can_seek() const override { return false; }
  bool has_size() const override { return false; }
  std::size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(std::size_t, std::ios_base::openmode) override {}
  std::size_t in_avail() const override { return 0; }
  pos_type getpos(std::ios_base::openmode) const override { return nowhere(); }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return nowhere(); }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override { return nowhere(); }
  bool acquire(std::uint8_t*& bytes, std::size_t& count) override {
    bytes = nullptr;
    count = 0;
    return false;
  }
  void release(std::uint8_t*, std::size_t) override {}

 protected:
  pplx::task<int_type> _putc(std::uint8_t byte) override {
    exchange_->take_bytes(&byte, 1);
    return pplx::task_from_result<int_type>(byte);
  }
  pplx::task<std::size_t> _putn(const std::uint8_t* bytes, std::size_t count) override {
    exchange_->take_bytes(bytes, count);
    return pplx::task_from_result(count);
  }
  pplx::task<std::size_t> _putn(const std::uint8_t* bytes, std::size_t count, bool) override {
    return _putn(bytes, count);
  }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  std::uint8_t* _alloc(std::size_t) override { return nullptr; }
  void _commit(std::size_t) override {}

  pplx::task<int_type> _bumpc() override { return pplx::task_from_result<int_type>(traits::eof()); }
  int_type _sbumpc() override { return traits::eof(); }
  pplx::task<int_type> _getc() override { return pplx::task_from_result<int_type>(traits::eof()); }
  int_type _sgetc() override { return traits::eof(); }
  pplx::task<int_type> _nextc() override { return pplx::task_from_result<int_type>(traits::eof()); }
  pplx::task<int_type> _ungetc() override { return pplx::task_from_result<int_type>(traits::eof()); }
  pplx::task<std::size_t> _getn(std::uint8_t*, std::size_t) override {
    return pplx::task_from_result<std::size_t>(0);
  }
  std::size_t _scopy(std::uint8_t*, std::size_t) override { return 0; }

 private:
  static pos_type nowhere() { return static_cast<pos_type>(traits::eof()); }

  std::shared_ptr<Exchange> exchange_;
};

// The library's handle of a Sink.
class SinkBuffer final : public concurrency::streams::streambuf<std::uint8_t> {
 public:
  explicit SinkBuffer(std::shared_ptr<Exchange> exchange)
      : streambuf(std::make_shared<Sink>(std::move(exchange))) {}
};

}  // namespace weir::http
