/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/launch/become.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log/log.h"

#define UNIT_UMASK 0077 /* as the unit's */

static int set_names(const struct passwd *user)
{
	return setenv("HOME", user->pw_dir, 1) < 0 || setenv("USER", user->pw_name, 1) < 0 ||
			       setenv("LOGNAME", user->pw_name, 1) < 0
		       ? -1
		       : 0;
}

static int become(const struct passwd *user)
{
	if (initgroups(user->pw_name, user->pw_gid) < 0 ||
		setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
		setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
		return -1;
	(void)umask(UNIT_UMASK);
	return set_names(user);
}

int become_unit_user(const char *config_file, struct error *err)
{
	const struct passwd *user;

	if (geteuid() != 0 || config_file || getenv("STATE_DIRECTORY"))
		return 0;
	user = getpwnam(UNIT_USER);
	if (!user || user->pw_uid == 0)
		return 0;
	if (become(user) < 0)
		return error_set_errno(
			err, errno, "become user '" UNIT_USER "', as the service is");
	log_write(LOG_INFO, NULL, NULL, "Running as user '" UNIT_USER "', as the service does");
	return 0;
}
