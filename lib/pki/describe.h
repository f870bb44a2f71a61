/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PKI_DESCRIBE_H
#define LIB_PKI_DESCRIBE_H

/* For certificate.c: what an X.509 object says, as the plain fields of struct certificate. */

/* Circle with lib/pki/certificate.c: the fields are those of certificate.h. */
#include "lib/pki/certificate.h"

/**
 * certificate_describe(x509, certificate, err):
 * A certificate that owns ${x509}, which is released also on failure.  ERROR_INVALID: a field that
 * the description needs is malformed (dates, public key, names with bytes no name has, extensions
 * that occur twice).
 */
int certificate_describe(
	struct x509_st *x509, struct certificate **ret_certificate, struct error *err);

#endif
