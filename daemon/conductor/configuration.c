/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/configuration.h"

#include <stdlib.h>

#include "daemon/config/config.h"
#include "lib/os/file.h"

#define TRUST_LIMIT ((size_t)1 << 20)

static int parse_trust(
	const char *path, const struct buf *pem, struct certificate_list *ret_trust, struct error *err)
{
	return certificate_list_parse(pem->data, pem->length, ret_trust, err) < 0
		       ? error_wrap(err, "'%s'", path)
		       : 0;
}

static int load_trust(struct configuration *configuration, struct error *err)
{
	const char *path = configuration->desired->source.trust;
	struct buf pem = BUF_NULL;
	int r;

	if (!path)
		return 0;
	r = file_read_trusted(path, TRUST_LIMIT, &pem, err);
	if (r == 0)
		r = parse_trust(path, &pem, &configuration->trust, err);
	if (r == 0 && configuration->trust.count == 0)
		r = error_set(err, ERROR_INVALID, 0, "'%s' holds no PEM certificate", path);
	buf_done(&pem);
	return r;
}

bool configuration_load(const char *file, struct configuration **ret_configuration,
	struct config_problems *problems, struct config_problems *warnings)
{
	_cleanup_(error_done) struct error err = ERROR_NULL;
	struct configuration *configuration = mem_new(struct configuration);

	configuration->references = 1;
	if (config_load(file, &configuration->desired, problems, warnings) == 0) {
		if (load_trust(configuration, &err) == 0) {
			*ret_configuration = configuration;
			return true;
		}
		problem_add_file(problems, "source.trust", "%s", err.text);
	}
	configuration_unref(configuration);
	return false;
}
