"""Renders networks on a GPU, to the same bits as on the processor.

``kernels.cu`` has the code of the GPU, ``plans`` what each of its blocks is to do. ``card`` is the only module that
knows NVIDIA's packages, and ``batches`` brings all together.
"""
