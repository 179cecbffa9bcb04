"""Packaging of fpd_tf.

The tests run with the versions of constraints.txt. With the lowest versions that are
allowed here, all at once, those of verbs, data, models, scores and inference were run.
"""

from pathlib import Path

from setuptools import find_packages, setup

APPS = ["android/**", "ios/**", "web/**", "*/.gitignore", "models/*", "*.md"]

setup(
    name="fpd_tf",
    version="0.1.0",
    description="Fast Pose Distillation in Keras: from photographs to quantized TFLite",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=[*find_packages(include=["fpd_tf", "fpd_tf.*"]), "fpd_tf.apps"],
    package_dir={"fpd_tf.apps": "tflite"},
    package_data={
        "fpd_tf": ["py.typed"],
        "fpd_tf.demo": ["*.jinja"],
        "fpd_tf.inference": ["*.jinja"],
        "fpd_tf.apps": APPS,
    },
    entry_points={"console_scripts": ["fpd = fpd_tf.cli:main"]},
    install_requires=[
        "tensorflow>=2.20",
        "keras>=3.15",
        "tf_keras>=2.20",
        "tensorflow-model-optimization>=0.8.1",
        "ai-edge-litert>=2.1",
        "filelock>=3.16",
        "flatbuffers>=25.2",
        "numpy>=2.0",
        "scipy>=1.14",
        "opencv-python-headless>=4.10",
        "pillow>=11.0",
        "matplotlib>=3.10",
        "jinja2>=3.1",
        "pydantic>=2.10",
        "pycocotools>=2.0.8",
        "pyyaml>=6.0.1",
        "rich>=13.8",
        "typer>=0.28",
    ],
    extras_require={
        "dev": [
            *("hypothesis", "ipykernel", "jsonschema", "nbclient", "pytest", "ruff"),
            "tensorboard",
        ],
        "docs": ["mkdocs-material", "mkdocstrings[python]"],
        "notebooks": ["jupyterlab", "tensorboard"],
    },
)
