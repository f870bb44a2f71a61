/* SPDX-License-Identifier: Apache-2.0 */
/* What lib/vault decides without asking anybody: what refusals mean, when to act on a lease, paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/vault/fault.h"
#include "lib/vault/lease.h"
#include "lib/vault/vault.h"

#define DENIED "{\"errors\":[\"1 error occurred:\\n\\t* permission denied\\n\\n\"]}"

static const struct {
	long status;
	bool login, fresh;
	const char *body;
	enum vault_trouble trouble;
	enum fault_class class;
	enum error_kind kind;
} faults[] = {
	{ 503, 0, 0, "{\"errors\":[\"Vault is sealed\"]}", TROUBLE_SEALED, FAULT_FINAL, ERROR_RETRY },
	{ 503, 1, 0, "{\"errors\":[\"Vault is sealed\"]}", TROUBLE_SEALED, FAULT_FINAL, ERROR_RETRY },
	{ 503, 0, 0, "<html>", TROUBLE_DOWN, FAULT_TRANSIENT, ERROR_RETRY },
	{ 500, 0, 0, "{\"errors\":[\"failed to renew entry: gone\"]}", TROUBLE_NOT_RENEWED, FAULT_FINAL, ERROR_DENIED },
	{ 500, 0, 0, "{\"errors\":[\"internal error\"]}", TROUBLE_DOWN, FAULT_TRANSIENT, ERROR_RETRY },
	{ 472, 0, 0, "{}", TROUBLE_DR_SECONDARY, FAULT_FINAL, ERROR_RETRY },
	{ 473, 0, 0, "", TROUBLE_PERFORMANCE_STANDBY, FAULT_FINAL, ERROR_RETRY },
	{ 429, 0, 0, "{\"errors\":[\"rate limit quota exceeded\"]}", TROUBLE_THROTTLED, FAULT_THROTTLE, ERROR_RETRY },
	{ 412, 0, 0, "{\"errors\":[\"required index state not present\"]}", TROUBLE_BEHIND, FAULT_TRANSIENT, ERROR_RETRY },
	/* A dead token: OpenBao's words, then Vault's. */
	{ 403, 0, 0, "{\"errors\":[\"permission denied\"]}", TROUBLE_TOKEN, FAULT_EXPIRED, ERROR_DENIED },
	{ 403, 0, 1, "{\"errors\":[\"permission denied\"]}", TROUBLE_TOKEN, FAULT_EXPIRED, ERROR_DENIED },
	{ 403, 0, 0, "{\"errors\":[\"2 errors occurred:\\n\\t* permission denied\\n\\t* invalid token\\n\\n\"]}",
		TROUBLE_TOKEN, FAULT_EXPIRED, ERROR_DENIED },
	{ 403, 0, 0, DENIED, TROUBLE_DENIED, FAULT_EXPIRED, ERROR_DENIED },
	{ 403, 0, 1, DENIED, TROUBLE_DENIED, FAULT_FINAL, ERROR_DENIED },
	{ 403, 1, 0, "{\"errors\":[\"permission denied\"]}", TROUBLE_LOGIN, FAULT_FINAL, ERROR_DENIED },
	{ 403, 0, 1, "{\"errors\":[\"preflight capability check returned 403\"]}", TROUBLE_NO_MOUNT, FAULT_FINAL, ERROR_DENIED },
	{ 403, 0, 0, "<html>", TROUBLE_FOREIGN, FAULT_TRANSIENT, ERROR_RETRY },
	{ 404, 0, 0, "{\"errors\":[\"no handler for route \\\"x\\\". route entry not found.\"]}", TROUBLE_NO_MOUNT, FAULT_FINAL,
		ERROR_INVALID },
	{ 404, 0, 0, "{\"errors\":[\"namespace not found\"]}", TROUBLE_NO_MOUNT, FAULT_FINAL, ERROR_INVALID },
	{ 404, 0, 0, "{\"errors\":[]}", TROUBLE_ABSENT, FAULT_FINAL, ERROR_ABSENT },
	{ 404, 0, 0, "", TROUBLE_ABSENT, FAULT_FINAL, ERROR_ABSENT },
	{ 404, 0, 0, "<html>", TROUBLE_FOREIGN, FAULT_TRANSIENT, ERROR_RETRY },
	{ 404, 0, 0, "{\"data\":{\"data\":null,\"metadata\":{\"version\":1}}}", TROUBLE_DELETED, FAULT_FINAL, ERROR_ABSENT },
	{ 404, 0, 0, "{\"errors\":[],\"warnings\":[\"Invalid path for a versioned K/V secrets engine\"]}", TROUBLE_ENGINE,
		FAULT_FINAL, ERROR_INVALID },
	{ 405, 0, 0, "{\"errors\":[\"1 error occurred:\\n\\t* unsupported operation\\n\\n\"]}", TROUBLE_ENGINE, FAULT_FINAL,
		ERROR_INVALID },
	{ 400, 0, 0, "{\"errors\":[\"check-and-set parameter did not match the current version\"]}", TROUBLE_CHANGED, FAULT_FINAL,
		ERROR_CONFLICT },
	{ 400, 0, 0, "{\"errors\":[\"batch tokens cannot be renewed\"]}", TROUBLE_NOT_RENEWED, FAULT_FINAL, ERROR_DENIED },
	{ 400, 1, 0, "{\"errors\":[\"invalid role or secret ID\"]}", TROUBLE_LOGIN, FAULT_FINAL, ERROR_DENIED },
	{ 400, 1, 0, "{\"errors\":[\"error making upstream request: giving up after 4 attempts\"]}", TROUBLE_DOWN, FAULT_TRANSIENT,
		ERROR_RETRY },
	{ 400, 0, 0, "{\"errors\":[\"missing path\"]}", TROUBLE_OTHER, FAULT_FINAL, ERROR_INVALID },
	{ 302, 0, 0, "", TROUBLE_FOREIGN, FAULT_TRANSIENT, ERROR_RETRY },
	{ 200, 0, 0, "{}", TROUBLE_FOREIGN, FAULT_TRANSIENT, ERROR_RETRY },
};

static void test_refusals_are_told_apart(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		_cleanup_(vault_fault_done) struct vault_fault fault = { 0 };

		vault_fault_read(
			&(struct vault_answer){
				.address = "https://vault.example",
				.login = faults[i].login,
				.fresh = faults[i].fresh,
				.status = faults[i].status,
				.body = faults[i].body,
				.length = strlen(faults[i].body),
			},
			&fault);
		if (fault.trouble != faults[i].trouble || fault.class != faults[i].class || fault.kind != faults[i].kind)
			fail_msg("%ld %s: %s, %s, %s", faults[i].status, faults[i].body, vault_trouble_name(fault.trouble),
				fault_class_name(fault.class), error_kind_name(fault.kind));
		assert_null(strchr(fault.text, '\n'));
	}
}

static void test_a_standby_is_one_only_with_the_place_that_it_names(void **state)
{
	_cleanup_(vault_fault_done) struct vault_fault fault = { 0 };

	vault_fault_read(&(struct vault_answer){ .address = "a", .status = 307, .body = "", .location = "https://b" }, &fault);
	assert_int_equal(fault.trouble, TROUBLE_STANDBY);
	assert_non_null(strstr(fault.text, "https://b"));
}

static int read_lease(const char *text, struct lease *lease)
{
	json_t *json = json_loads(text, 0, NULL);
	int r = lease_read(json, lease);

	json_decref(json);
	return r;
}

static void test_leases_are_read_and_planned(void **state)
{
	struct lease lease;

	assert_int_equal(read_lease("{\"lease_duration\":100,\"renewable\":true}", &lease), 0);
	lease_plan(&lease, 1000 * USEC_PER_SEC, 999);
	assert_true(lease.renewable && lease.ends == 1100 * USEC_PER_SEC);
	assert_in_range(lease.act_at, 1060 * USEC_PER_SEC, 1070 * USEC_PER_SEC);
	assert_true(lease_is_short(&(struct lease){ .duration = 33 * USEC_PER_SEC }, lease.duration));
	assert_false(lease_is_short(&lease, lease.duration));
	lease_postpone(&lease, 1092 * USEC_PER_SEC);
	assert_int_equal(lease.act_at, 1094 * USEC_PER_SEC);
	lease_postpone(&lease, 1200 * USEC_PER_SEC); /* never at once, however late it is */
	assert_int_equal(lease.act_at, 1201 * USEC_PER_SEC);
	assert_int_equal(read_lease("{\"ttl\":0}", &lease), 0);
	lease_plan(&lease, USEC_PER_SEC, 0);
	assert_true(lease.ends == USEC_INFINITY && lease.act_at == USEC_INFINITY && !lease_is_short(&lease, USEC_INFINITY));
	assert_true(read_lease("{}", &lease) < 0);
	assert_true(read_lease("{\"lease_duration\":\"20\"}", &lease) < 0);
	assert_true(read_lease("{\"lease_duration\":-1}", &lease) < 0);
	assert_int_equal(read_lease("{\"lease_duration\":9223372036854775807}", &lease), 0);
	assert_true(lease.duration == USEC_INFINITY);
}

static void test_paths_are_encoded_part_by_part(void **state)
{
	_cleanup_(freep) char *path = vault_path("/kv/team/", "data", "tls/a b?c#d%", NULL);
	_cleanup_(freep) char *none = vault_path("", NULL);

	assert_string_equal(path, "kv/team/data/tls/a%20b%3Fc%23d%25");
	assert_string_equal(none, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals_are_told_apart),
		cmocka_unit_test(test_a_standby_is_one_only_with_the_place_that_it_names),
		cmocka_unit_test(test_leases_are_read_and_planned),
		cmocka_unit_test(test_paths_are_encoded_part_by_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
