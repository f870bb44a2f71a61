/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/material.h"

#include <errno.h>
#include <openssl/objects.h>
#include <string.h>

/* rsaEncryption with its NULL parameters, and id-ecPublicKey: AlgorithmIdentifier's parts. */
static const unsigned char rsa_algorithm[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
	0x01, 0x01, 0x05, 0x00 };
static const unsigned char ec_algorithm[] = { 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
	0x01 };

static bool begins_with(const struct der *der, const unsigned char *prefix, size_t length)
{
	return der->left >= length && memcmp(der->at, prefix, length) == 0;
}

int material_read_rsa(struct der der, struct material *ret_material)
{
	struct material material = { .rsa = der };
	struct der content;

	if (!der_take(&der, DER_SEQUENCE, &content) || der.left > 0)
		return -EINVAL;
	/* Version 1 would have more than two primes. */
	if (!der_take_small(&content, 0))
		return -EINVAL;
	for (int i = 0; i < RSA_NUMBERS; i++)
		if (!der_take_number(&content, &material.number[i]))
			return -EINVAL;
	if (content.left > 0)
		return -EINVAL;
	*ret_material = material;
	return 0;
}

/* Take over the curve named by the whole OID ${oid}; where one is set already, it must be the same.
 * */
static int name_curve(struct material *material, struct der oid)
{
	const unsigned char *at = oid.at;
	ASN1_OBJECT *object;

	if (material->oid.left > 0)
		return der_equal(&material->oid, &oid) ? 0 : -EINVAL;
	object = d2i_ASN1_OBJECT(NULL, &at, (long)oid.left);
	material->curve = object ? OBJ_obj2nid(object) : NID_undef;
	material->oid = oid;
	ASN1_OBJECT_free(object);
	return material->curve == NID_undef ? -EINVAL : 0;
}

/* The optional tail of ECPrivateKey: [0] the curve's name, [1] the public key. */
static int read_ec_tail(struct der content, struct material *material)
{
	struct der inner, oid;

	if (der_peek(&content, DER_CONTEXT_0)) {
		if (!der_take(&content, DER_CONTEXT_0, &inner) ||
			!der_take_whole(&inner, DER_OID, &oid) || inner.left > 0 ||
			name_curve(material, oid) < 0)
			return -EINVAL;
	}
	if (der_peek(&content, DER_CONTEXT_1)) {
		if (!der_take(&content, DER_CONTEXT_1, &inner) ||
			!der_take(&inner, DER_BIT_STRING, &material->given_point) || inner.left > 0)
			return -EINVAL;
	}
	return content.left > 0 ? -EINVAL : 0;
}

/* Writers differ in how many octets they give the scalar; RFC 5915 wants as many as the order has.
 * */
static void strip_zeros(struct der *number)
{
	for (; number->left > 0 && number->at[0] == 0; number->left--)
		number->at++;
}

static int read_ec(struct der der, struct material *material)
{
	struct der content;

	if (!der_take(&der, DER_SEQUENCE, &content) || der.left > 0)
		return -EINVAL;
	if (!der_take_small(&content, 1) ||
		!der_take(&content, DER_OCTET_STRING, &material->scalar))
		return -EINVAL;
	strip_zeros(&material->scalar);
	if (read_ec_tail(content, material) < 0)
		return -EINVAL;
	return material->curve == NID_undef ? -EINVAL : 0;
}

int material_read_ec(struct der der, struct material *ret_material)
{
	struct material material = { 0 };
	int r = read_ec(der, &material);

	if (r == 0)
		*ret_material = material;
	return r;
}

int material_read_pkcs8(struct der der, struct material *ret_material)
{
	struct material material = { 0 };
	struct der content, algorithm, key, oid;

	if (!der_take(&der, DER_SEQUENCE, &content) || der.left > 0)
		return -EINVAL;
	/* Attributes may follow the key; no certificate depends on them. */
	if (!der_take_small(&content, 0) || !der_take(&content, DER_SEQUENCE, &algorithm) ||
		!der_take(&content, DER_OCTET_STRING, &key))
		return -EINVAL;
	if (algorithm.left == sizeof(rsa_algorithm) &&
		begins_with(&algorithm, rsa_algorithm, sizeof(rsa_algorithm)))
		return material_read_rsa(key, ret_material);
	if (!begins_with(&algorithm, ec_algorithm, sizeof(ec_algorithm)))
		return -EINVAL;
	algorithm.at += sizeof(ec_algorithm);
	algorithm.left -= sizeof(ec_algorithm);
	if (!der_take_whole(&algorithm, DER_OID, &oid) || algorithm.left > 0 ||
		name_curve(&material, oid) < 0 || read_ec(key, &material) < 0)
		return -EINVAL;
	*ret_material = material;
	return 0;
}

/* The sizes of ECPrivateKey's tail: [0] and [1] with what is in them. */
static size_t curve_size(const struct material *material)
{
	return der_size(material->oid.left);
}

static size_t point_size(const struct material *material)
{
	return der_size(der_size(1 + material->point_length));
}

static void append_scalar(struct secret *der, const struct material *material)
{
	der_append_header(der, DER_OCTET_STRING, material->width);
	secret_extend(der, material->width - material->scalar.left);
	secret_append(der, material->scalar.at, material->scalar.left);
}

static void append_ec_tail(struct secret *der, const struct material *material, bool with_curve)
{
	if (with_curve)
		der_append(der, DER_CONTEXT_0, material->oid.at, material->oid.left);
	der_append_header(der, DER_CONTEXT_1, der_size(1 + material->point_length));
	der_append_header(der, DER_BIT_STRING, 1 + material->point_length);
	secret_append(der, "", 1); /* no unused bits */
	secret_append(der, material->point, material->point_length);
}

int material_write_ec(const struct material *material, bool with_curve, struct secret **ret_der,
	struct error *err)
{
	size_t content = der_size(1) + der_size(material->width) +
			 (with_curve ? curve_size(material) : 0) + point_size(material);
	struct secret *der;
	int r;

	r = secret_new(der_size(content), &der, err);
	if (r < 0)
		return r;
	der_append_header(der, DER_SEQUENCE, content);
	der_append(der, DER_INTEGER, "\1", 1);
	append_scalar(der, material);
	append_ec_tail(der, material, with_curve);
	*ret_der = der;
	return 0;
}

/* PrivateKeyInfo around the ${key} of the algorithm ${name}, whose parameter is ${parameter}. */
static int wrap_pkcs8(struct der name, struct der parameter, struct der key,
	struct secret **ret_der, struct error *err)
{
	size_t algorithm = name.left + parameter.left;
	size_t content = der_size(1) + der_size(algorithm) + der_size(key.left);
	struct secret *der;
	int r;

	r = secret_new(der_size(content), &der, err);
	if (r < 0)
		return r;
	der_append_header(der, DER_SEQUENCE, content);
	der_append(der, DER_INTEGER, "\0", 1);
	der_append_header(der, DER_SEQUENCE, algorithm);
	secret_append(der, name.at, name.left);
	secret_append(der, parameter.at, parameter.left);
	der_append(der, DER_OCTET_STRING, key.at, key.left);
	*ret_der = der;
	return 0;
}

int material_write_pkcs8(
	const struct material *material, struct secret **ret_der, struct error *err)
{
	static const struct der rsa_name = { rsa_algorithm, sizeof(rsa_algorithm) };
	static const struct der ec_name = { ec_algorithm, sizeof(ec_algorithm) };
	_cleanup_(secret_freep) struct secret *key = NULL;
	struct der inner;
	int r;

	if (material->curve == NID_undef)
		return wrap_pkcs8(rsa_name, (struct der){ 0 }, material->rsa, ret_der, err);
	r = material_write_ec(material, false, &key, err);
	if (r < 0)
		return r;
	inner = (struct der){ (const unsigned char *)secret_borrow(key), secret_length(key) };
	return wrap_pkcs8(ec_name, material->oid, inner, ret_der, err);
}
