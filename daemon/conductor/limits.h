/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONDUCTOR_LIMITS_H
#define DAEMON_CONDUCTOR_LIMITS_H

/*
 * What the process shares out among its parts, against what it is allowed: the table in daemon/README.md, which a test
 * compares with these sums.  Each part's share is a constant of its own file; that they fit together is asserted here, when
 * it is compiled where both sides are constants, at the start where one is the unit's.
 */

#include <stdbool.h>
#include <stdint.h>

#include "daemon/actor/room.h"
#include "daemon/bus/answer.h"
#include "daemon/bus/manager.h"
#include "daemon/dependent/prove.h"
#include "lib/aws/aws.h"
#include "lib/aws/sqs.h"
#include "lib/pki/secret.h"

/* A name that is being looked up takes one descriptor more than its connection will; each has a thread (TasksMax=). */
#define LOOKUPS_AT_ONCE 128

/* The event loop, the bus, the journal, the state database and its copies, the files of one write, and the programs of
 * credential_process with three each. */
#define REST_DESCRIPTORS 128

/* The program and its libraries, with a hundred deliveries or so at rest. */
#define REST_ROOM ((size_t)10 << 20)

#define LIMITS_DESCRIPTORS                                                                                             \
	(AWS_CALLS_MAX + LOOKUPS_AT_ONCE + PROOFS_AT_ONCE * PROOF_DESCRIPTORS + REQUESTS_MOST * REQUEST_DESCRIPTORS +  \
		ANSWERS_MOST + REST_DESCRIPTORS)

#define LIMITS_MEMORY                                                                                                  \
	(REST_ROOM + SECRET_HEAP_SIZE + AWS_CALLS_MAX * AWS_CALL_ROOM + AWS_HELD_MAX + AWS_ROOM +                      \
		AWS_ROOM_READING + SQS_ANSWER_LIMIT +                                                                  \
		PROOFS_AT_ONCE * ADDRESSES_AT_ONCE * HANDSHAKE_ROOM +                                                  \
		ANSWERS_MOST * (ANSWER_PIECE + ANSWER_MESSAGE_MOST) + LOOKED_IN_ALL * LOOKED_ROOM)

/*
 * What a certificate and a delivery take at rest, in bytes, a sixth more than found: 87 for each further settled delivery
 * (80 of them are its slot; tests/unit/shell/test_inventory.c), and some 1,500 for a certificate, from the bench's fleets of
 * 10,000 and 100,000.  What a start or a reload takes besides, for a moment, has to fit into LIMITS_MEMORY.
 */
#define CERTIFICATE_ROOM ((size_t)1750)
#define DELIVERY_ROOM	 ((size_t)104)

/* As many as these are in REST_ROOM. */
#define CERTIFICATES_AT_REST ((size_t)1000)

/* MemoryMax= of the unit, in MiB. */
#define UNIT_MEMORY 128

/* What the process is allowed; UINT64_MAX: as much as there is, or it cannot be read. */
struct limits {
	uint64_t descriptors; /* RLIMIT_NOFILE */
	uint64_t memory; /* of its control group, in bytes */
};

/**
 * limits_get(root, limits):
 * Raise the soft limit on descriptors to what is needed, as far as the hard one lets it, and read what is allowed then.
 * ${root}: "" or, for tests, what stands before /proc and /sys.
 */
void limits_get(const char *root, struct limits *ret_limits);

/* limits_memory(certificates, deliveries): what the process may need with so many, in bytes. */
uint64_t limits_memory(size_t certificates, size_t deliveries);

/* limits_unit_memory(certificates, deliveries): the MemoryMax= that the unit needs for them, in MiB: UNIT_MEMORY where that
 * suffices, else a multiple of 32. */
unsigned limits_unit_memory(size_t certificates, size_t deliveries);

/* limits_judge(limits, certificates, deliveries): what is too little for so many, in sentences for people; a list that the
 * caller owns, NULL: nothing is. */
char **limits_judge(const struct limits *limits, size_t certificates, size_t deliveries);

#endif
