/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_XML_H
#define LIB_AWS_XML_H

/*
 * As much XML as the query protocol's answers need (AWS STS): elements and text.  Strict: what
 * is not well formed, and every document type, CDATA section or depth above 16, is refused.
 * Attributes are skipped, namespaces are not looked at.
 */

#include <stddef.h>

/**
 * xml_find(data, length, path, text, text_length):
 * The text of the element at ${path} ("AssumeRoleResponse/AssumeRoleResult/Arn"; "*" is any name)
 * that holds text only: a part of ${data}, with its references still in it.  The whole of ${data} is
 * read.  0, -ENOENT if there is none, -EINVAL if ${data} is no such document or has two of them.
 */
int xml_find(const char *data, size_t length, const char *path, const char **ret_text,
	size_t *ret_length);

/**
 * xml_unescape(text, length, result):
 * Write ${text} with the five named references and the numeric ones below 128 resolved to
 * ${result}, which has room for ${length} bytes; others stay as they are.  Returns the new length.
 */
size_t xml_unescape(const char *text, size_t length, char *result);

#endif
