/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_VAULT_KV_H
#define LIB_VAULT_KV_H

/*
 * The key/value engine, version 2.  Nothing here reads data: what is there is known by its metadata.
 * A mount of version 1 would take a write under data/NAME with 204, store the envelope as the value
 * and ignore the check-and-set; so kv_mount() is to be asked before anything is written.
 *
 * Mounts and names are as people write them, "secret" and "tls/pay"; no part of a name may be "." or
 * "..".  All async: exactly one completion, never from inside the start; errors are those of
 * vault_done_fn.
 */

#include <stdint.h>

#include "lib/vault/vault.h"

struct kv_operation;

/* kv_done_fn(userdata, version, err): which version was written; 0 for what writes none. */
typedef void (*kv_done_fn)(void *userdata, uint64_t version, const struct error *err);

/* kv_mount(vault, mount, done, userdata): succeeds where ${mount} is kv of version 2.  ERROR_INVALID with VAULT_CODE_KV1 where
 * it is another engine or version; VAULT_CODE_NO_MOUNT where it is not there or the token sees nothing of it. */
struct kv_operation *kv_mount(struct vault *vault, const char *mount, kv_done_fn done, void *userdata);

/* What the metadata of a name say.  Valid only during the completion. */
struct kv_description {
	uint64_t current; /* version; 0: none was ever written */
	bool deleted; /* the current one is: its data are not there, or not until it is restored */
	usec_t written; /* when the current one was; 0: not known */
	char *const *custom; /* custom metadata, "KEY=VALUE", NULL-terminated */
};

typedef void (*kv_describe_fn)(void *userdata, const struct kv_description *description, const struct error *err);

/* kv_describe(vault, mount, name, done, userdata): ERROR_ABSENT where nothing is, not even metadata. */
struct kv_operation *kv_describe(
	struct vault *vault, const char *mount, const char *name, kv_describe_fn done, void *userdata);

/**
 * kv_write(vault, mount, name, current, data, done, userdata):
 * Write ${data}, a JSON object, as the version behind ${current} (0: the first), if that is still the
 * current one.  Sent once.  ERROR_CONFLICT with VAULT_CODE_CHANGED: another one is; ERROR_RETRY with
 * VAULT_CODE_AMBIGUOUS: it may be written; VAULT_CODE_KV1: the mount was of version 1, and holds it
 * now.  ${data} is borrowed until the call returns.
 */
struct kv_operation *kv_write(struct vault *vault, const char *mount, const char *name, uint64_t current,
	const struct secret *data, kv_done_fn done, void *userdata);

/* kv_begin(vault, mount, name, custom, done, userdata): make the metadata of a name of which there is nothing yet, with these
 * custom metadata ("KEY=VALUE", NULL-terminated).  Those that somebody made meanwhile are lost. */
struct kv_operation *kv_begin(struct vault *vault, const char *mount, const char *name, char *const *custom,
	kv_done_fn done, void *userdata);

/* kv_mark(vault, mount, name, custom, done, userdata): let these custom metadata ("KEY=VALUE", NULL-terminated; "KEY": it is
 * removed) have these values, and leave all others.  ERROR_ABSENT where nothing is. */
struct kv_operation *kv_mark(struct vault *vault, const char *mount, const char *name, char *const *custom,
	kv_done_fn done, void *userdata);

/* kv_cancel(operation): no callback after this returns; NULL is fine.  Returns NULL. */
struct kv_operation *kv_cancel(struct kv_operation *operation);

#endif
