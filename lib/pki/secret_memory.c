/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from secret.c, for programs that are linked with neither libcurl nor jansson. */
#include <curl/curl.h>
#include <jansson.h>

#include "lib/pki/secret.h"
#include "lib/pki/wiping.h"

int secret_memory_init(bool *ret_locked, struct error *err)
{
	bool locked;
	int r;

	r = secret_heap_init(&locked, err);
	if (r < 0)
		return r;
	json_set_alloc_funcs(wiping_malloc, wiping_free);
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiping_malloc, wiping_free, wiping_realloc,
		    wiping_strdup, wiping_calloc) != CURLE_OK)
		return error_set(err, ERROR_BUG, 0, "libcurl cannot be initialised");
	*ret_locked = locked;
	return 0;
}
