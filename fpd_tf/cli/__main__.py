"""`python -m fpd_tf.cli VERB`, where the command `fpd` is not installed."""

from fpd_tf.cli import main

if __name__ == "__main__":
    main()
