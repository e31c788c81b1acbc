// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"
#include "hypersketch/bits.hpp"
#include "locations.hpp"

namespace hypersketch::bindings {
namespace {

using MaybeSpan = std::optional<Span>;

// Calls visit with a pointer to the counters, in bytes that a call of so many has.
template <class Visit>
auto with_cells(const Span& counters, size_t n_bytes, Visit&& visit) {
  if (n_bytes == 1) return visit(counters.data<std::int8_t>());
  if (n_bytes == 2) return visit(counters.data<std::int16_t>());
  require(n_bytes == 4, "Counters have 1, 2 or 4 bytes.");
  return visit(counters.data<std::int32_t>());
}

// Addresses of hard locations on a GPU, and how many of them an address activates.
struct Locations {
  Locations(const Span& addresses, size_t dim, size_t radius, size_t k)
      : device(addresses.device), view{addresses.data<const uint64_t>(), addresses.n / words_for(dim), dim, radius, k} {
    require(dim >= 1 && dim < (size_t{1} << 31), "The dimension must be in [1, 2**31).");
    require(addresses.n == view.n * words_for(dim) && k <= view.n, "The addresses do not fit.");
  }

  cuda::LocationItems items(const Span& asked, const MaybeSpan& values, size_t width, const MaybeSpan& weights) const {
    const size_t n = asked.n / words_for(view.dim);
    require(asked.device == device && asked.n == n * words_for(view.dim), "The addresses do not fit the locations.");
    require(!values || (values->device == device && values->n == n * words_for(width)), "The values do not fit.");
    require(!weights || (weights->device == device && weights->n == n), "There must be one weight an item.");
    return {asked.data<const uint64_t>(), values ? values->data<const uint64_t>() : nullptr,
            weights ? weights->data<const std::int64_t>() : nullptr, n};
  }

  void require_counters(const Span& counters, size_t width) const {
    require(counters.device == device && counters.n == view.n * width, "The counters do not fit the locations.");
  }

  int device;
  cuda::HardLocations view;
};

void write_locations(const Locations& locations, const Span& asked, const Span& values, const MaybeSpan& weights,
                     const Span& counters, size_t width, size_t n_bytes, std::int64_t limit) {
  locations.require_counters(counters, width);
  const cuda::LocationItems items = locations.items(asked, values, width, weights);
  with_cells(counters, n_bytes, [&](auto* cells) {
    const py::gil_scoped_release release;
    cuda::write_locations(asked.place(), locations.view, items, cells, width, limit);
  });
}

std::int64_t largest_load(const Locations& locations, const Span& asked, const MaybeSpan& weights) {
  const cuda::LocationItems items = locations.items(asked, std::nullopt, 1, weights);
  const py::gil_scoped_release release;
  return cuda::largest_load(asked.place(), locations.view, items);
}

std::int64_t largest_counter(const Span& counters, const MaybeSpan& others, size_t n_bytes) {
  require(!others || (others->n == counters.n && others->device == counters.device), "Both must be of one size.");
  return with_cells(counters, n_bytes, [&](auto* cells) {
    using Cell = std::remove_pointer_t<decltype(cells)>;
    const py::gil_scoped_release release;
    return cuda::largest_counter<Cell>(counters.place(), cells, others ? others->data<const Cell>() : nullptr,
                                       counters.n);
  });
}

void join_counters(const Span& counters, const Span& others, size_t n_bytes, std::int64_t limit) {
  require(others.n == counters.n && others.device == counters.device, "Both must be of one size.");
  with_cells(counters, n_bytes, [&](auto* cells) {
    using Cell = std::remove_pointer_t<decltype(cells)>;
    const py::gil_scoped_release release;
    cuda::join_counters<Cell>(counters.place(), cells, others.data<const Cell>(), counters.n, limit);
  });
}

void read_locations(const Locations& locations, const Span& counters, size_t width, size_t n_bytes, const Span& asked,
                    const Span& ties, size_t steps, const Span& states, const Span& sums, const Span& active,
                    const Span& n_steps, const Span& converged) {
  locations.require_counters(counters, width);
  require_together(counters, asked, ties, states, sums, active, n_steps, converged);
  const size_t n = locations.items(asked, std::nullopt, 1, std::nullopt).n;
  require(ties.n == words_for(width) && states.n == n * words_for(width) && sums.n == n * width,
          "States and sums must be as wide as the values.");
  require(active.n == n && n_steps.n == n && converged.n == n, "There must be one answer a state.");
  require(steps >= 1 && (steps == 1 || width == locations.view.dim),
          "Reading goes on only where values are addresses.");
  const cuda::LocationReading reading{states.data<uint64_t>(), sums.data<std::int64_t>(), active.data<std::int64_t>(),
                                      n_steps.data<std::int64_t>(), converged.data<bool>()};
  with_cells(counters, n_bytes, [&](auto* cells) {
    using Cell = std::remove_pointer_t<decltype(cells)>;
    const py::gil_scoped_release release;
    cuda::read_locations<Cell>(asked.place(), locations.view, cells, width, asked.data<const uint64_t>(), n,
                               ties.data<const uint64_t>(), steps, reading);
  });
}

}  // namespace

void bind_cuda_locations(py::module_& module) {
  py::class_<Locations>(module, "Locations", "Addresses of hard locations on a GPU; the caller keeps them.")
      .def(py::init<const Span&, size_t, size_t, size_t>(), py::arg("addresses"), py::arg("dim"), py::arg("radius"),
           py::arg("k"));
  module.def("write_locations", &write_locations, py::arg("locations"), py::arg("asked"), py::arg("values"),
             py::arg("weights"), py::arg("counters"), py::arg("width"), py::arg("n_bytes"), py::arg("limit"),
             "Add values to the counters of the locations that addresses activate.");
  module.def("largest_load", &largest_load, py::arg("locations"), py::arg("asked"), py::arg("weights"),
             "The most that magnitudes of weights add up to at a location.");
  module.def("largest_counter", &largest_counter, py::arg("counters"), py::arg("others"), py::arg("n_bytes"),
             "The largest magnitude of counters, or of their sums with others.");
  module.def("join_counters", &join_counters, py::arg("counters"), py::arg("others"), py::arg("n_bytes"),
             py::arg("limit"), "Add counters to others, within a limit that is not 0.");
  module.def("read_locations", &read_locations, py::arg("locations"), py::arg("counters"), py::arg("width"),
             py::arg("n_bytes"), py::arg("asked"), py::arg("ties"), py::arg("steps"), py::arg("states"),
             py::arg("sums"), py::arg("active"), py::arg("n_steps"), py::arg("converged"),
             "Signs of the sums of the counters that addresses activate.");
}

}  // namespace hypersketch::bindings
