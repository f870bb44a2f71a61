# SPDX-License-Identifier: Apache-2.0
"""Is the reference the newest botocore, not the Debian package that the other floors use?"""
import sys

import boto3
import botocore


def test_the_reference_is_from_this_environment():
    assert sys.prefix != sys.base_prefix
    assert boto3.__file__.startswith(sys.prefix)
    assert botocore.__file__.startswith(sys.prefix)


def test_the_reference_is_newer_than_debians():
    """Debian 12 has 1.29; rule sets decide about endpoints since 1.31."""
    assert tuple(int(part) for part in botocore.__version__.split(".")[:2]) >= (1, 43)
