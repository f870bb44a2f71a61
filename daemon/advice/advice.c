/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/advice/advice.h"

#include "daemon/config/config.h"

void advice_print(const char *config_file, FILE *stream)
{
	_cleanup_(config_problems_done) struct config_problems problems = CONFIG_PROBLEMS_NULL,
							       warnings = CONFIG_PROBLEMS_NULL;
	_cleanup_(desired_freep) struct desired *desired = NULL;

	(void)config_check(config_file, &desired, &problems, &warnings);
	config_problems_print(&warnings, stream);
}
