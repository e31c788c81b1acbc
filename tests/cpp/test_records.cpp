// SPDX-License-Identifier: Apache-2.0
// Lines, words and rows of a block of bytes.
#include <string_view>
#include <utility>
#include <vector>

#include "checks.hpp"
#include "hypersketch/hash.hpp"
#include "hypersketch/records.hpp"

namespace hypersketch {
namespace {

std::vector<unsigned char> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

void test_lines_and_words() {
  const auto data = bytes_of("a\r\n\n\"x\ny\"\n to  be");
  std::vector<int64_t> ends(count_byte(data, '\n')), stops(ends.size());
  check(split_lines(data, ends.data(), stops.data()) == 4, "lines");
  check(ends == std::vector<int64_t>({1, 3, 6, 9}) && stops == std::vector<int64_t>({3, 4, 7, 10}), "where lines end");
  const RowScan rows = split_rows(data, ',', true, ends.data(), stops.data());
  check(rows.n == 3 && rows.stray == -1 && ends[2] == 9, "rows of CSV");
  const size_t n = count_words(data);
  std::vector<int64_t> from(n), to(n);
  split_words(data, from.data(), to.data());
  check(from == std::vector<int64_t>({0, 4, 7, 11, 15}) && to == std::vector<int64_t>({1, 6, 9, 13, 17}), "words");
  auto block = data;
  const bool keep[] = {true, false, true, true, true};
  check(pack_spans({block.data(), from.data(), to.data(), n}, keep, block.data()) == 7 &&
            std::string_view(reinterpret_cast<const char*>(block.data()), 7) == "ay\"tobe",
        "packed words");
}

// Quotes open where a field begins; CRs outside of them end lines. Blocks have exactly the size of their text.
void test_csv_rows() {
  const std::pair<std::string_view, RowScan> cases[] = {
      {"", {0, -1}},
      {"\"", {0, -1}},
      {"\"\"", {0, -1}},
      {"\"a\"\n", {1, -1}},
      {"a\"b\nc\"\n", {2, -1}},
      {"a,\"b\nc\"\n", {1, -1}},
      {"\"a\"\"\nb\"\n", {1, -1}},
      {"\"a\"b\"c\nd\n", {2, -1}},
      {"a;\"b\nc\"\n", {2, -1}},
      {"a\r\nb\r", {1, 4}},
      {"a\rb\n", {0, 1}},
      {"\"a\rb\"\r\n", {1, -1}},
      {"a,\"\r\"\rb\n", {0, 5}},
  };
  for (const auto& [text, wanted] : cases) {
    const auto data = bytes_of(text);
    std::vector<int64_t> ends(count_byte(data, '\n')), stops(ends.size());
    const RowScan scan = split_rows(data, ',', true, ends.data(), stops.data());
    check(scan.n == wanted.n && scan.stray == wanted.stray, "split_rows", scan.n, data.size());
  }
  const auto data = bytes_of("a\r");
  check(split_rows(data, ',', false, nullptr, nullptr).stray == -1, "a CR whose LF may follow");
}

// Records of `size` bytes, each value three times; with `same` all hashes are equal. Table and arena have no room
// more than is needed.
void test_exact_table(size_t size, bool same) {
  constexpr size_t kValues = 40;
  std::vector<unsigned char> data;
  std::vector<int64_t> starts, ends;
  std::vector<uint64_t> hashes;
  for (size_t i = 0; i < 3 * kValues; ++i) {
    starts.push_back(static_cast<int64_t>(data.size()));
    for (size_t b = 0; b < size; ++b) data.push_back(static_cast<unsigned char>(i % kValues + b));
    ends.push_back(static_cast<int64_t>(data.size()));
    hashes.push_back(same ? 0 : xxh64_bytes(data.data() + starts.back(), size, 0));
  }
  const size_t different = size == 0 ? 1 : kValues;
  std::vector<ExactSlot> slots(2 * kValues);
  std::vector<unsigned char> arena(different * (8 + size));
  ExactTable table{slots.data(), slots.size(), 0, different, arena.data(), arena.size(), 0};
  check(exact_reserve(table, hashes) == hashes.size(), "reserved", size, same);
  bool keep[3 * kValues];
  check(exact_keep(table, {data.data(), starts.data(), ends.data(), hashes.size()}, hashes, keep) == hashes.size(),
        "kept", size, same);
  for (size_t i = 0; i < hashes.size(); ++i) check(keep[i] == (i < different), "the first of its bytes", size, i);
  check(table.used == different && table.filled == arena.size(), "room", table.used, table.filled);
  std::vector<ExactSlot> wider(3 * kValues);
  ExactTable moved{wider.data(), wider.size(), table.used, different, arena.data(), arena.size(), table.filled};
  exact_move(slots, moved);
  check(exact_keep(moved, {data.data(), starts.data(), ends.data(), hashes.size()}, hashes, keep) == hashes.size(),
        "kept after a move", size, same);
  for (size_t i = 0; i < hashes.size(); ++i) check(!keep[i], "seen before a move", size, i);
}

}  // namespace

void run_record_tests() {
  test_lines_and_words();
  test_csv_rows();
  for (const size_t size : {0, 1, 9}) test_exact_table(size, false), test_exact_table(size, true);
}

}  // namespace hypersketch
