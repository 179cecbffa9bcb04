"""Times .tflite files, from this folder: `fpd benchmark` under another name.

Example:
    python benchmark.py student.tflite student.int8.tflite
"""

import sys

from fpd_tf.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "benchmark")
    main()
