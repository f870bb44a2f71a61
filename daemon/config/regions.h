/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONFIG_REGIONS_H
#define DAEMON_CONFIG_REGIONS_H

/* The regions of AWS that are known here: those of the botocore that `make check-botocore` has. */

#include <stdbool.h>

/* region_is_known(region): it is one of them. */
bool region_is_known(const char *region);

/* region_nearest(region): the one that a mistyped ${region} is most like, or NULL. */
const char *region_nearest(const char *region);

#endif
