/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/config.h"

#include <errno.h>

#include "daemon/config/files.h"
#include "daemon/config/read.h"
#include "daemon/config/rules.h"
#include "daemon/config/warnings.h"

/* Whatever could be read is judged, also beside a file that could not: all is said in one run.
 * ${warnings} may be NULL. */
static int load(struct config_files *files, struct desired **ret, struct config_problems *problems,
	struct config_problems *warnings)
{
	_cleanup_(desired_freep) struct desired *desired = NULL;

	files_unite(files, problems);
	desired = config_read(files->root, problems);
	if (!files->incomplete)
		rules_apply(desired, files->root, problems);
	if (!files->incomplete && warnings)
		warnings_find(desired, files->root, warnings);
	files_done(files);
	problems_sort(problems);
	if (warnings)
		problems_sort(warnings);
	if (problems->count)
		return -EINVAL;
	*ret = take(desired);
	return 0;
}

int config_load_directory(const char *directory, struct desired **ret,
	struct config_problems *problems, struct config_problems *warnings)
{
	struct config_files files = CONFIG_FILES_NULL;

	files_read_directory(&files, directory, problems);
	return load(&files, ret, problems, warnings);
}

int config_load(const char *file, struct desired **ret, struct config_problems *problems,
	struct config_problems *warnings)
{
	struct config_files files = CONFIG_FILES_NULL;

	if (!file)
		return config_load_directory(CERTFERRY_SYSCONFDIR, ret, problems, warnings);
	files_read(&files, file, problems);
	return load(&files, ret, problems, warnings);
}

int config_parse(const char *file, const char *text, size_t length, struct desired **ret,
	struct config_problems *problems)
{
	struct config_files files = CONFIG_FILES_NULL;

	files_add(&files, file, text, length, problems);
	return load(&files, ret, problems, NULL);
}
