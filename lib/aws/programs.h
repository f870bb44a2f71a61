/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_PROGRAMS_H
#define LIB_AWS_PROGRAMS_H

#include "lib/base/error.h"

/* program_find(name): where execvp(3) would find it; ${name} itself if nowhere.  The caller owns it. */
char *program_find(const char *name);

/**
 * programs_of_profiles(config_path, credentials_path, programs, err):
 * The files that running each profile's credential_process executes, each once: the program, looked up in PATH unless
 * it has a slash, and of a script its interpreter too (of "#!/usr/bin/env NAME" both).  For whoever has to allow them.
 * Absent files of profiles have none; errors are those of profiles_load().  The caller owns the list.
 */
int programs_of_profiles(const char *config_path, const char *credentials_path,
	char ***ret_programs, struct error *err);

#endif
