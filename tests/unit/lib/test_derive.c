/* SPDX-License-Identifier: Apache-2.0 */
/* PBKDF2: published vectors, and beside OpenSSL's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "lib/base/buf.h"
#include "lib/pki/derive.h"

#define LONG_PASSPHRASE "passwordPASSWORDpassword"
#define LONG_SALT       "saltSALTsaltSALTsaltSALTsaltSALTsalt"

static struct der der_from(const void *data, size_t length)
{
	return (struct der){ data, length };
}

static void check(const char *digest, struct der passphrase, struct der salt, unsigned rounds,
	const char *expected)
{
	_cleanup_(buf_done) struct buf hex = BUF_NULL;
	unsigned char key[64];
	size_t length = strlen(expected) / 2;

	assert_true(derive_pbkdf2(passphrase, salt, rounds, digest, key, length));
	for (size_t i = 0; i < length; i++)
		buf_printf(&hex, "%02x", key[i]);
	assert_string_equal(hex.data, expected);
}

static void check_text(const char *digest, const char *passphrase, const char *salt,
	unsigned rounds, const char *expected)
{
	check(digest, der_from(passphrase, strlen(passphrase)), der_from(salt, strlen(salt)), rounds,
		expected);
}

/* All of RFC 6070 but the one with 16,777,216 rounds. */
static void test_sha1(void **state)
{
	check_text("SHA1", "password", "salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6");
	check_text("SHA1", "password", "salt", 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957");
	check_text("SHA1", "password", "salt", 4096, "4b007901b765489abead49d926f721d065a429c1");
	check_text("SHA1", LONG_PASSPHRASE, LONG_SALT, 4096,
		"3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038");
	check("SHA1", der_from("pass\0word", 9), der_from("sa\0lt", 5), 4096,
		"56fa6aa75548099dcc37d7f03425e0c3");
}

/* SHA-256: the first of RFC 7914 section 11.  Of the others no RFC has any: made with Python's hashlib. */
static void test_sha2(void **state)
{
	check_text("SHA256", "passwd", "salt", 1,
		"55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
		"49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
	check_text("SHA256", LONG_PASSPHRASE, LONG_SALT, 4096,
		"348c89dbcbd32b2f32d814b8116e84cf2b17347ebc1800181c4e2a1fb8dd53e1c635518c7dac47e9");
	check_text("SHA224", LONG_PASSPHRASE, LONG_SALT, 4096,
		"056c4ba438ded91fc14e0594e6f52b87e1f3690c0dc0fbc05784ed9a754ca780e6c017e80c8de278");
	check_text("SHA384", LONG_PASSPHRASE, LONG_SALT, 4096,
		"819143ad66df9a552559b9e131c52ae6c5c1b0eed18f4d283b8c5c9eaeb92b392c147cc2d2869d58");
	check_text("SHA512", LONG_PASSPHRASE, LONG_SALT, 4096,
		"8c0511f4c6e597c6ac6315d8f0362e225f3c501495ba23b868c005174dc4ee71115b59f9e60cd953");
}

/* Passphrases around each digest's block, which is where they begin to count by their digest. */
static void test_beside_openssl(void **state)
{
	static const char *const digests[] = { "MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512",
		"SHA512-224", "SHA512-256" };
	static const size_t lengths[] = { 0, 1, 63, 64, 65, 127, 128, 129, 300 };
	unsigned char text[300], ours[64], theirs[64];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)(i * 7);
	for (size_t i = 0; i < ARRAY_SIZE(digests) * ARRAY_SIZE(lengths); i++) {
		const char *digest = digests[i / ARRAY_SIZE(lengths)];
		size_t length = lengths[i % ARRAY_SIZE(lengths)], size = 1 + i % sizeof(ours);
		EVP_MD *md = EVP_MD_fetch(NULL, digest, NULL);

		assert_true(PKCS5_PBKDF2_HMAC((char *)text, (int)length, text + 5, (int)(length / 2), 3,
			md, (int)size, theirs));
		assert_true(derive_pbkdf2(der_from(text, length), der_from(text + 5, length / 2), 3,
			digest, ours, size));
		assert_memory_equal(ours, theirs, size);
		EVP_MD_free(md);
	}
}

static void test_no_such_digest(void **state)
{
	unsigned char key[16];

	assert_false(derive_pbkdf2(der_from("x", 1), der_from("y", 1), 1, "MD6", key, sizeof(key)));
	/* No length of its own, so nothing to repeat. */
	assert_false(derive_pbkdf2(der_from("x", 1), der_from("y", 1), 1, "NULL", key, sizeof(key)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha1),
		cmocka_unit_test(test_sha2),
		cmocka_unit_test(test_beside_openssl),
		cmocka_unit_test(test_no_such_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
