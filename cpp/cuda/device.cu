// SPDX-License-Identifier: Apache-2.0
// The GPUs of this machine. The runtime is linked statically and loads the driver when it is first asked, so that all
// of this answers, and throws nothing, on machines that have neither.
#include "runtime.cuh"

namespace hypersketch::cuda {
namespace {

constexpr int kLeastMajor = 8;  // the oldest architecture that wheels hold code for

// Major and minor of versions as CUDA writes them, 1000 * major + 10 * minor.
std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string driver_problem(cudaError_t status) {
  int driver = 0, runtime = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) return "No NVIDIA driver was found on this machine.";
  if (status == cudaErrorInsufficientDriver && cudaRuntimeGetVersion(&runtime) == cudaSuccess)
    return "The NVIDIA driver is too old: it knows CUDA " + version_text(driver) + ", hypersketch was built with " +
           version_text(runtime) + ".";
  if (status == cudaErrorNoDevice) return "The NVIDIA driver sees no GPU (is CUDA_VISIBLE_DEVICES set?).";
  return std::string("The NVIDIA driver answers: ") + cudaGetErrorString(status) + ".";
}

Device describe(int index) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, index), "Asking for a GPU's properties");
  return {properties.name, properties.major, properties.minor, properties.totalGlobalMem,
          properties.multiProcessorCount};
}

}  // namespace

std::string why_not() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  cudaGetLastError();
  if (status != cudaSuccess) return driver_problem(status);
  if (count == 0) return driver_problem(cudaErrorNoDevice);
  const Device first = describe(0);
  if (first.major < kLeastMajor)
    return "The GPU (" + first.name + ") is older than compute capability " + std::to_string(kLeastMajor) + ".0.";
  return {};
}

std::vector<Device> devices() {
  if (const std::string reason = why_not(); !reason.empty()) throw Error(reason);
  int count = 0;
  check(cudaGetDeviceCount(&count), "Counting the GPUs");
  std::vector<Device> found;
  for (int index = 0; index < count; ++index) found.push_back(describe(index));
  return found;
}

}  // namespace hypersketch::cuda
