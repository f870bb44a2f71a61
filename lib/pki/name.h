/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PKI_NAME_H
#define LIB_PKI_NAME_H

/*
 * Names that a certificate can bear (RFC 5280 section 4.2.1.6), as texts of one form each, so that
 * equal names are equal texts.  The text alone says of which kind a name is.
 *
 *	NAME_DNS	lower case, without a dot at the end; "*.x" is a wildcard
 *	NAME_ADDRESS	IPv4 or IPv6, as inet_ntop() writes it
 *	NAME_URI	SCHEME:..., scheme and host in lower case
 *	NAME_EMAIL	LOCAL@HOST, the host in lower case
 */

enum name_kind {
	NAME_DNS,
	NAME_ADDRESS,
	NAME_URI,
	NAME_EMAIL,
};

/* name_kind(text): what ${text} is a name of; what is none of the others is NAME_DNS. */
enum name_kind name_kind(const char *text);

/* name_normal(text): ${text} in the form of its kind; the caller owns it. */
char *name_normal(const char *text);

#endif
