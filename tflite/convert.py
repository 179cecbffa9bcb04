"""A trained network to .tflite, from this folder: `fpd export` under another name.

Example:
    python convert.py --model student.keras --out student.tflite
"""

import sys

from fpd_tf.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "export")
    main()
