"""Packaging of fpd_tf; versions known to work together stand in constraints.txt."""

from pathlib import Path

from setuptools import find_packages, setup

APPS = ["android/**", "ios/**", "web/**", "*/.gitignore", "models/*"]

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
        "tensorflow",
        "keras",
        "tf_keras",
        "tensorflow-model-optimization",
        "ai-edge-litert",
        "flatbuffers",
        "numpy",
        "scipy",
        "opencv-python",
        "pillow",
        "matplotlib",
        "jinja2",
        "pydantic",
        "pycocotools",
        "pyyaml",
        "rich",
        "typer",
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
