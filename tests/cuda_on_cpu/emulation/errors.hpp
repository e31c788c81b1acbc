// SPDX-License-Identifier: Apache-2.0
// CUDA's error codes and the error that is kept for the next cudaGetLastError.
#pragma once

#include <cerrno>
#include <cstdlib>

// name, number, what cudaGetErrorString says
#define CUDA_ON_CPU_ERRORS(E)                                                                                 \
  E(cudaSuccess, 0, "no error")                                                                               \
  E(cudaErrorInvalidValue, 1, "invalid argument")                                                             \
  E(cudaErrorMemoryAllocation, 2, "out of memory")                                                            \
  E(cudaErrorInitializationError, 3, "initialization error")                                                  \
  E(cudaErrorCudartUnloading, 4, "driver shutting down")                                                      \
  E(cudaErrorInvalidConfiguration, 9, "invalid configuration argument")                                       \
  E(cudaErrorInvalidPitchValue, 12, "invalid pitch argument")                                                 \
  E(cudaErrorInvalidHostPointer, 16, "invalid host pointer")                                                  \
  E(cudaErrorInvalidDevicePointer, 17, "invalid device pointer")                                              \
  E(cudaErrorInvalidMemcpyDirection, 21, "invalid copy direction for memcpy")                                 \
  E(cudaErrorStubLibrary, 34, "CUDA driver is a stub library")                                                \
  E(cudaErrorInsufficientDriver, 35, "CUDA driver version is insufficient for CUDA runtime version")          \
  E(cudaErrorDevicesUnavailable, 46, "CUDA-capable device(s) is/are busy or unavailable")                     \
  E(cudaErrorInvalidDeviceFunction, 98, "invalid device function")                                            \
  E(cudaErrorNoDevice, 100, "no CUDA-capable device is detected")                                             \
  E(cudaErrorInvalidDevice, 101, "invalid device ordinal")                                                    \
  E(cudaErrorNoKernelImageForDevice, 209, "no kernel image is available for execution on the device")         \
  E(cudaErrorECCUncorrectable, 214, "uncorrectable ECC error encountered")                                    \
  E(cudaErrorUnsupportedLimit, 215, "limit is not supported on this architecture")                            \
  E(cudaErrorPeerAccessUnsupported, 217, "peer access is not supported between these two devices")            \
  E(cudaErrorInvalidResourceHandle, 400, "invalid resource handle")                                           \
  E(cudaErrorNotReady, 600, "device not ready")                                                               \
  E(cudaErrorIllegalAddress, 700, "an illegal memory access was encountered")                                 \
  E(cudaErrorLaunchOutOfResources, 701, "too many resources requested for launch")                            \
  E(cudaErrorLaunchTimeout, 702, "the launch timed out and was terminated")                                   \
  E(cudaErrorPeerAccessAlreadyEnabled, 704, "peer access is already enabled")                                 \
  E(cudaErrorPeerAccessNotEnabled, 705, "peer access has not been enabled")                                   \
  E(cudaErrorContextIsDestroyed, 709, "context is destroyed")                                                 \
  E(cudaErrorAssert, 710, "device-side assert triggered")                                                     \
  E(cudaErrorHostMemoryAlreadyRegistered, 712, "part or all of the requested memory range is already mapped") \
  E(cudaErrorHostMemoryNotRegistered, 713, "pointer does not correspond to a registered memory region")       \
  E(cudaErrorHardwareStackError, 714, "hardware stack error")                                                 \
  E(cudaErrorIllegalInstruction, 715, "an illegal instruction was encountered")                               \
  E(cudaErrorMisalignedAddress, 716, "misaligned address")                                                    \
  E(cudaErrorInvalidAddressSpace, 717, "operation not supported on global/shared address space")              \
  E(cudaErrorInvalidPc, 718, "invalid program counter")                                                       \
  E(cudaErrorLaunchFailure, 719, "unspecified launch failure")                                                \
  E(cudaErrorNotPermitted, 800, "operation not permitted")                                                    \
  E(cudaErrorNotSupported, 801, "operation not supported")                                                    \
  E(cudaErrorSystemDriverMismatch, 803, "system has unsupported display driver / cuda driver combination")    \
  E(cudaErrorUnknown, 999, "unknown error")

enum cudaError_t {
#define CUDA_ON_CPU_ENUMERATOR(name, number, text) name = number,
  CUDA_ON_CPU_ERRORS(CUDA_ON_CPU_ENUMERATOR)
#undef CUDA_ON_CPU_ENUMERATOR
};

namespace cuda_on_cpu {

inline thread_local cudaError_t last_error = cudaSuccess;

inline cudaError_t result(cudaError_t status) {
  if (status != cudaSuccess) last_error = status;
  return status;
}

inline unsigned long long environment(const char* name, unsigned long long otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

inline constexpr int kGarbage = 0xA5;  // what fresh memory is filled with

}  // namespace cuda_on_cpu

inline cudaError_t cudaPeekAtLastError() { return cuda_on_cpu::last_error; }
inline cudaError_t cudaGetLastError() {
  const cudaError_t status = cuda_on_cpu::last_error;
  cuda_on_cpu::last_error = cudaSuccess;
  return status;
}

inline const char* cudaGetErrorString(cudaError_t status) {
  switch (status) {
#define CUDA_ON_CPU_CASE(name, number, text) \
  case name:                                 \
    return text;
    CUDA_ON_CPU_ERRORS(CUDA_ON_CPU_CASE)
#undef CUDA_ON_CPU_CASE
  }
  return "unrecognized error code";
}

inline const char* cudaGetErrorName(cudaError_t status) {
  switch (status) {
#define CUDA_ON_CPU_CASE(name, number, text) \
  case name:                                 \
    return #name;
    CUDA_ON_CPU_ERRORS(CUDA_ON_CPU_CASE)
#undef CUDA_ON_CPU_CASE
  }
  return "unrecognized error code";
}
