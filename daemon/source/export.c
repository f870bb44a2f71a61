/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One export.  It is at one step at a time:
 *	ASKED	ACM is being asked			operation != NULL, passphrase sound
 *	FAILING	it could not even be asked	deferred != NULL, error filled
 * and ends with done().  The passphrase is wiped as soon as the key has been decrypted.
 */

#include "daemon/source/acm.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/source/access.h"
#include "lib/aws/acm.h"
#include "lib/aws/defer.h"
#include "lib/pki/key.h"

struct acm_exporting {
	struct source_obtain base; /* first */
	char *arn;
	source_obtain_fn done;
	void *userdata;
	struct secret *passphrase;
	struct acm_operation *operation;
	struct sd_event_source *deferred;
	struct error error;
};

static struct acm_exporting *acm_exporting_free(struct acm_exporting *export)
{
	if (!export)
		return NULL;
	acm_cancel(export->operation);
	sd_event_source_unref(export->deferred);
	secret_free(export->passphrase);
	error_done(&export->error);
	free(export->arn);
	free(export);
	return NULL;
}

DEFINE_CLEANUP(struct acm_exporting *, acm_exporting_free);

/* The only end. */
static void finish(struct acm_exporting *export, struct bundle *bundle, const struct error *err)
{
	_cleanup_(acm_exporting_freep) struct acm_exporting *ended = export;
	_cleanup_(error_done) struct error problem = ERROR_NULL;

	ended->passphrase = secret_free(ended->passphrase);
	if (err) {
		error_copy(&problem, err);
		error_wrap(&problem, "export '%s'", ended->arn);
	}
	ended->done(ended->userdata, bundle, err ? &problem : NULL);
}

static int read_bundle(
	struct bundle *bundle, const char *leaf, const char *chain, struct error *err)
{
	int r;

	r = certificate_parse(leaf, strlen(leaf), &bundle->leaf, err);
	if (r < 0)
		return error_wrap(err, "rule 'leaf-readable'");
	r = certificate_chain_parse(chain, strlen(chain), &bundle->chain, err);
	if (r < 0)
		return error_wrap(err, "rule 'chain-readable'");
	return 0;
}

static void on_exported(void *userdata, const char *leaf, const char *chain, const char *key,
	const struct error *err)
{
	_cleanup_(error_done) struct error problem = ERROR_NULL;
	_cleanup_(bundle_freep) struct bundle *bundle = NULL;
	struct acm_exporting *export = userdata;
	int r;

	export->operation = NULL;
	if (err) {
		finish(export, NULL, err);
		return;
	}
	bundle = mem_new(struct bundle);
	r = key_decrypt(key, strlen(key), export->passphrase, &bundle->key, &problem);
	export->passphrase = secret_free(export->passphrase);
	if (r < 0 && problem.kind == ERROR_INVALID)
		error_wrap(&problem, "rule 'key-readable'");
	if (r == 0)
		r = read_bundle(bundle, leaf, chain, &problem);
	if (r < 0)
		finish(export, NULL, &problem);
	else
		finish(export, take(bundle), NULL);
}

static int on_deferred(struct sd_event_source *source, void *userdata)
{
	struct acm_exporting *export = userdata;

	finish(export, NULL, &export->error);
	return 0;
}

struct source_obtain *acm_source_obtain(struct aws *aws, const struct desired *desired,
	const struct source_certificate *certificate, source_obtain_fn done, void *userdata)
{
	const char *arn = certificate->arn;
	_cleanup_(freep) char *region = acm_arn_region(arn);
	struct acm_exporting *export = mem_new(struct acm_exporting);

	export->arn = mem_strdup(arn);
	export->done = done;
	export->userdata = userdata;
	if (!region)
		error_set(&export->error, ERROR_INVALID, 0, "this is not the ARN of an ACM certificate");
	else
		(void)passphrase_new(&export->passphrase, &export->error);
	if (export->error.kind != ERROR_NONE)
		export->deferred = defer(on_deferred, export, "source-export");
	else
		export->operation = acm_export(source_session(aws, &desired->source.access), region,
			arn, export->passphrase, on_exported, export);
	return &export->base;
}

void acm_source_obtain_cancel(struct source_obtain *obtain)
{
	acm_exporting_free((struct acm_exporting *)obtain);
}
