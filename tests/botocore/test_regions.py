# SPDX-License-Identifier: Apache-2.0
"""Are the regions that --check knows the ones of this botocore?"""
import json
import pathlib
import re

import botocore

TABLE = pathlib.Path(__file__).resolve().parents[2] / "daemon/config/regions.c"


def test_the_regions_are_those_of_botocore():
    known = json.loads(pathlib.Path(botocore.__file__).with_name("data").joinpath("partitions.json").read_text())
    theirs = [region for partition in known["partitions"] for region in partition["regions"]]
    ours = re.findall(r'"([a-z0-9-]+)"', TABLE.read_text().split("regions[] = {")[1].split("};")[0])
    assert sorted(ours) == sorted(region for region in theirs if not region.endswith("-global"))
