/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_ISSUER_H
#define TESTS_BENCH_ISSUER_H

/*
 * A CA that issues in 50 us: EC P-256 leaves cut from one template, whose keys follow from the certificate's
 * number and generation.  So a key takes no memory, and a leaf only from when somebody asks for it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/time.h"

struct issuer;

/* One issue of certificate ${index}. */
struct leaf {
	struct leaf *older;
	unsigned index, generation;
	usec_t not_before, not_after;
	unsigned char *der; /* NULL until issuer_make() */
	size_t length;
};

#define ISSUER_GROUP         1000 /* certificates of one domain */
#define ISSUER_NAME_LENGTH   24
#define ISSUER_SERIAL_LENGTH 16
#define ISSUER_KEY_LENGTH    32

/* issuer_name(index, name): the one DNS name of certificate ${index}, "c001234.g001.example.com": g is its number over
 * ISSUER_GROUP.  Returns ${name}. */
char *issuer_name(unsigned index, char name[static ISSUER_NAME_LENGTH + 1]);

/* issuer_new(now): a CA, valid from a year before ${now} for ten.  Never fails. */
struct issuer *issuer_new(usec_t now);

/* issuer_ca(issuer): its certificate in PEM, borrowed. */
const char *issuer_ca(const struct issuer *issuer);

/* issuer_anchor(issuer): what certferry:anchor says of it, borrowed. */
const char *issuer_anchor(const struct issuer *issuer);

/* issuer_make(issuer, leaf): see that ${leaf} has its DER, which the caller releases with free(). */
void issuer_make(struct issuer *issuer, struct leaf *leaf);

/* issuer_serial(index, generation, serial) and back; reading finds it in a leaf's DER, or returns false. */
void issuer_serial(unsigned index, unsigned generation, unsigned char serial[static ISSUER_SERIAL_LENGTH]);
bool issuer_read_serial(const unsigned char *der, size_t length, unsigned *ret_index, unsigned *ret_generation);

/* issuer_key(index, generation, key): the private scalar. */
void issuer_key(unsigned index, unsigned generation, unsigned char key[static ISSUER_KEY_LENGTH]);

/* issuer_append_leaf(issuer, leaf, text): its PEM as it stands in JSON, "\n" for each line's end. */
void issuer_append_leaf(struct issuer *issuer, struct leaf *leaf, struct buf *text);

/* issuer_append_ca(issuer, text): the same for the CA's. */
void issuer_append_ca(const struct issuer *issuer, struct buf *text);

/**
 * issuer_append_key(issuer, leaf, passphrase, length, text):
 * The same for the leaf's key as ACM exports it: PKCS#8 under PBES2, PBKDF2-HMAC-SHA1 with 2048 rounds and a
 * salt of 20 bytes, AES-256-CBC.
 */
void issuer_append_key(struct issuer *issuer, struct leaf *leaf, const void *passphrase, size_t length,
	struct buf *text);

/* issuer_clear_key(issuer, leaf, text): its key unencrypted, PKCS#8 in PEM with real line ends. */
void issuer_clear_key(struct issuer *issuer, struct leaf *leaf, struct buf *text);

struct issuer *issuer_free(struct issuer *issuer);

#endif
