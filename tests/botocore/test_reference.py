# SPDX-License-Identifier: Apache-2.0
"""Is the reference the botocore of requirements.txt, not the Debian package that the other floors use?"""
import pathlib
import sys

import boto3
import botocore


def test_the_reference_is_from_this_environment():
    assert sys.prefix != sys.base_prefix
    assert boto3.__file__.startswith(sys.prefix)
    assert botocore.__file__.startswith(sys.prefix)


def test_the_reference_is_the_version_that_is_pinned():
    words = (pathlib.Path(__file__).with_name("requirements.txt")).read_text().split()
    assert {f"boto3=={boto3.__version__}", f"botocore=={botocore.__version__}"} <= set(words)
