/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_CANONICAL_H
#define LIB_AWS_CANONICAL_H

/*
 * The one spelling in which a path and a query are signed, whichever of the many that mean the
 * same a request has ("Create a canonical request", IAM user guide).  Pure.
 */

/**
 * canonical_path(path):
 * Without empty, "." and ".." segments; all but unreserved characters (RFC 3986 section 2.3)
 * percent-encoded, a "%" too: a path that is encoded already is encoded a second time, as every
 * service but S3 expects.  At least "/".  The caller owns the result.
 */
char *canonical_path(const char *path);

/**
 * canonical_query(query):
 * The parameters of ${query} (what follows the "?") in the order of their names, then of their
 * values, each with a "=".  Percent-encodings stay as they are, what needs one gets it.  The
 * caller owns the result.
 */
char *canonical_query(const char *query);

#endif
