"""What setup.cfg cannot say: the lane is compiled, and left out where it cannot be."""

from glob import glob

from setuptools import Extension, setup

lane = Extension(
    "servers._lane",
    sources=sorted(glob("servers/lane/*.c")),
    depends=["servers/lane/lane.h"],
    optional=True,
)

setup(ext_modules=[lane])
