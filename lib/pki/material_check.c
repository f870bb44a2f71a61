/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic on private numbers, all of it in the secure heap.  Whether p and q are prime is not
 * asked: they multiply to the modulus that the issuing CA signed.
 */
#include "lib/pki/material.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <string.h>

#define RSA_BITS_MAX 16384

static int heap_full(struct error *err)
{
	return error_set(err, ERROR_RETRY, 0, "no room in the secure heap to check the key");
}

static int inconsistent(struct error *err)
{
	return error_set(err, ERROR_INVALID, 0, "a private key whose parts do not belong together");
}

/* The sums of one check; each number is wiped when the context ends. */
struct sums {
	BN_CTX *context;
	BIGNUM *number[RSA_NUMBERS];
	BIGNUM *one_less; /* p - 1 or q - 1 */
	BIGNUM *expected;
	BIGNUM *left;
};

static bool sums_init(struct sums *sums, const struct material *material)
{
	sums->context = BN_CTX_secure_new();
	if (!sums->context)
		return false;
	BN_CTX_start(sums->context);
	for (int i = 0; i < RSA_NUMBERS; i++) {
		sums->number[i] = BN_CTX_get(sums->context);
		if (!sums->number[i] || !BN_bin2bn(material->number[i].at,
						(int)material->number[i].left, sums->number[i]))
			return false;
		BN_set_flags(sums->number[i], BN_FLG_CONSTTIME);
	}
	sums->one_less = BN_CTX_get(sums->context);
	sums->expected = BN_CTX_get(sums->context);
	sums->left = BN_CTX_get(sums->context);
	return sums->left != NULL;
}

static void sums_done(struct sums *sums)
{
	BN_CTX_end(sums->context);
	BN_CTX_free(sums->context);
}

/* 1: both are the same; 0: they are not; -1: no memory, as the sum that made one of them said. */
static int same(int made, const BIGNUM *a, const BIGNUM *b)
{
	return made ? BN_cmp(a, b) == 0 : -1;
}

/* Do the exponent and its remainder fit the prime: d * e = 1 and d = d' mod (prime - 1)? */
static int check_prime(struct sums *s, enum rsa_number prime, enum rsa_number remainder)
{
	BIGNUM **n = s->number;
	int r;

	if (BN_num_bits(n[prime]) < 2)
		return 0;
	if (!BN_copy(s->one_less, n[prime]) || !BN_sub_word(s->one_less, 1))
		return -1;
	r = same(BN_mod_mul(s->left, n[RSA_PRIVATE_EXPONENT], n[RSA_PUBLIC_EXPONENT], s->one_less,
			 s->context),
		s->left, BN_value_one());
	if (r <= 0)
		return r;
	return same(BN_nnmod(s->left, n[RSA_PRIVATE_EXPONENT], s->one_less, s->context), s->left,
		n[remainder]);
}

static int check_rsa(struct sums *s)
{
	BIGNUM **n = s->number;
	int r;

	r = same(BN_mul(s->left, n[RSA_PRIME_P], n[RSA_PRIME_Q], s->context), s->left,
		n[RSA_MODULUS]);
	if (r > 0)
		r = check_prime(s, RSA_PRIME_P, RSA_EXPONENT_P);
	if (r > 0)
		r = check_prime(s, RSA_PRIME_Q, RSA_EXPONENT_Q);
	if (r <= 0)
		return r;
	return same(
		BN_mod_mul(s->left, n[RSA_PRIME_Q], n[RSA_COEFFICIENT], n[RSA_PRIME_P], s->context),
		s->left, BN_value_one());
}

static int material_check_rsa(struct material *material, struct error *err)
{
	struct sums sums = { 0 };
	int r = -1;

	if (material->number[RSA_MODULUS].left > RSA_BITS_MAX / 8)
		return error_set(
			err, ERROR_INVALID, 0, "an RSA key of more than %d bits", RSA_BITS_MAX);
	for (int i = 0; i < RSA_NUMBERS; i++)
		if (material->number[i].left > material->number[RSA_MODULUS].left)
			return inconsistent(err);
	if (sums_init(&sums, material))
		r = check_rsa(&sums);
	sums_done(&sums);
	ERR_clear_error();
	if (r < 0)
		return heap_full(err);
	return r ? 0 : inconsistent(err);
}

/* Is the scalar within [1, order)? */
static bool scalar_fits(const BIGNUM *scalar, const EC_GROUP *group)
{
	return !BN_is_zero(scalar) && BN_cmp(scalar, EC_GROUP_get0_order(group)) < 0;
}

/* The public point of the scalar, as octets; false: no memory. */
static bool compute_point(
	struct material *material, const EC_GROUP *group, const BIGNUM *scalar, BN_CTX *context)
{
	EC_POINT *point = EC_POINT_new(group);

	if (point && EC_POINT_mul(group, point, scalar, NULL, NULL, context))
		material->point_length = EC_POINT_point2oct(group, point,
			POINT_CONVERSION_UNCOMPRESSED, material->point, sizeof(material->point),
			context);
	EC_POINT_free(point);
	return material->point_length > 0;
}

/* A public key that came along, in the BIT STRING's bytes: none unused, then the point. */
static bool given_point_fits(const struct material *material)
{
	const struct der *given = &material->given_point;

	return given->left == 0 ||
	       (given->left == 1 + material->point_length && given->at[0] == 0 &&
		       memcmp(given->at + 1, material->point, material->point_length) == 0);
}

static int check_ec(struct material *material, const EC_GROUP *group, struct error *err)
{
	BN_CTX *context = BN_CTX_secure_new();
	BIGNUM *scalar = BN_secure_new();
	int r = 0;

	material->width = ((size_t)EC_GROUP_order_bits(group) + 7) / 8;
	if (material->scalar.left > material->width)
		r = inconsistent(err);
	else if (!context || !scalar ||
		 !BN_bin2bn(material->scalar.at, (int)material->scalar.left, scalar))
		r = heap_full(err);
	else if (!scalar_fits(scalar, group))
		r = inconsistent(err);
	else if (!compute_point(material, group, scalar, context))
		r = heap_full(err);
	else if (!given_point_fits(material))
		r = inconsistent(err);
	BN_clear_free(scalar);
	BN_CTX_free(context);
	ERR_clear_error();
	return r;
}

int material_check(struct material *material, struct error *err)
{
	EC_GROUP *group;
	int r;

	if (material->curve == NID_undef)
		return material_check_rsa(material, err);
	group = EC_GROUP_new_by_curve_name(material->curve);
	ERR_clear_error();
	if (!group)
		return error_set(
			err, ERROR_INVALID, 0, "a private key on a curve that is not known");
	r = check_ec(material, group, err);
	EC_GROUP_free(group);
	return r;
}

static bool number_is(const struct der *number, const EVP_PKEY *key, const char *parameter)
{
	BIGNUM *theirs = NULL, *ours = BN_bin2bn(number->at, (int)number->left, NULL);
	bool same_number;

	if (!ours)
		mem_exhausted();
	same_number = EVP_PKEY_get_bn_param(key, parameter, &theirs) && BN_cmp(ours, theirs) == 0;
	BN_free(ours);
	BN_free(theirs);
	return same_number;
}

static bool point_is(const struct material *material, const EVP_PKEY *key)
{
	size_t width = (material->point_length - 1) / 2;
	struct der x = { material->point + 1, width }, y = { material->point + 1 + width, width };
	char group[64];

	/* By coordinates: the certificate may hold its point compressed. */
	return EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) > 0 &&
	       OBJ_sn2nid(group) == material->curve &&
	       number_is(&x, key, OSSL_PKEY_PARAM_EC_PUB_X) &&
	       number_is(&y, key, OSSL_PKEY_PARAM_EC_PUB_Y);
}

bool material_is_of(const struct material *material, const struct certificate *certificate)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate->x509);
	bool is;

	if (material->curve != NID_undef)
		is = certificate->key_is_ec && point_is(material, key);
	else
		is = certificate->key_is_rsa &&
		     number_is(&material->number[RSA_MODULUS], key, OSSL_PKEY_PARAM_RSA_N) &&
		     number_is(&material->number[RSA_PUBLIC_EXPONENT], key, OSSL_PKEY_PARAM_RSA_E);
	ERR_clear_error();
	return is;
}
