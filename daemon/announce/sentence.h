/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ANNOUNCE_SENTENCE_H
#define DAEMON_ANNOUNCE_SENTENCE_H

/* Sentences and fields of a change. */

#include "daemon/model/change.h"
#include "lib/log/log.h"

/**
 * sentence_make(pattern, subject, change, others):
 * ${pattern} with its words in braces replaced by what they stand for, which the caller owns:
 *	{name} {delivery} {target}	of the subject
 *	{error} {words} {who} {hold}	of the change
 *	{end}				when its version expires
 *	{count} {total}			numbers
 *	{y|ies}				the first where the number before it is one, else the second
 *	{again}				"" or when it is tried again, after a semicolon
 *	{others}			"" or how many alike were left unsaid before it
 * Another word in braces is our mistake, and ends the program.
 */
char *sentence_make(const char *pattern, const struct change_subject *subject, const struct change *change,
	unsigned others);

/* sentence_fields(subject, change, fields): what they have of CERTFERRY_...; release with log_fields_done(). */
void sentence_fields(
	const struct change_subject *subject, const struct change *change, struct log_fields *fields);

#endif
