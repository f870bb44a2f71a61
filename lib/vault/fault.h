/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_VAULT_FAULT_H
#define LIB_VAULT_FAULT_H

/*
 * What a refusal of Vault or OpenBao means: by its status and, where that says too little, by its
 * words.  Pure.  Not for use outside lib/vault.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/aws/retry.h"
#include "lib/base/error.h"

enum vault_trouble {
	TROUBLE_OTHER,
	TROUBLE_FOREIGN, /* somebody between us and Vault answered */
	TROUBLE_DOWN,
	TROUBLE_SEALED,
	TROUBLE_STANDBY,
	TROUBLE_DR_SECONDARY,
	TROUBLE_PERFORMANCE_STANDBY,
	TROUBLE_BEHIND, /* it has not yet seen what another node wrote */
	TROUBLE_THROTTLED,
	TROUBLE_TOKEN, /* the token is no longer good */
	TROUBLE_DENIED, /* the token is good, and its policies do not allow this */
	TROUBLE_LOGIN, /* what was shown at a login is refused */
	TROUBLE_NOT_RENEWED, /* the token works on and cannot be renewed */
	TROUBLE_NO_MOUNT,
	TROUBLE_ABSENT,
	TROUBLE_DELETED,
	TROUBLE_CHANGED, /* the check-and-set did not match */
	TROUBLE_ENGINE, /* the mount is of another kind or version */
	TROUBLE_COUNT,
};

/* vault_trouble_name(trouble): "sealed", "standby", ..., for logs and tests. */
const char *vault_trouble_name(enum vault_trouble trouble);

/* What came back.  Borrowed. */
struct vault_answer {
	const char *address;
	bool login; /* it was one */
	bool fresh; /* the token was obtained a moment ago: another one would be refused as well */
	long status;
	const char *body;
	size_t length;
	const char *location; /* that header, or NULL */
};

struct vault_fault {
	enum vault_trouble trouble;
	enum fault_class class;
	enum error_kind kind;
	int code;
	char *text; /* what is wrong and what to do */
};

/* vault_fault_read(answer, fault): fill ${fault}, to be released with vault_fault_done(). */
void vault_fault_read(const struct vault_answer *answer, struct vault_fault *fault);

void vault_fault_done(struct vault_fault *fault);

#endif
