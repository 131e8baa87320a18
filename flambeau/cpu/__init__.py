"""The processor as a device: kernels as LLVM IR, compiled, and run by native threads."""
